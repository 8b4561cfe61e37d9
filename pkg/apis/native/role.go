// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/kind"
)

var roles = func() kind.Kind {
	k := ident(rbacv1.SchemeGroupVersion, "Role", "roles", "role")
	k.New = func() runtime.Object { return &rbacv1.Role{} }
	k.NewList = func() runtime.Object { return &rbacv1.RoleList{} }
	k.ValidateName = content.IsPathSegmentName // system:node is one
	k.Validate = kind.OfBoth(func(r, _ *rbacv1.Role) field.ErrorList { return validateRules(r.Rules, true) })
	k.CreatedAt = true
	return k
}()

var clusterRoles = func() kind.Kind {
	k := ident(rbacv1.SchemeGroupVersion, "ClusterRole", "clusterroles", "clusterrole")
	k.Namespaced = false
	k.New = func() runtime.Object { return &rbacv1.ClusterRole{} }
	k.NewList = func() runtime.Object { return &rbacv1.ClusterRoleList{} }
	k.ValidateName = content.IsPathSegmentName
	k.Validate = kind.OfBoth(validateClusterRole)
	k.CreatedAt = true
	return k
}()

func validateClusterRole(r, _ *rbacv1.ClusterRole) field.ErrorList {
	errs := validateRules(r.Rules, false)
	if r.AggregationRule == nil {
		return errs
	}
	path := field.NewPath("aggregationRule", "clusterRoleSelectors")
	if len(r.AggregationRule.ClusterRoleSelectors) == 0 {
		errs = append(errs, field.Required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil"))
	}
	for i := range r.AggregationRule.ClusterRoleSelectors {
		errs = append(errs, validateSelector(&r.AggregationRule.ClusterRoleSelectors[i], path.Index(i))...)
	}
	return errs
}

func validateRules(rules []rbacv1.PolicyRule, namespaced bool) field.ErrorList {
	var errs field.ErrorList
	for i, rule := range rules {
		at := field.NewPath("rules").Index(i)
		if len(rule.Verbs) == 0 {
			errs = append(errs, field.Required(at.Child("verbs"), ""))
		}
		if len(rule.NonResourceURLs) == 0 {
			if len(rule.APIGroups) == 0 {
				errs = append(errs, field.Required(at.Child("apiGroups"), "resource rules must supply at least one api group"))
			}
			if len(rule.Resources) == 0 {
				errs = append(errs, field.Required(at.Child("resources"), "resource rules must supply at least one resource"))
			}
			continue
		}
		urls := at.Child("nonResourceURLs")
		if namespaced {
			errs = append(errs, field.Invalid(urls, rule.NonResourceURLs, "namespaced rules cannot apply to non-resource URLs"))
		}
		if len(rule.APIGroups)+len(rule.Resources)+len(rule.ResourceNames) > 0 {
			errs = append(errs, field.Invalid(urls, rule.NonResourceURLs, "rules cannot apply to both regular resources and non-resource URLs"))
		}
	}
	return errs
}
