// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestRoles(t *testing.T) {
	resources := rbacv1.PolicyRule{Verbs: []string{"get"}, APIGroups: []string{""}, Resources: []string{"configmaps"}}
	urls := rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics"}}
	both := rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: []string{"/metrics"}, ResourceNames: []string{"a"}}
	for _, tt := range []struct {
		name          string
		rule          rbacv1.PolicyRule
		role, cluster []string
	}{
		{"resources", resources, nil, nil},
		{"URLs", urls, []string{"rules[0].nonResourceURLs: Invalid value"}, nil},
		{"both", both, []string{"rules[0].nonResourceURLs: Invalid value", "rules[0].nonResourceURLs: Invalid value"}, []string{"rules[0].nonResourceURLs: Invalid value"}},
		{
			"nothing",
			rbacv1.PolicyRule{},
			[]string{"rules[0].verbs: Required value", "rules[0].apiGroups: Required value", "rules[0].resources: Required value"},
			[]string{"rules[0].verbs: Required value", "rules[0].apiGroups: Required value", "rules[0].resources: Required value"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rules := []rbacv1.PolicyRule{tt.rule}
			expect(t, row(t, "Role").Validate(&rbacv1.Role{Rules: rules}, nil), tt.role...)
			expect(t, row(t, "ClusterRole").Validate(&rbacv1.ClusterRole{Rules: rules}, nil), tt.cluster...)
		})
	}
	aggregated := func(selectors ...metav1.LabelSelector) *rbacv1.ClusterRole {
		return &rbacv1.ClusterRole{AggregationRule: &rbacv1.AggregationRule{ClusterRoleSelectors: selectors}}
	}
	const at = "aggregationRule.clusterRoleSelectors"
	expect(t, validateClusterRole(aggregated(*webSelector()), nil))
	expect(t, validateClusterRole(aggregated(), nil), at+": Required value")
	expect(t, validateClusterRole(aggregated(metav1.LabelSelector{MatchLabels: map[string]string{"no label": ""}}), nil), at+"[0].matchLabels: Invalid value")
}

func TestRoleBindings(t *testing.T) {
	role := rbacv1.RoleRef{Kind: "ClusterRole", Name: "reader"}
	account := rbacv1.Subject{Kind: "ServiceAccount", Namespace: "default", Name: "bot"}
	for _, tt := range []struct {
		name         string
		role         rbacv1.RoleRef
		subject      rbacv1.Subject
		inOne, inAll []string
	}{
		{"a user", role, rbacv1.Subject{Kind: "User", Name: "jane@example.com"}, nil, nil},
		{"a group", role, rbacv1.Subject{Kind: "Group", Name: "system:masters"}, nil, nil},
		{"an account", role, account, nil, nil},
		{"an account of no namespace", role, rbacv1.Subject{Kind: "ServiceAccount", Name: "bot"}, nil, []string{"subjects[0].namespace: Required value"}},
		{"a role of a namespace", rbacv1.RoleRef{Kind: "Role", Name: "reader"}, account, nil, []string{`roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			subjects := []rbacv1.Subject{tt.subject}
			expect(t, row(t, "RoleBinding").Validate(defaulted(&rbacv1.RoleBinding{RoleRef: tt.role, Subjects: subjects}), nil), tt.inOne...)
			expect(t, row(t, "ClusterRoleBinding").Validate(defaulted(&rbacv1.ClusterRoleBinding{RoleRef: tt.role, Subjects: subjects}), nil), tt.inAll...)
		})
	}
	wrong := defaulted(&rbacv1.ClusterRoleBinding{
		RoleRef: rbacv1.RoleRef{APIGroup: "apps", Kind: "Robot"},
		Subjects: []rbacv1.Subject{
			{Kind: "Robot", Name: "a"},
			{Kind: "User"},
			{Kind: "Group", APIGroup: "apps", Name: "a"},
			{Kind: "ServiceAccount", APIGroup: "apps", Namespace: "default", Name: "A B"},
		},
	})
	expect(t, row(t, "ClusterRoleBinding").Validate(wrong, nil),
		`roleRef.apiGroup: Unsupported value: "apps"`, `roleRef.kind: Unsupported value: "Robot"`, "roleRef.name: Required value",
		`subjects[0].kind: Unsupported value: "Robot"`, "subjects[1].name: Required value", `subjects[2].apiGroup: Unsupported value: "apps"`,
		`subjects[3].apiGroup: Unsupported value: "apps"`, `subjects[3].name: Invalid value: "A B"`)
}

// Who may bind a role must not be able to turn the binding into one of another role.
func TestRoleOfABindingStays(t *testing.T) {
	for _, name := range []string{"RoleBinding", "ClusterRoleBinding"} {
		k := row(t, name)
		obj, old := k.New(), k.New()
		for o, role := range map[runtime.Object]string{obj: "admin", old: "reader"} {
			ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
			switch b := o.(type) {
			case *rbacv1.RoleBinding:
				b.RoleRef = ref
			case *rbacv1.ClusterRoleBinding:
				b.RoleRef = ref
			}
		}
		expect(t, k.Validate(obj, old), "roleRef: Invalid value")
		expect(t, k.Validate(old, old))
	}
}

func TestBindingDefaults(t *testing.T) {
	got := defaulted(&rbacv1.RoleBinding{Subjects: []rbacv1.Subject{{Kind: "User"}, {Kind: "Group"}, {Kind: "ServiceAccount"}, {Kind: "User", APIGroup: "x"}}})
	groups := []string{got.RoleRef.APIGroup}
	for _, s := range got.Subjects {
		groups = append(groups, s.APIGroup)
	}
	if diff := cmp.Diff([]string{rbacv1.GroupName, rbacv1.GroupName, rbacv1.GroupName, "", "x"}, groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}
