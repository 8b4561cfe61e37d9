// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/client-go/tools/clientcmd"

	"drover.dev/drover/pkg/access/pki"
)

var (
	admin = &user.DefaultInfo{Name: "drover-admin", Groups: []string{"system:masters", "system:authenticated"}}
	jane  = &user.DefaultInfo{Name: "jane", Groups: []string{"dev", "system:authenticated"}}
	ghost = &user.DefaultInfo{Name: "system:anonymous", Groups: []string{"system:unauthenticated"}}
)

func TestWhoMayDoWhat(t *testing.T) {
	authz, _, err := NewAuthorizer()
	if err != nil {
		t.Fatal(err)
	}
	on := func(verb, group, resource, subresource string) authorizer.AttributesRecord {
		return authorizer.AttributesRecord{ResourceRequest: true, Verb: verb, APIGroup: group, Resource: resource, Subresource: subresource, Namespace: "default"}
	}
	get := func(path string) authorizer.AttributesRecord {
		return authorizer.AttributesRecord{Verb: "get", Path: path}
	}
	post := func(path string) authorizer.AttributesRecord {
		return authorizer.AttributesRecord{Verb: "post", Path: path}
	}
	for _, tt := range []struct {
		name  string
		what  authorizer.AttributesRecord
		jane  bool
		ghost bool
	}{
		{"create deployments", on("create", "apps", "deployments", ""), false, false},
		{"read secrets", on("get", "", "secrets", ""), false, false},
		{"list clusters", on("list", "federation.drover.dev", "clusters", ""), false, false},
		{"ask who one is", on("create", "authentication.k8s.io", "selfsubjectreviews", ""), true, false},
		{"ask what one may", on("create", "authorization.k8s.io", "selfsubjectaccessreviews", ""), true, false},
		{"ask for all one may", on("create", "authorization.k8s.io", "selfsubjectrulesreviews", ""), true, false},
		{"ask what others may", on("create", "authorization.k8s.io", "subjectaccessreviews", ""), false, false},
		{"ask in another group", on("create", "authentication.k8s.io", "selfsubjectaccessreviews", ""), false, false},
		{"read reviews", on("get", "authorization.k8s.io", "selfsubjectaccessreviews", ""), false, false},
		{"a subresource of a review", on("create", "authentication.k8s.io", "selfsubjectreviews", "status"), false, false},
		{"discover", get("/api"), true, false},
		{"discover a group", get("/apis/apps/v1"), true, false},
		{"openapi", get("/openapi/v3/apis/apps/v1"), true, false},
		{"health", get("/readyz/etcd"), true, false},
		{"version", get("/version"), true, false},
		{"metrics", get("/metrics"), false, false},
		{"profiles", get("/debug/pprof/profile"), false, false},
		{"a path like it", get("/apiserver"), false, false},
		{"write to a path", post("/apis/apps"), false, false},
		{"the root", get("/"), false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, who := range []struct {
				user user.Info
				may  bool
			}{{admin, true}, {jane, tt.jane}, {ghost, tt.ghost}, {nil, false}} {
				what := tt.what
				what.User = who.user
				decision, _, err := authz.Authorize(t.Context(), what)
				if err != nil && who.user != nil || (decision == authorizer.DecisionAllow) != who.may {
					t.Errorf("%v: %v, want %v; %v", who.user, decision, who.may, err)
				}
				if decision == authorizer.DecisionDeny {
					t.Errorf("%v: denied, which nobody after could allow", who.user)
				}
			}
		})
	}
}

// What the rules list is what may be done.
func TestRulesFor(t *testing.T) {
	authz, resolver, err := NewAuthorizer()
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []user.Info{admin, jane, ghost} {
		resources, urls, incomplete, err := resolver.RulesFor(t.Context(), who, "default")
		if err != nil || incomplete {
			t.Fatalf("%s: incomplete %v, %v", who.GetName(), incomplete, err)
		}
		if who == ghost && len(resources)+len(urls) > 0 || who != ghost && (len(resources) == 0 || len(urls) == 0) {
			t.Errorf("%s has %d rules and %d for paths", who.GetName(), len(resources), len(urls))
		}
		if who == admin {
			continue
		}
		for _, rule := range resources {
			what := authorizer.AttributesRecord{User: who, ResourceRequest: true, Verb: rule.GetVerbs()[0], APIGroup: rule.GetAPIGroups()[0], Resource: rule.GetResources()[0]}
			if decision, _, _ := authz.Authorize(t.Context(), what); decision != authorizer.DecisionAllow {
				t.Errorf("%s has the rule %v, and may not", who.GetName(), rule)
			}
		}
	}
}

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
