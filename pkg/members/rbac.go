// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	appsv1 "k8s.io/api/apps/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
)

// AccountName is the name in a member of all that joining makes for Drover: the ServiceAccount, its roles and their
// bindings. The ServiceAccount, and the Role to renew its token, are in the namespace v1alpha1.SystemNamespace.
const AccountName = "drover"

// Rules are what Drover may do in a member: exactly what it does, and nothing by a wildcard. It cannot touch its own
// rights: they belong to its namespace there, and go with it. They are the rules of the
// ClusterRole that joining makes; a kind more in Synced is a rule more here.
func Rules() []rbacv1.PolicyRule {
	read, write := []string{"get", "list", "watch"}, []string{"get", "list", "watch", "create", "update", "patch", "delete"}
	return append(syncedRules(write),
		rbacv1.PolicyRule{APIGroups: []string{appsv1.GroupName}, Resources: scales(), Verbs: []string{"patch"}},
		rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"nodes", "pods"}, Verbs: read},
		rbacv1.PolicyRule{APIGroups: []string{discoveryv1.GroupName}, Resources: []string{EndpointSlices.Resource}, Verbs: read},
		rbacv1.PolicyRule{NonResourceURLs: []string{"/version", "/readyz"}, Verbs: []string{"get"}},
	)
}

// TokenRules are what Drover may do in its own namespace of a member besides: renew its token. They are a Role's.
func TokenRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{{
		APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, ResourceNames: []string{AccountName}, Verbs: []string{"create"},
	}}
}

func scales() (resources []string) {
	for _, r := range Scaled {
		resources = append(resources, r.Resource+"/scale")
	}
	return resources
}

// syncedRules is one rule for each API group of Synced, in its order.
func syncedRules(verbs []string) []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	at := map[string]int{}
	for _, r := range Synced {
		i, ok := at[r.Group]
		if !ok {
			i = len(rules)
			at[r.Group] = i
			rules = append(rules, rbacv1.PolicyRule{APIGroups: []string{r.Group}, Verbs: verbs})
		}
		rules[i].Resources = append(rules[i].Resources, r.Resource)
	}
	return rules
}
