// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/access/pki"
	"drover.dev/drover/test/harness"
)

// A client goes on with the certificate that is in the kubeconfig by now, also on the server that it is connected to, and
// with the last one while there is none.
func TestFollow(t *testing.T) {
	authority, err := pki.Open(filepath.Join(t.TempDir(), "pki"))
	if err != nil {
		t.Fatal(err)
	}
	server := whoAmI(t, authority)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	write := func(user string) {
		pair, err := authority.Issue(pki.Request{Name: user, User: user}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteKubeconfig(path, server.URL, authority.CAFile(), pair, user); err != nil {
			t.Fatal(err)
		}
	}
	write("first")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	config, err := follow(ctx, path, 10*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	is := func(want string) error {
		response, err := client.Get(config.Host)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err == nil && string(body) != want {
			return fmt.Errorf("the server takes the client for %q, not %q", body, want)
		}
		return err
	}
	if err := is("first"); err != nil {
		t.Fatal(err)
	}
	write("second")
	harness.Eventually(t, 30*time.Second, func() error { return is("second") })
	if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := is("second"); err != nil {
		t.Error(err)
	}
	write("third")
	harness.Eventually(t, 30*time.Second, func() error { return is("third") })
}

func TestFollowNothing(t *testing.T) {
	if _, err := Follow(t.Context(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("follows a file that is not there")
	}
}

// whoAmI is a server that says whose certificate a client has.
func whoAmI(t *testing.T, authority *pki.Authority) *httptest.Server {
	t.Helper()
	pair, err := authority.Issue(pki.Request{Name: "server", User: "server", Hosts: []string{"127.0.0.1"}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.LoadX509KeyPair(pair.CertFile, pair.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(authority.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(ca)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName) //nolint:gosec // read by this test alone
	}))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}
