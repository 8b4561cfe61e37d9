// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package credentials

import (
	"crypto/x509"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/cert"

	"drover.dev/drover/pkg/access/pki"
)

// startedIn is a data directory as drover leaves it at its first start.
func startedIn(t *testing.T, groups ...string) (dir string, authority *pki.Authority) {
	t.Helper()
	dir = t.TempDir()
	authority, err := pki.Open(PKIDir(dir))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Issue(pki.Request{Name: "admin", User: "drover-admin", Groups: groups}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteKubeconfig(AdminKubeconfig(dir), "https://10.0.0.1:7443", authority.CAFile(), pair, "drover-admin"); err != nil {
		t.Fatal(err)
	}
	return dir, authority
}

func TestIssue(t *testing.T) {
	dir, authority := startedIn(t, "system:masters")
	now := time.Now()
	for _, tt := range []struct {
		name, server, want string
		request            Request
	}{
		{"a user", "", "https://10.0.0.1:7443", Request{User: "alice", Lifetime: time.Hour}},
		{"in groups", "", "https://10.0.0.1:7443", Request{User: "alice", Groups: []string{"dev", "ops"}, Lifetime: time.Hour}},
		{"another server", "https://drover.example.com", "https://drover.example.com", Request{User: "alice", Lifetime: time.Hour}},
		{"an administrator", "", "https://10.0.0.1:7443", Request{User: "bob", Groups: []string{"system:masters"}, Lifetime: time.Hour}},
		{"a comma is part of a name", "", "https://10.0.0.1:7443", Request{User: "alice", Groups: []string{"dev,system:masters"}, Lifetime: time.Hour}},
		{"a part of Drover", "", "https://10.0.0.1:7443", Request{User: "drover-controllers", Groups: []string{"system:drover:controllers"}, Lifetime: time.Hour}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data, end, err := Issue(dir, tt.server, tt.request, now)
			if err != nil {
				t.Fatal(err)
			}
			config, err := clientcmd.Load(data)
			if err != nil {
				t.Fatal(err)
			}
			if config.CurrentContext != "federation" || serverOf(config) != tt.want {
				t.Errorf("context %s, server %s", config.CurrentContext, serverOf(config))
			}
			certs, err := cert.ParseCertsPEM(config.AuthInfos[tt.request.User].ClientCertificateData)
			if err != nil {
				t.Fatal(err)
			}
			c := certs[0]
			if c.Subject.CommonName != tt.request.User || !slices.Equal(c.Subject.Organization, tt.request.Groups) || !authority.Issued(c) || c.IsCA {
				t.Errorf("certificate of %s, a CA: %v", c.Subject, c.IsCA)
			}
			if !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}) || c.NotAfter.Sub(end).Abs() > time.Second || end.Sub(now) != time.Hour {
				t.Errorf("for %v, until %s, said to be %s", c.ExtKeyUsage, c.NotAfter, end)
			}
		})
	}
}

func TestIssueRefuses(t *testing.T) {
	masters, _ := startedIn(t, "system:masters")
	others, _ := startedIn(t, "dev")
	foreign, _ := startedIn(t, "system:masters")
	theirs, err := os.ReadFile(AdminKubeconfig(masters))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(AdminKubeconfig(foreign), theirs, 0o600); err != nil {
		t.Fatal(err)
	}
	lone, _ := startedIn(t, "system:masters")
	if err := os.Remove(AdminKubeconfig(lone)); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	for _, tt := range []struct {
		name, dir string
		request   Request
		want      string
	}{
		{"nobody", masters, Request{Lifetime: time.Hour}, "--user is missing"},
		{"a name of the system", masters, Request{User: "system:serviceaccount:default:default", Lifetime: time.Hour}, "names that begin with system:"},
		{"a group of the system", masters, Request{User: "alice", Groups: []string{"system:serviceaccounts"}, Lifetime: time.Hour}, "--group system:serviceaccounts"},
		{"an empty group", masters, Request{User: "alice", Groups: []string{""}, Lifetime: time.Hour}, `"" is no name`},
		{"a line break", masters, Request{User: "ali\nce", Lifetime: time.Hour}, "is no name"},
		{"for a moment", masters, Request{User: "alice", Lifetime: time.Minute}, "at least 10m0s"},
		{"for no time", masters, Request{User: "alice", Lifetime: -time.Hour}, "at least 10m0s"},
		{"beyond the authority", masters, Request{User: "alice", Lifetime: 11 * 365 * 24 * time.Hour}, "choose a shorter --expiration"},
		{"no authority", empty, Request{User: "alice", Lifetime: time.Hour}, "by --data-dir"},
		{"an administrator by who is none", others, Request{User: "bob", Groups: []string{"system:masters"}, Lifetime: time.Hour}, "only an administrator"},
		{"an administrator by one of another federation", foreign, Request{User: "bob", Groups: []string{"system:masters"}, Lifetime: time.Hour}, "only an administrator"},
		{"an administrator by nobody", lone, Request{User: "bob", Groups: []string{"system:masters"}, Lifetime: time.Hour}, "kubeconfig of the administrator"},
		{"no server", lone, Request{User: "bob", Lifetime: time.Hour}, "kubeconfig of the administrator"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := Issue(tt.dir, "", tt.request, time.Now()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v does not say %q", err, tt.want)
			}
		})
	}
	if left, err := os.ReadDir(empty); err != nil || len(left) > 0 {
		t.Errorf("asking where there is no authority made %v, %v", left, err)
	}
}
