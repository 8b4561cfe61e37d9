// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
)

func TestRulesAreExact(t *testing.T) {
	for _, rule := range append(Rules(), TokenRules()...) {
		for _, list := range [][]string{rule.Verbs, rule.APIGroups, rule.Resources, rule.NonResourceURLs} {
			if slices.Contains(list, "*") {
				t.Errorf("%v has a wildcard", rule)
			}
		}
	}
	for _, rule := range Rules() {
		if slices.Contains(rule.APIGroups, rbacv1.GroupName) {
			t.Errorf("%v reaches roles: Drover could widen its own rights", rule)
		}
	}
	for _, r := range Synced {
		if !slices.ContainsFunc(Rules(), func(rule rbacv1.PolicyRule) bool {
			return slices.Contains(rule.APIGroups, r.Group) && slices.Contains(rule.Resources, r.Resource) && slices.Contains(rule.Verbs, "patch")
		}) {
			t.Errorf("%s cannot be synced", r)
		}
	}
}
