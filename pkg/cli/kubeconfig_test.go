// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// written is a kubeconfig with the contexts admin (current) and dev, on disk.
func written(t *testing.T, change func(*clientcmdapi.Config)) string {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.Clusters["east"] = &clientcmdapi.Cluster{Server: memberURL}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Token: "t"}
	config.Contexts["admin"] = &clientcmdapi.Context{Cluster: "east", AuthInfo: "admin"}
	config.Contexts["dev"] = &clientcmdapi.Context{Cluster: "east", AuthInfo: "admin"}
	config.CurrentContext = "admin"
	if change != nil {
		change(config)
	}
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

func text(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func memberKubeconfig(file, context string) kubeconfig {
	return kubeconfig{file: file, context: context, fileFlag: clusterKubeconfigFlag, contextFlag: clusterContextFlag}
}

func TestKubeconfigErrors(t *testing.T) {
	change := func(change func(*clientcmdapi.Config)) func(*testing.T) string {
		return func(t *testing.T) string { return written(t, change) }
	}
	for name, test := range map[string]struct {
		file    func(*testing.T) string
		context string
		says    []string
	}{
		"no file":          {file: func(*testing.T) string { return "/does/not/exist" }, says: []string{"no such file", "/does/not/exist", "--cluster-kubeconfig"}},
		"no YAML":          {file: func(t *testing.T) string { return text(t, "][") }, says: []string{"not a kubeconfig"}},
		"empty":            {file: func(t *testing.T) string { return text(t, "") }, says: []string{"no contexts", "--cluster-kubeconfig"}},
		"no such context":  {file: change(nil), context: "prod", says: []string{`no context "prod"`, "--cluster-context", "admin, dev"}},
		"no current":       {file: change(func(c *clientcmdapi.Config) { c.CurrentContext = "" }), says: []string{"no current-context", "--cluster-context", "admin, dev"}},
		"wrong current":    {file: change(func(c *clientcmdapi.Config) { c.CurrentContext = "gone" }), says: []string{`no context "gone"`, "admin, dev"}},
		"no cluster":       {file: change(func(c *clientcmdapi.Config) { delete(c.Clusters, "east") }), says: []string{`context "admin"`, "cannot be used", "dev"}},
		"no CA file":       {file: change(func(c *clientcmdapi.Config) { c.Clusters["east"].CertificateAuthority = "/no/ca.crt" }), says: []string{"/no/ca.crt"}},
		"http":             {file: change(func(c *clientcmdapi.Config) { c.Clusters["east"].Server = "http://10.0.0.1:8080" }), says: []string{"http://10.0.0.1:8080", "https"}},
		"no scheme":        {file: change(func(c *clientcmdapi.Config) { c.Clusters["east"].Server = "10.0.0.1:6443" }), says: []string{"https"}},
		"TLS not verified": {file: change(func(c *clientcmdapi.Config) { c.Clusters["east"].InsecureSkipTLSVerify = true }), says: []string{"insecure-skip-tls-verify", "--certificate-authority=CA.crt"}},
		"plugin, not there": {file: change(func(c *clientcmdapi.Config) {
			c.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{}}
		}), says: []string{"cannot be used", "exec"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := memberKubeconfig(test.file(t), test.context).connectMember("east", io.Discard)
			wantError(t, err, test.says...)
		})
	}
}

// kubectl's own rule: --context, or else the current one, of --kubeconfig, or else KUBECONFIG.
func TestFederationKubeconfig(t *testing.T) {
	file := written(t, nil)
	t.Setenv("KUBECONFIG", file)
	for _, test := range []struct {
		options       FederationOptions
		context, hint string
	}{
		{FederationOptions{}, "admin", ""},
		{FederationOptions{Context: "dev"}, "dev", " --context dev"},
		{FederationOptions{Kubeconfig: file}, "admin", " --kubeconfig " + file},
	} {
		f, err := test.options.connect(io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if f.contextName != test.context || f.flags() != test.hint || f.config.Timeout != callTimeout {
			t.Errorf("%+v is context %q with flags %q and timeout %s", test.options, f.contextName, f.flags(), f.config.Timeout)
		}
	}
	t.Setenv("KUBECONFIG", "/does/not/exist")
	_, err := (&FederationOptions{}).connect(io.Discard)
	wantError(t, err, "no kubeconfig", "/does/not/exist", "admin.kubeconfig")
}

// An insecure kubeconfig that has a CA after all is used, with the CA.
func TestCAFileIsLoadedAndChecked(t *testing.T) {
	ca := text(t, "the CA")
	m, err := memberKubeconfig(written(t, func(c *clientcmdapi.Config) {
		c.Clusters["east"].CertificateAuthority, c.Clusters["east"].InsecureSkipTLSVerify = ca, true
	}), "").load("cluster east", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.requireTLS(); err != nil {
		t.Fatal(err)
	}
	if tls := m.config.TLSClientConfig; string(tls.CAData) != "the CA" || tls.Insecure {
		t.Errorf("TLS is %+v", tls)
	}
}

func TestCallErrors(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	secure := httptest.NewTLSServer(status(http.StatusUnauthorized))
	busy := httptest.NewTLSServer(status(http.StatusServiceUnavailable))
	plain := httptest.NewServer(status(http.StatusOK))
	silent := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	closed := httptest.NewTLSServer(status(http.StatusOK))
	closed.Close()
	for _, s := range []*httptest.Server{secure, busy, plain, silent} {
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		t.Cleanup(s.Close)
	}
	ca := func(s *httptest.Server) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	}
	for name, test := range map[string]struct {
		cluster clientcmdapi.Cluster
		says    []string
	}{
		"expired credentials": {clientcmdapi.Cluster{Server: secure.URL, CertificateAuthorityData: ca(secure)}, []string{`credentials of user "admin"`, "renew them", "--cluster-context", "dev"}},
		"unknown authority":   {clientcmdapi.Cluster{Server: secure.URL}, []string{"TLS failed", "authority", "certificate-authority-data"}},
		"another host":        {clientcmdapi.Cluster{Server: secure.URL, CertificateAuthorityData: ca(secure), TLSServerName: "other.test"}, []string{"TLS failed", "other names", "tls-server-name"}},
		"not TLS":             {clientcmdapi.Cluster{Server: strings.Replace(plain.URL, "http", "https", 1)}, []string{"TLS failed", "does not speak it"}},
		"nothing there":       {clientcmdapi.Cluster{Server: closed.URL}, []string{"unreachable", "nothing listens", closed.URL}},
		"no answer":           {clientcmdapi.Cluster{Server: silent.URL, CertificateAuthorityData: ca(silent)}, []string{"unreachable", "no answer within 100ms", silent.URL}},
		"not well":            {clientcmdapi.Cluster{Server: busy.URL, CertificateAuthorityData: ca(busy)}, []string{"not well", "try again"}},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := memberKubeconfig(written(t, func(c *clientcmdapi.Config) { c.Clusters["east"] = &test.cluster }), "").connectMember("east", io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			m.config.Timeout = time.Minute
			if test.cluster.Server == silent.URL {
				m.config.Timeout = 100 * time.Millisecond // the others answer, on a busy machine later than that
			}
			if m.kube, err = kubernetes.NewForConfig(m.config); err != nil {
				t.Fatal(err)
			}
			_, err = m.check(t.Context())
			wantError(t, err, append(test.says, "cluster east", `context "admin"`)...)
		})
	}
}
