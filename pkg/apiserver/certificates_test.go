// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/cert"

	"drover.dev/drover/pkg/access/credentials"
	"drover.dev/drover/pkg/access/pki"
)

// serveTLS serves as the options say, to nobody, until the test ends.
func serveTLS(t *testing.T, o *Options) {
	t.Helper()
	o.SecureServing.BindPort = 0
	config, err := o.Config()
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	stopped, _, err := config.Generic.SecureServing.Serve(http.NotFoundHandler(), 0, stop)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
}

// dial connects by TLS up to a version, and returns what was agreed on.
func dial(t *testing.T, o *Options, version uint16) (tls.ConnectionState, error) {
	t.Helper()
	roots, err := cert.NewPool(filepath.Join(credentials.PKIDir(o.DataDir), "ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS10, MaxVersion: version}} //nolint:gosec // what is old is to be refused
	conn, err := dialer.DialContext(t.Context(), "tcp", o.SecureServing.Listener.Addr().String())
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState(), nil
}

func TestOldTLSIsRefused(t *testing.T) {
	o := optionsFor(t)
	serveTLS(t, o)
	for version, served := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		agreed, err := dial(t, o, version)
		if (err == nil) != served || served && agreed.Version != version {
			t.Errorf("%s: agreed on %s, %v", tls.VersionName(version), tls.VersionName(agreed.Version), err)
		}
	}
}

// A server that runs for long serves a new certificate before the one it started with ends, and so does the administrator's
// kubeconfig.
func TestCertificatesAreRenewedWhileServing(t *testing.T) {
	o := optionsFor(t)
	serveTLS(t, o)
	authority, err := pki.Open(credentials.PKIDir(o.DataDir))
	if err != nil {
		t.Fatal(err)
	}
	// Time passes: what it started with is about to end.
	for _, r := range []pki.Request{
		{Name: "apiserver", User: "drover-apiserver", Hosts: o.hosts()},
		{Name: "admin", User: "drover-admin", Groups: []string{"system:masters"}},
	} {
		certPEM, keyPEM, err := authority.Sign(r, time.Now(), 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for end, data := range map[string][]byte{".key": keyPEM, ".crt": certPEM} {
			if err := pki.WriteFile(filepath.Join(authority.Dir, r.Name+end), data); err != nil {
				t.Fatal(err)
			}
		}
	}
	left := func() time.Duration {
		state, err := dial(t, o, tls.VersionTLS13)
		if err != nil {
			t.Fatal(err)
		}
		return time.Until(state.PeerCertificates[0].NotAfter)
	}
	within := func(what string, holds func() bool) {
		t.Helper()
		if err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, time.Minute, true, func(context.Context) (bool, error) { return holds(), nil }); err != nil {
			t.Fatalf("%s: not in time, the certificate that is served ends in %s", what, left())
		}
	}
	within("the certificate that is about to end is served", func() bool { return left() < 25*time.Hour })
	o.renewCertificates(t.Context())
	within("a new certificate is served", func() bool { return left() > 300*24*time.Hour })

	config, err := clientcmd.BuildConfigFromFlags("", o.AdminKubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(config.CertData, config.KeyData)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	if end := time.Until(admin.NotAfter); end < 300*24*time.Hour {
		t.Errorf("the administrator's certificate ends in %s", end)
	}
}
