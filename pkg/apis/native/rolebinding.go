// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/kind"
)

var roleBindings = func() kind.Kind {
	k := ident(rbacv1.SchemeGroupVersion, "RoleBinding", "rolebindings", "rolebinding")
	k.New = func() runtime.Object { return &rbacv1.RoleBinding{} }
	k.NewList = func() runtime.Object { return &rbacv1.RoleBindingList{} }
	return bind(k, func(b *rbacv1.RoleBinding) binding { return binding{&b.RoleRef, b.Subjects} }, "Role", "ClusterRole")
}()

var clusterRoleBindings = func() kind.Kind {
	k := ident(rbacv1.SchemeGroupVersion, "ClusterRoleBinding", "clusterrolebindings", "clusterrolebinding")
	k.Namespaced = false
	k.New = func() runtime.Object { return &rbacv1.ClusterRoleBinding{} }
	k.NewList = func() runtime.Object { return &rbacv1.ClusterRoleBindingList{} }
	return bind(k, func(b *rbacv1.ClusterRoleBinding) binding { return binding{&b.RoleRef, b.Subjects} }, "ClusterRole")
}()

// binding is what the bindings of both kinds are made of.
type binding struct {
	role     *rbacv1.RoleRef
	subjects []rbacv1.Subject
}

// bind completes the row of a kind of bindings. Roles are the kinds of roles that it can bind.
func bind[T runtime.Object](k kind.Kind, parts func(T) binding, roles ...string) kind.Kind {
	k.ValidateName = content.IsPathSegmentName
	k.Default = kind.On(func(obj T) { setBindingDefaults(parts(obj)) })
	k.Validate = func(obj, old runtime.Object) field.ErrorList {
		b := parts(obj.(T))
		errs := validateRoleRef(*b.role, roles)
		errs = append(errs, validateSubjects(b.subjects, k.Namespaced)...)
		if old != nil {
			errs = append(errs, validateUnchanged(*b.role, *parts(old.(T)).role, field.NewPath("roleRef"))...)
		}
		return errs
	}
	bound := func(subjectKind string) func(runtime.Object) any {
		return kind.Of(func(obj T) any { return subjectNames(parts(obj).subjects, subjectKind) })
	}
	k.Columns = []kind.Column{
		{Name: "Role", Type: "string", Description: "Role that is granted.", Value: kind.Of(func(obj T) any {
			role := parts(obj).role
			return role.Kind + "/" + role.Name
		})},
		{Name: "Users", Type: "string", Wide: true, Description: "Users it is granted to.", Value: bound(rbacv1.UserKind)},
		{Name: "Groups", Type: "string", Wide: true, Description: "Groups it is granted to.", Value: bound(rbacv1.GroupKind)},
		{Name: "ServiceAccounts", Type: "string", Wide: true, Description: "ServiceAccounts it is granted to.", Value: bound(rbacv1.ServiceAccountKind)},
	}
	return k
}

func subjectNames(subjects []rbacv1.Subject, subjectKind string) string {
	var out []string
	for _, s := range subjects {
		switch {
		case s.Kind != subjectKind:
		case s.Kind == rbacv1.ServiceAccountKind:
			out = append(out, s.Namespace+"/"+s.Name)
		default:
			out = append(out, s.Name)
		}
	}
	return strings.Join(out, ", ")
}

func setBindingDefaults(b binding) {
	if b.role.APIGroup == "" {
		b.role.APIGroup = rbacv1.GroupName
	}
	for i := range b.subjects {
		if s := &b.subjects[i]; s.APIGroup == "" && (s.Kind == rbacv1.UserKind || s.Kind == rbacv1.GroupKind) {
			s.APIGroup = rbacv1.GroupName
		}
	}
}

func validateRoleRef(ref rbacv1.RoleRef, kinds []string) field.ErrorList {
	path := field.NewPath("roleRef")
	errs := validatePathSegment(ref.Name, path.Child("name"))
	if ref.APIGroup != rbacv1.GroupName {
		errs = append(errs, field.NotSupported(path.Child("apiGroup"), ref.APIGroup, []string{rbacv1.GroupName}))
	}
	if !slices.Contains(kinds, ref.Kind) {
		errs = append(errs, field.NotSupported(path.Child("kind"), ref.Kind, kinds))
	}
	return errs
}

func validateSubjects(subjects []rbacv1.Subject, namespaced bool) field.ErrorList {
	var errs field.ErrorList
	for i, s := range subjects {
		at := field.NewPath("subjects").Index(i)
		if s.Name == "" {
			errs = append(errs, field.Required(at.Child("name"), ""))
		}
		group := rbacv1.GroupName
		switch s.Kind {
		case rbacv1.UserKind, rbacv1.GroupKind:
		case rbacv1.ServiceAccountKind:
			group = ""
			if s.Namespace == "" && !namespaced {
				errs = append(errs, field.Required(at.Child("namespace"), ""))
			}
			if s.Name != "" {
				for _, msg := range validation.IsDNS1123Subdomain(s.Name) {
					errs = append(errs, field.Invalid(at.Child("name"), s.Name, msg))
				}
			}
		default:
			errs = append(errs, field.NotSupported(at.Child("kind"), s.Kind, []string{rbacv1.ServiceAccountKind, rbacv1.UserKind, rbacv1.GroupKind}))
			continue
		}
		if s.APIGroup != group {
			errs = append(errs, field.NotSupported(at.Child("apiGroup"), s.APIGroup, []string{group}))
		}
	}
	return errs
}
