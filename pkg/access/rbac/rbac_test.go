// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package rbac

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/component-helpers/auth/rbac/validation"
	"pgregory.net/rapid"
)

func resources(verbs, groups, resources string, names ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Split(verbs, ","), APIGroups: strings.Split(groups, ","), Resources: strings.Split(resources, ","), ResourceNames: names}
}

func urls(verbs string, urls ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: strings.Split(verbs, ","), NonResourceURLs: urls}
}

func on(verb, group, resource, name string) authorizer.AttributesRecord {
	resource, subresource, _ := strings.Cut(resource, "/")
	return authorizer.AttributesRecord{ResourceRequest: true, Verb: verb, APIGroup: group, Resource: resource, Subresource: subresource, Name: name}
}

func path(verb, path string) authorizer.AttributesRecord {
	return authorizer.AttributesRecord{Verb: verb, Path: path}
}

func TestAllows(t *testing.T) {
	for _, tt := range []struct {
		name string
		rule rbacv1.PolicyRule
		what authorizer.AttributesRecord
		want bool
	}{
		{"the same", resources("get", "apps", "deployments"), on("get", "apps", "deployments", "web"), true},
		{"another verb", resources("get", "apps", "deployments"), on("list", "apps", "deployments", ""), false},
		{"another group", resources("get", "apps", "deployments"), on("get", "", "deployments", "web"), false},
		{"another resource", resources("get", "apps", "deployments"), on("get", "apps", "replicasets", "web"), false},
		{"all verbs", resources("*", "apps", "deployments"), on("escalate", "apps", "deployments", ""), true},
		{"all groups", resources("get", "*", "deployments"), on("get", "federation.drover.dev", "deployments", ""), true},
		{"all resources", resources("get", "apps", "*"), on("get", "apps", "deployments/scale", "web"), true},
		{"one of several", resources("get,list", ",apps", "pods,deployments"), on("list", "apps", "deployments", ""), true},
		{"the core group is not all groups", resources("get", "", "services"), on("get", "apps", "services", ""), false},
		{"a resource is not its subresource", resources("update", "apps", "deployments"), on("update", "apps", "deployments/scale", "web"), false},
		{"a subresource is not its resource", resources("update", "apps", "deployments/scale"), on("update", "apps", "deployments", "web"), false},
		{"a subresource", resources("update", "apps", "deployments/scale"), on("update", "apps", "deployments/scale", "web"), true},
		{"a subresource of all", resources("update", "*", "*/scale"), on("update", "apps", "statefulsets/scale", "web"), true},
		{"another subresource of all", resources("update", "*", "*/scale"), on("update", "apps", "statefulsets/status", "web"), false},
		{"a subresource of all is no resource", resources("update", "*", "*/scale"), on("update", "apps", "scale", "web"), false},
		{"no pattern but these", resources("get", "apps", "deploy*"), on("get", "apps", "deployments", ""), false},
		{"no pattern of subresources", resources("get", "apps", "deployments/*"), on("get", "apps", "deployments/scale", ""), false},
		{"a name", resources("get", "", "secrets", "a", "b"), on("get", "", "secrets", "b"), true},
		{"another name", resources("get", "", "secrets", "a"), on("get", "", "secrets", "b"), false},
		{"a name does not list", resources("list", "", "secrets", "a"), on("list", "", "secrets", ""), false},
		{"a name is no pattern", resources("get", "", "secrets", "*"), on("get", "", "secrets", "b"), false},
		{"a URL", urls("get", "/metrics"), path("get", "/metrics"), true},
		{"below a URL", urls("get", "/metrics"), path("get", "/metrics/slis"), false},
		{"the beginning of a URL", urls("get", "/livez/*"), path("get", "/livez/etcd"), true},
		{"not what is before it", urls("get", "/livez/*"), path("get", "/livez"), false},
		{"all URLs", urls("*", "*"), path("post", "/anything"), true},
		{"a star in between", urls("get", "/a/*/b"), path("get", "/a/x/b"), false},
		{"another verb on a URL", urls("get", "/metrics"), path("post", "/metrics"), false},
		{"a URL is no resource", urls("*", "*"), on("get", "apps", "deployments", ""), false},
		{"a resource is no URL", resources("*", "*", "*"), path("get", "/metrics"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Allows(&tt.rule, tt.what); got != tt.want {
				t.Errorf("Allows() = %v, want %v", got, tt.want)
			}
		})
	}
}

// The authorizer allows exactly what the coverage of rules, by which Kubernetes says who may grant what, calls covered.
func TestAllowsWhatIsCovered(t *testing.T) {
	some := func(t *rapid.T, label string, least int, of ...string) []string {
		return rapid.SliceOfN(rapid.SampledFrom(of), least, 3).Draw(t, label)
	}
	rapid.Check(t, func(t *rapid.T) {
		var rules []rbacv1.PolicyRule
		for range rapid.IntRange(0, 4).Draw(t, "rules") {
			rule := rbacv1.PolicyRule{Verbs: some(t, "verbs", 1, "get", "list", "update", "*")}
			if rapid.Bool().Draw(t, "of URLs") {
				rule.NonResourceURLs = some(t, "urls", 1, "*", "/a", "/a*", "/a/*", "/a/b", "/b**", "/")
			} else {
				rule.APIGroups = some(t, "groups", 1, "", "apps", "federation.drover.dev", "*")
				rule.Resources = some(t, "resources", 1, "deployments", "services", "deployments/scale", "services/scale", "*/scale", "*/status", "*", "deploy*", "deployments/*", "scale")
				rule.ResourceNames = some(t, "names", 0, "a", "b", "*")
			}
			rules = append(rules, rule)
		}
		verb := rapid.SampledFrom([]string{"get", "list", "update", "delete"}).Draw(t, "verb")
		var what authorizer.AttributesRecord
		asked := rbacv1.PolicyRule{Verbs: []string{verb}}
		if rapid.Bool().Draw(t, "to a URL") {
			what = path(verb, rapid.SampledFrom([]string{"/", "/a", "/ab", "/a/", "/a/b", "/a/b/c", "/b", "/bc"}).Draw(t, "path"))
			asked.NonResourceURLs = []string{what.Path}
		} else {
			resource := rapid.SampledFrom([]string{"deployments", "services", "deployments/scale", "deployments/status", "services/scale", "scale", "scale/scale"}).Draw(t, "resource")
			what = on(verb, rapid.SampledFrom([]string{"", "apps", "batch"}).Draw(t, "group"), resource, rapid.SampledFrom([]string{"", "a", "c"}).Draw(t, "name"))
			asked.APIGroups, asked.Resources = []string{what.APIGroup}, []string{resource}
			if what.Name != "" {
				asked.ResourceNames = []string{what.Name}
			}
		}
		allowed := slices.ContainsFunc(rules, func(r rbacv1.PolicyRule) bool { return Allows(&r, what) })
		if covered, _ := validation.Covers(rules, []rbacv1.PolicyRule{asked}); covered != allowed {
			t.Fatalf("%+v by %+v: allowed %v, covered %v", asked, rules, allowed, covered)
		}
	})
}

// stored is a source of literals. A role that is not in it cannot be read.
type stored struct {
	roles               map[string][]rbacv1.PolicyRule // by namespace/name; a ClusterRole has no namespace
	bindings            []*rbacv1.RoleBinding
	clusterRoleBindings []*rbacv1.ClusterRoleBinding
}

var errNoRole = errors.New("no such role")

func (s stored) Role(_ context.Context, namespace, name string) (*rbacv1.Role, error) {
	if rules, ok := s.roles[namespace+"/"+name]; ok {
		return &rbacv1.Role{Rules: rules}, nil
	}
	return nil, errNoRole
}

func (s stored) ClusterRole(_ context.Context, name string) (*rbacv1.ClusterRole, error) {
	if rules, ok := s.roles["/"+name]; ok {
		return &rbacv1.ClusterRole{Rules: rules}, nil
	}
	return nil, errNoRole
}

func (s stored) RoleBindings(_ context.Context, namespace string) (found []*rbacv1.RoleBinding, _ error) {
	for _, b := range s.bindings {
		if b.Namespace == namespace {
			found = append(found, b)
		}
	}
	return found, nil
}

func (s stored) ClusterRoleBindings(context.Context) ([]*rbacv1.ClusterRoleBinding, error) {
	return s.clusterRoleBindings, nil
}

func inNamespace(namespace, kind, role string, subjects ...rbacv1.Subject) *rbacv1.RoleBinding {
	return &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "b"}, RoleRef: rbacv1.RoleRef{Kind: kind, Name: role}, Subjects: subjects}
}

func everywhere(role string, subjects ...rbacv1.Subject) *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "b"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: role}, Subjects: subjects}
}

func subject(kind, namespace, name string) rbacv1.Subject {
	return rbacv1.Subject{Kind: kind, Namespace: namespace, Name: name}
}

func TestSubjects(t *testing.T) {
	jane := &user.DefaultInfo{Name: "jane", Groups: []string{"dev"}}
	bot := &user.DefaultInfo{Name: "system:serviceaccount:ci:bot", Groups: []string{"system:serviceaccounts"}}
	roles := map[string][]rbacv1.PolicyRule{"/reader": {resources("get", "", "configmaps")}, "shop/reader": {resources("get", "", "configmaps")}}
	for _, tt := range []struct {
		name          string
		source        stored
		who           user.Info
		here, nowhere bool // in the namespace shop, outside of any
	}{
		{"a user", stored{roles, []*rbacv1.RoleBinding{inNamespace("shop", "ClusterRole", "reader", subject("User", "", "jane"))}, nil}, jane, true, false},
		{"by a role of the namespace", stored{roles, []*rbacv1.RoleBinding{inNamespace("shop", "Role", "reader", subject("User", "", "jane"))}, nil}, jane, true, false},
		{"in another namespace", stored{roles, []*rbacv1.RoleBinding{inNamespace("bank", "ClusterRole", "reader", subject("User", "", "jane"))}, nil}, jane, false, false},
		{"a group", stored{roles, []*rbacv1.RoleBinding{inNamespace("shop", "ClusterRole", "reader", subject("Group", "", "dev"))}, nil}, jane, true, false},
		{"a user is no group", stored{roles, []*rbacv1.RoleBinding{inNamespace("shop", "ClusterRole", "reader", subject("Group", "", "jane"), subject("User", "", "dev"))}, nil}, jane, false, false},
		{"everywhere", stored{roles, nil, []*rbacv1.ClusterRoleBinding{everywhere("reader", subject("Group", "", "dev"))}}, jane, true, true},
		{"an account", stored{roles, []*rbacv1.RoleBinding{inNamespace("shop", "ClusterRole", "reader", subject("ServiceAccount", "ci", "bot"))}, nil}, bot, true, false},
		{"an account of another namespace", stored{roles, []*rbacv1.RoleBinding{inNamespace("shop", "ClusterRole", "reader", subject("ServiceAccount", "", "bot"))}, nil}, bot, false, false},
		{"an account by its user name", stored{roles, []*rbacv1.RoleBinding{inNamespace("shop", "ClusterRole", "reader", subject("User", "", bot.Name))}, nil}, bot, true, false},
		{"an account of no namespace, everywhere", stored{roles, nil, []*rbacv1.ClusterRoleBinding{everywhere("reader", subject("ServiceAccount", "", "bot"))}}, bot, false, false},
		{"a kind that is none", stored{roles, nil, []*rbacv1.ClusterRoleBinding{everywhere("reader", subject("Robot", "", "jane"))}}, jane, false, false},
		{"a role that is gone", stored{roles, nil, []*rbacv1.ClusterRoleBinding{everywhere("gone", subject("User", "", "jane"))}}, jane, false, false},
		{"a role that is gone beside one that is not", stored{roles, nil, []*rbacv1.ClusterRoleBinding{everywhere("gone", subject("User", "", "jane")), everywhere("reader", subject("User", "", "jane"))}}, jane, true, true},
		{"a role of a namespace, everywhere", stored{roles, nil, []*rbacv1.ClusterRoleBinding{{RoleRef: rbacv1.RoleRef{Kind: "Role", Name: "reader"}, Subjects: []rbacv1.Subject{subject("User", "", "jane")}}}}, jane, false, false},
		{"nobody", stored{roles, nil, []*rbacv1.ClusterRoleBinding{everywhere("reader", subject("User", "", ""))}}, nil, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for namespace, want := range map[string]bool{"shop": tt.here, "": tt.nowhere} {
				what := on("get", "", "configmaps", "a")
				what.User, what.Namespace = tt.who, namespace
				decision, reason, err := New(tt.source).Authorize(t.Context(), what)
				if err != nil || (decision == authorizer.DecisionAllow) != want || decision == authorizer.DecisionDeny {
					t.Errorf("in namespace %q: %v (%s), want %v; %v", namespace, decision, reason, want, err)
				}
			}
		})
	}
}

func TestReasons(t *testing.T) {
	jane := &user.DefaultInfo{Name: "jane"}
	source := stored{
		map[string][]rbacv1.PolicyRule{"/reader": {resources("get", "", "configmaps")}},
		[]*rbacv1.RoleBinding{inNamespace("shop", "ClusterRole", "reader", subject("User", "", "jane")), inNamespace("bank", "Role", "gone", subject("User", "", "jane"))},
		nil,
	}
	for namespace, want := range map[string]string{
		"shop": `RBAC: allowed by RoleBinding "b/shop" of ClusterRole "reader" to User "jane"`,
		"bank": "RBAC: no such role",
		"":     "",
	} {
		what := on("get", "", "configmaps", "a")
		what.User, what.Namespace = jane, namespace
		if _, reason, _ := New(source).Authorize(t.Context(), what); reason != want {
			t.Errorf("in namespace %q: %q, want %q", namespace, reason, want)
		}
	}
}

func TestMayGrant(t *testing.T) {
	jane := &user.DefaultInfo{Name: "jane", Groups: []string{"dev"}}
	source := stored{
		map[string][]rbacv1.PolicyRule{"/edit": {resources("get,create", "apps", "deployments")}, "/ops": {urls("get", "/metrics")}},
		[]*rbacv1.RoleBinding{inNamespace("shop", "ClusterRole", "edit", subject("User", "", "jane"))},
		[]*rbacv1.ClusterRoleBinding{everywhere("ops", subject("Group", "", "dev"))},
	}
	const refused = `user "jane" (groups=["dev"]) is attempting to grant RBAC permissions not currently held:` + "\n"
	for _, tt := range []struct {
		name, namespace string
		rules           []rbacv1.PolicyRule
		want            string
	}{
		{"what they hold", "shop", []rbacv1.PolicyRule{resources("get", "apps", "deployments"), urls("get", "/metrics")}, ""},
		{"by name", "shop", []rbacv1.PolicyRule{resources("create", "apps", "deployments", "web")}, ""},
		{"nothing", "bank", nil, ""},
		{"elsewhere", "bank", []rbacv1.PolicyRule{resources("get,create", "apps", "deployments")}, refused + `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "create"]}`},
		{"everywhere", "", []rbacv1.PolicyRule{resources("get", "apps", "deployments")}, refused + `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}`},
		{"more of it", "shop", []rbacv1.PolicyRule{resources("get,delete", "apps", "deployments", "web")}, refused + `{APIGroups:["apps"], Resources:["deployments"], ResourceNames:["web"], Verbs:["delete"]}`},
		{"all of it", "shop", All, refused + `{APIGroups:["*"], Resources:["*"], Verbs:["*"]}` + "\n" + `{NonResourceURLs:["*"], Verbs:["*"]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := MayGrant(t.Context(), source, jane, tt.namespace, tt.rules); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}
