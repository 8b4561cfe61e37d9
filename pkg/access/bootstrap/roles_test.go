// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/auth/rbac/validation"

	"drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/native"
)

// withheld are the kinds of a namespace that view does not read, and why.
var withheld = map[string]string{
	"secrets":      "they hold credentials",
	"roles":        "only who may give rights need know who has them",
	"rolebindings": "only who may give rights need know who has them",
	"leases":       "as in Kubernetes",
	"podtemplates": "nothing reads them",
}

// Each kind of a namespace is one that view reads, or one that it does not for a reason. Whoever serves a new kind decides.
func TestViewReadsAllKindsOrSaysWhyNot(t *testing.T) {
	for _, k := range slices.Concat(native.Kinds(), federation.Kinds()) {
		if !k.Namespaced {
			continue
		}
		resources := []string{k.Resource}
		if k.Status != nil {
			resources = append(resources, k.Resource+"/status")
		}
		if k.Scale != nil {
			resources = append(resources, k.Resource+"/scale")
		}
		reads, _ := validation.Covers(viewRules(), []rbacv1.PolicyRule{on(read, []string{k.Group}, resources...)})
		if why := withheld[k.Resource]; reads == (why != "") {
			t.Errorf("view reads %s of %q: %v, withheld because %q; decide in viewRules, or here", resources, k.Group, reads, why)
		}
	}
}

// Nothing below cluster-admin lets somebody become more than they are, or write what is Drover's.
func TestWhatNobodyIsGiven(t *testing.T) {
	for _, rules := range [][]rbacv1.PolicyRule{viewRules(), editRules(), adminRules(), controllersRules(), dnsRules()} {
		for _, never := range []rbacv1.PolicyRule{
			on([]string{"escalate"}, rbacGroup, "roles"), on([]string{"escalate"}, rbacGroup, "clusterroles"),
			on([]string{"bind"}, rbacGroup, "roles"), on([]string{"bind"}, rbacGroup, "clusterroles"),
			on([]string{"update"}, rbacGroup, "clusterroles"), on([]string{"create"}, rbacGroup, "clusterrolebindings"),
			on([]string{"deletecollection"}, rbacGroup, "clusterrolebindings"),
			on([]string{"impersonate"}, core, "users"), on([]string{"impersonate"}, core, "groups"), on([]string{"impersonate"}, core, "serviceaccounts"),
		} {
			if covered, _ := validation.Covers(rules, []rbacv1.PolicyRule{never}); covered {
				t.Errorf("%v is given by %v", never, rules)
			}
		}
	}
	for _, rules := range [][]rbacv1.PolicyRule{viewRules(), editRules(), adminRules()} {
		for _, never := range []rbacv1.PolicyRule{
			on([]string{"update"}, own, "placements"), on([]string{"get"}, own, "clusters"), on([]string{"update"}, core, "resourcequotas"),
		} {
			if covered, _ := validation.Covers(rules, []rbacv1.PolicyRule{never}); covered {
				t.Errorf("%v is given by %v", never, rules)
			}
		}
	}
}

// Every role that is bound is made, and the parts of Drover have theirs.
func TestBindingsAreOfRolesThatAreMade(t *testing.T) {
	var names []string
	for _, r := range Roles() {
		names = append(names, r.Name)
		if r.Labels["kubernetes.io/bootstrapping"] != "rbac-defaults" || r.Annotations[rbacv1.AutoUpdateAnnotationKey] != "true" {
			t.Errorf("%s has labels %v, annotations %v", r.Name, r.Labels, r.Annotations)
		}
	}
	for _, b := range Bindings() {
		if !slices.Contains(names, b.RoleRef.Name) {
			t.Errorf("%s is bound, and not made", b.RoleRef.Name)
		}
		for _, s := range b.Subjects {
			if s.Name == "system:unauthenticated" && b.RoleRef.Name != "system:public-info-viewer" {
				t.Errorf("everybody is given %s", b.RoleRef.Name)
			}
		}
	}
}

func TestAggregateRules(t *testing.T) {
	part := func(name, label string, rules ...rbacv1.PolicyRule) *rbacv1.ClusterRole {
		return &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"part": label}}, Rules: rules}
	}
	a, b, c := on(read, apps, "deployments"), on(read, core, "services"), on(write, core, "services")
	whole := func(labels ...string) *rbacv1.ClusterRole {
		r := part("whole", "of-a", c)
		r.AggregationRule = &rbacv1.AggregationRule{}
		for _, label := range labels {
			r.AggregationRule.ClusterRoleSelectors = append(r.AggregationRule.ClusterRoleSelectors, metav1.LabelSelector{MatchLabels: map[string]string{"part": label}})
		}
		return r
	}
	for _, tt := range []struct {
		name  string
		whole *rbacv1.ClusterRole
		want  []rbacv1.PolicyRule
	}{
		{"none", whole("of-c"), nil},
		{"by name, each once, itself not", whole("of-a"), []rbacv1.PolicyRule{b, a}},
		{"of any selector", whole("of-b", "of-a"), []rbacv1.PolicyRule{b, a, c}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := []*rbacv1.ClusterRole{part("z", "of-a", a, b), tt.whole, part("y", "of-a", b), part("zz", "of-b", c)}
			got, err := aggregateRules(tt.whole, all)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("rules (-want +got):\n%s", diff)
			}
		})
	}
}
