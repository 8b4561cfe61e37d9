// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"drover.dev/drover/pkg/access/pki"
)

func TestWriteKubeconfig(t *testing.T) {
	dir := t.TempDir()
	authority, err := pki.Open(filepath.Join(dir, "pki"))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(pki.Request{Name: "admin", User: "drover-admin"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "admin.kubeconfig")
	if err := WriteKubeconfig(path, "https://127.0.0.1:7443", authority.CAFile(), pair, "drover-admin"); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, %v", info.Mode().Perm(), err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "https://127.0.0.1:7443" || len(config.CAData) == 0 || len(config.CertData) == 0 || len(config.KeyData) == 0 {
		t.Errorf("config for %s: files instead of data", config.Host)
	}
	raw, err := clientcmd.LoadFromFile(path)
	if err != nil || raw.CurrentContext != "federation" || raw.AuthInfos["drover-admin"] == nil {
		t.Errorf("context %q, users %v, %v", raw.CurrentContext, raw.AuthInfos, err)
	}
	if err := WriteKubeconfig(path, "https://a", filepath.Join(dir, "missing"), pair, "x"); err == nil {
		t.Error("written without a CA")
	}
}
