// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package rbac

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// Allows says whether a rule allows a request.
func Allows(rule *rbacv1.PolicyRule, a authorizer.Attributes) bool {
	if !holds(rule.Verbs, rbacv1.VerbAll, a.GetVerb()) {
		return false
	}
	if !a.IsResourceRequest() {
		return slices.ContainsFunc(rule.NonResourceURLs, func(url string) bool { return matchesPath(url, a.GetPath()) })
	}
	return holds(rule.APIGroups, rbacv1.APIGroupAll, a.GetAPIGroup()) &&
		slices.ContainsFunc(rule.Resources, func(r string) bool { return matchesResource(r, a.GetResource(), a.GetSubresource()) }) &&
		(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, a.GetName()))
}

// holds says whether a value is in a set, or all values are.
func holds(set []string, all, value string) bool {
	return slices.Contains(set, all) || slices.Contains(set, value)
}

// matchesResource compares with "*" for everything, "deployments", "deployments/scale", or "*/scale". A resource without its
// subresource is no pattern for it: "deployments" does not stand for "deployments/scale".
func matchesResource(pattern, resource, subresource string) bool {
	if pattern == rbacv1.ResourceAll {
		return true
	}
	if subresource == "" {
		return pattern == resource
	}
	return pattern == resource+"/"+subresource || pattern == "*/"+subresource
}

// matchesPath compares with a path, or the beginning of one before a "*".
func matchesPath(pattern, path string) bool {
	return pattern == path || strings.HasSuffix(pattern, "*") && strings.HasPrefix(path, strings.TrimRight(pattern, "*"))
}
