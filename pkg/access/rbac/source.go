// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package rbac

import (
	"context"
	"fmt"
	"iter"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"
	rbacinformers "k8s.io/client-go/informers/rbac/v1"
)

// Source is where roles and bindings are read.
type Source interface {
	Role(ctx context.Context, namespace, name string) (*rbacv1.Role, error)
	RoleBindings(ctx context.Context, namespace string) ([]*rbacv1.RoleBinding, error)
	ClusterRole(ctx context.Context, name string) (*rbacv1.ClusterRole, error)
	ClusterRoleBindings(ctx context.Context) ([]*rbacv1.ClusterRoleBinding, error)
}

// informed reads what informers have seen.
type informed struct{ from rbacinformers.Interface }

// FromInformers reads roles and bindings from informers, which must run.
func FromInformers(from rbacinformers.Interface) Source {
	// Asking for an informer is what has its factory run it.
	from.Roles().Informer()
	from.RoleBindings().Informer()
	from.ClusterRoles().Informer()
	from.ClusterRoleBindings().Informer()
	return informed{from: from}
}

func (s informed) Role(_ context.Context, namespace, name string) (*rbacv1.Role, error) {
	return s.from.Roles().Lister().Roles(namespace).Get(name)
}

func (s informed) RoleBindings(_ context.Context, namespace string) ([]*rbacv1.RoleBinding, error) {
	return s.from.RoleBindings().Lister().RoleBindings(namespace).List(labels.Everything())
}

func (s informed) ClusterRole(_ context.Context, name string) (*rbacv1.ClusterRole, error) {
	return s.from.ClusterRoles().Lister().Get(name)
}

func (s informed) ClusterRoleBindings(context.Context) ([]*rbacv1.ClusterRoleBinding, error) {
	return s.from.ClusterRoleBindings().Lister().List(labels.Everything())
}

// grant is a rule, and what gives it to somebody.
type grant struct {
	rule    *rbacv1.PolicyRule
	binding string // ClusterRoleBinding "a", RoleBinding "a/namespace"
	role    rbacv1.RoleRef
	subject rbacv1.Subject
}

// String reads like the reasons that Kubernetes gives.
func (g grant) String() string {
	name := g.subject.Name
	if g.subject.Kind == rbacv1.ServiceAccountKind {
		name += "/" + g.subject.Namespace
	}
	return fmt.Sprintf("%s of %s %q to %s %q", g.binding, g.role.Kind, g.role.Name, g.subject.Kind, name)
}

// grants are the rules that apply to somebody: everywhere, and in a namespace unless it is empty. Errors are of bindings
// whose role cannot be read; what follows them holds all the same.
func grants(ctx context.Context, source Source, who user.Info, namespace string) iter.Seq2[grant, error] {
	return func(yield func(grant, error) bool) {
		everywhere, err := source.ClusterRoleBindings(ctx)
		if err != nil && !yield(grant{}, err) {
			return
		}
		for _, b := range everywhere {
			if !ofBinding(ctx, source, who, fmt.Sprintf("ClusterRoleBinding %q", b.Name), b.RoleRef, b.Subjects, "", yield) {
				return
			}
		}
		if namespace == "" {
			return
		}
		here, err := source.RoleBindings(ctx, namespace)
		if err != nil && !yield(grant{}, err) {
			return
		}
		for _, b := range here {
			if !ofBinding(ctx, source, who, fmt.Sprintf("RoleBinding %q", b.Name+"/"+b.Namespace), b.RoleRef, b.Subjects, namespace, yield) {
				return
			}
		}
	}
}

// ofBinding yields the rules that one binding gives to somebody, and says whether to go on.
func ofBinding(ctx context.Context, source Source, who user.Info, binding string, role rbacv1.RoleRef, subjects []rbacv1.Subject, namespace string, yield func(grant, error) bool) bool {
	i := slices.IndexFunc(subjects, func(s rbacv1.Subject) bool { return is(who, s, namespace) })
	if i < 0 {
		return true
	}
	rules, err := RulesOf(ctx, source, role, namespace)
	if err != nil {
		return yield(grant{}, err)
	}
	subject := subjects[i]
	if subject.Namespace == "" {
		subject.Namespace = namespace
	}
	for j := range rules {
		if !yield(grant{rule: &rules[j], binding: binding, role: role, subject: subject}, nil) {
			return false
		}
	}
	return true
}

// RulesOf are the rules of the role that a binding refers to, in the binding's namespace; empty for a ClusterRoleBinding.
func RulesOf(ctx context.Context, source Source, ref rbacv1.RoleRef, namespace string) ([]rbacv1.PolicyRule, error) {
	switch {
	case ref.Kind == "Role" && namespace != "":
		role, err := source.Role(ctx, namespace, ref.Name)
		if err != nil {
			return nil, err
		}
		return role.Rules, nil
	case ref.Kind == "ClusterRole":
		role, err := source.ClusterRole(ctx, ref.Name)
		if err != nil {
			return nil, err
		}
		return role.Rules, nil
	}
	return nil, fmt.Errorf("unsupported role reference kind: %q", ref.Kind)
}

// is says whether somebody is a subject of a binding in a namespace; empty for a ClusterRoleBinding.
func is(who user.Info, s rbacv1.Subject, namespace string) bool {
	switch s.Kind {
	case rbacv1.UserKind:
		return who.GetName() == s.Name
	case rbacv1.GroupKind:
		return slices.Contains(who.GetGroups(), s.Name)
	case rbacv1.ServiceAccountKind:
		if s.Namespace != "" {
			namespace = s.Namespace
		}
		return namespace != "" && serviceaccount.MatchesUsername(namespace, s.Name, who.GetName())
	}
	return false
}
