// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"drover.dev/drover/pkg/access/credentials"
	"drover.dev/drover/pkg/access/pki"
)

func TestKubeconfig(t *testing.T) {
	dir := t.TempDir()
	authority, err := pki.Open(credentials.PKIDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	admin, err := authority.Issue(pki.Request{Name: "admin", User: "drover-admin", Groups: []string{"system:masters"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := credentials.WriteKubeconfig(credentials.AdminKubeconfig(dir), "https://10.0.0.1:7443", authority.CAFile(), admin, "drover-admin"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "out.kubeconfig")
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, user, output string
		groups             []string
		want               []string
		not                string
	}{
		{"printed", "alice", "", nil, []string{"create rolebinding alice-edit --clusterrole=edit --user=alice --namespace=default", "--kubeconfig FILE "}, ""},
		{"to a file", "alice", file, []string{"dev", "ops"}, []string{"user alice in dev, ops", "create rolebinding dev-edit --clusterrole=edit --group=dev", "--kubeconfig " + file}, ""},
		{"a name that a shell would split", "o'hara; rm x", "", nil, []string{`--user='o'\''hara; rm x'`}, ""},
		{"a name that no object can have", "a/b", "", nil, []string{"rolebinding a-b-edit ", "--user=a/b"}, ""},
		{"an administrator", "bob", "", []string{"system:masters"}, []string{"user bob in system:masters"}, "rolebinding"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			options := NewKubeconfigOptions(Streams{Out: &out, ErrOut: &errOut})
			options.DataDir, options.Output, options.User, options.Groups = dir, tt.output, tt.user, tt.groups
			if err := options.Run(time.Now()); err != nil {
				t.Fatal(err)
			}
			data := out.Bytes()
			if tt.output != "" {
				info, err := os.Stat(tt.output)
				if err != nil || info.Mode().Perm() != 0o600 || len(data) > 0 {
					t.Errorf("mode %o, %v, and printed %q", info.Mode().Perm(), err, data)
				}
				if data, err = os.ReadFile(tt.output); err != nil {
					t.Fatal(err)
				}
			}
			if config, err := clientcmd.Load(data); err != nil || config.CurrentContext != "federation" || config.AuthInfos[tt.user] == nil {
				t.Errorf("kubeconfig %v, %v", config, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(errOut.String(), want) {
					t.Errorf("%q does not say %q", errOut.String(), want)
				}
			}
			if tt.not != "" && strings.Contains(errOut.String(), tt.not) {
				t.Errorf("%q says %q", errOut.String(), tt.not)
			}
		})
	}
	options := NewKubeconfigOptions(Streams{Out: &bytes.Buffer{}, ErrOut: &bytes.Buffer{}})
	options.DataDir, options.User, options.Output = dir, "alice", filepath.Join(dir, "missing", "file")
	if err := options.Run(time.Now()); err == nil || !strings.Contains(err.Error(), "write the kubeconfig") {
		t.Errorf("to a directory that is not there: %v", err)
	}
}
