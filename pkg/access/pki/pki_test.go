// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"
)

func open(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func issue(t *testing.T, a *Authority, r Request, now time.Time) *x509.Certificate {
	t.Helper()
	pair, err := a.Issue(r, now)
	if err != nil {
		t.Fatal(err)
	}
	certs, err := cert.CertsFromFile(pair.CertFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := load(pair); err != nil {
		t.Error(err)
	}
	return certs[0]
}

func TestAuthorityIsMadeOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data", "pki")
	first := open(t, dir)
	second := open(t, dir)
	if !first.cert.Equal(second.cert) {
		t.Error("it is another one when it is opened again")
	}
	if !first.cert.IsCA || first.cert.NotAfter.Before(time.Now().AddDate(9, 0, 0)) {
		t.Errorf("is a CA: %v, until %s", first.cert.IsCA, first.cert.NotAfter)
	}
	for name, want := range map[string]os.FileMode{".": 0o700, "ca.crt": 0o600, "ca.key": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o; %v", name, info.Mode().Perm(), want, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestIssue(t *testing.T) {
	a, now := open(t, t.TempDir()), time.Now()
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	client := issue(t, a, Request{Name: "admin", User: "drover-admin", Groups: []string{"system:masters"}}, now)
	if client.Subject.CommonName != "drover-admin" || !slices.Equal(client.Subject.Organization, []string{"system:masters"}) {
		t.Errorf("subject is %s", client.Subject)
	}
	if _, err := client.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("a client cannot use it: %v", err)
	}
	if _, err := client.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err == nil {
		t.Error("a client's certificate serves")
	}
	server := issue(t, a, Request{Name: "apiserver", User: "drover-apiserver", Hosts: []string{"localhost", "127.0.0.1", "::1"}}, now)
	for _, host := range []string{"localhost", "127.0.0.1", "::1"} {
		if _, err := server.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := server.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err == nil {
		t.Error("a server's certificate is a client's")
	}
	for _, file := range []string{"admin.key", "admin.crt", "apiserver.key"} {
		if info, err := os.Stat(filepath.Join(a.Dir, file)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o, %v", file, info.Mode().Perm(), err)
		}
	}
}

// A certificate is kept as long as it does what is asked of it, and issued anew when it does not.
func TestIssueAgain(t *testing.T) {
	now := time.Now()
	base := Request{Name: "apiserver", User: "drover-apiserver", Hosts: []string{"localhost", "127.0.0.1"}}
	with := func(change func(*Request)) Request {
		r := base
		change(&r)
		return r
	}
	for _, tt := range []struct {
		name    string
		request Request
		at      time.Time
		kept    bool
	}{
		{"the same", base, now, true},
		{"long before its end", base, now.Add(certLifetime - renewBefore - time.Minute), true},
		{"near its end", base, now.Add(certLifetime - renewBefore + time.Minute), false},
		{"after its end", base, now.Add(2 * certLifetime), false},
		{"less hosts", with(func(r *Request) { r.Hosts = r.Hosts[:1] }), now, true},
		{"one more host", with(func(r *Request) { r.Hosts = append(slices.Clone(r.Hosts), "drover.example.com") }), now, false},
		{"one more address", with(func(r *Request) { r.Hosts = append(slices.Clone(r.Hosts), "10.0.0.1") }), now, false},
		{"another user", with(func(r *Request) { r.User = "x" }), now, false},
		{"another group", with(func(r *Request) { r.Groups = []string{"x"} }), now, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := open(t, t.TempDir())
			first := issue(t, a, base, now)
			if again := issue(t, a, tt.request, tt.at); again.Equal(first) != tt.kept {
				t.Errorf("kept: %v, want %v", again.Equal(first), tt.kept)
			}
		})
	}
	t.Run("another authority", func(t *testing.T) {
		a := open(t, t.TempDir())
		first := issue(t, a, base, now)
		for _, file := range []string{"ca.crt", "ca.key"} {
			if err := os.Remove(filepath.Join(a.Dir, file)); err != nil {
				t.Fatal(err)
			}
		}
		if again := issue(t, open(t, a.Dir), base, now); again.Equal(first) {
			t.Error("a certificate of an authority that is no more is kept")
		}
	})
}

func TestBrokenFiles(t *testing.T) {
	request := Request{Name: "admin", User: "drover-admin"}
	for _, tt := range []struct {
		name string
		harm func(dir string) error
		want []string
	}{
		{"the authority's key is another's", func(dir string) error { return copyFile(dir, "admin.key", "ca.key") }, []string{"certificate authority in", "does not belong to certificate", "restore the files"}},
		{"the authority's key is gone", func(dir string) error { return os.Remove(filepath.Join(dir, "ca.key")) }, []string{"certificate authority in", "restore the files"}},
		{"the authority's certificate is none", func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("x"), 0o600) }, []string{"certificate authority in"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := open(t, t.TempDir())
			issue(t, a, request, time.Now())
			if err := tt.harm(a.Dir); err != nil {
				t.Fatal(err)
			}
			b, err := Open(a.Dir)
			if err == nil {
				_, err = b.Issue(request, time.Now())
			}
			if err == nil {
				t.Fatal("no error")
			}
			for _, word := range tt.want {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not say %q", err, word)
				}
			}
		})
	}
	for name, harm := range map[string]func(dir string) error{
		"a certificate's key is gone":      func(dir string) error { return os.Remove(filepath.Join(dir, "admin.key")) },
		"a certificate's key is another's": func(dir string) error { return copyFile(dir, "ca.key", "admin.key") },
		"a certificate is none":            func(dir string) error { return os.WriteFile(filepath.Join(dir, "admin.crt"), []byte("x"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, t.TempDir())
			issue(t, a, request, time.Now())
			if err := harm(a.Dir); err != nil {
				t.Fatal(err)
			}
			issue(t, a, request, time.Now())
			if _, err := tls.LoadX509KeyPair(filepath.Join(a.Dir, "admin.crt"), filepath.Join(a.Dir, "admin.key")); err != nil {
				t.Error(err)
			}
		})
	}
}

// A signing key is made once, and never replaced by another kind of key.
func TestSigningKey(t *testing.T) {
	a := open(t, t.TempDir())
	first, err := a.SigningKey("tokens")
	if err != nil {
		t.Fatal(err)
	}
	second, err := open(t, a.Dir).SigningKey("tokens")
	if err != nil || !first.Equal(second) {
		t.Errorf("it is another one when it is read again: %v", err)
	}
	path := filepath.Join(a.Dir, "tokens.key")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, %v", info.Mode().Perm(), err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	longer, err := keyutil.MarshalPrivateKeyToPEM(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"no key": []byte("x"), "of another curve": longer} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := a.SigningKey("tokens"); err == nil || !strings.Contains(err.Error(), "signing key") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func copyFile(dir, from, to string) error {
	data, err := os.ReadFile(filepath.Join(dir, from))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, to), data, 0o600)
}

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || string(data) != "new" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q, mode %o, %v, %v", data, info.Mode().Perm(), err, statErr)
	}
	if err := WriteFile(filepath.Join(t.TempDir(), "missing", "file"), nil); err == nil {
		t.Error("written to a directory that is not there")
	}
}
