// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rbac stores roles and their bindings. They differ from plain kinds in that nobody may give others what they do not
// hold themselves: by writing a role they need its rules or the verb escalate, by binding one its rules or the verb bind.
package rbac

import (
	"context"
	"errors"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	"drover.dev/drover/pkg/access/rbac"
	"drover.dev/drover/pkg/registry"
)

// Stores are the plain storages of the four kinds.
type Stores struct {
	Roles, RoleBindings, ClusterRoles, ClusterRoleBindings *registry.REST
}

// REST serves one of the kinds.
type REST struct {
	*registry.REST
	permit func(ctx context.Context, obj, old runtime.Object) error
}

// New makes the storages of the four kinds, by resource, over their plain ones. What is held is read from the stores
// themselves, so that what was taken away a moment ago cannot be given any more.
func New(stores Stores, authz authorizer.Authorizer) map[string]*REST {
	c := &check{authorizer: authz, source: source{stores}}
	return map[string]*REST{
		"roles":               {REST: stores.Roles, permit: c.role},
		"rolebindings":        {REST: stores.RoleBindings, permit: c.binding},
		"clusterroles":        {REST: stores.ClusterRoles, permit: c.role},
		"clusterrolebindings": {REST: stores.ClusterRoleBindings, permit: c.binding},
	}
}

// Create creates an object that gives nobody more than its author holds.
func (r *REST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	if err := r.check(ctx, obj, nil); err != nil {
		return nil, err
	}
	return r.REST.Create(ctx, obj, validate, options)
}

// Update updates an object, or creates it by server-side apply, as Create does.
func (r *REST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, force bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	checked := rest.WrapUpdatedObjectInfo(info, func(ctx context.Context, obj, old runtime.Object) (runtime.Object, error) {
		return obj, r.check(ctx, obj, old)
	})
	return r.REST.Update(ctx, name, checked, create, update, force, options)
}

func (r *REST) check(ctx context.Context, obj, old runtime.Object) error {
	who, ok := request.UserFrom(ctx)
	if !ok {
		return apierrors.NewForbidden(r.DefaultQualifiedResource, nameOf(obj), errors.New("no user on the request"))
	}
	if slices.Contains(who.GetGroups(), user.SystemPrivilegedGroup) || old != nil && onlyReleases(obj, old) {
		return nil
	}
	err := r.permit(ctx, obj, old)
	var status apierrors.APIStatus
	if err == nil || errors.As(err, &status) {
		return err // a role that does not exist, for one
	}
	return apierrors.NewForbidden(r.DefaultQualifiedResource, nameOf(obj), err)
}

// onlyReleases says whether an update changes nothing but what stands in the way of deleting an object.
func onlyReleases(obj, old runtime.Object) bool {
	changed, err := meta.Accessor(obj.DeepCopyObject())
	if err != nil {
		return false
	}
	before, err := meta.Accessor(old)
	if err != nil {
		return false
	}
	changed.SetOwnerReferences(before.GetOwnerReferences())
	changed.SetFinalizers(before.GetFinalizers())
	changed.SetManagedFields(before.GetManagedFields())
	return apiequality.Semantic.DeepEqual(changed, before)
}

func nameOf(obj runtime.Object) string {
	m, err := meta.Accessor(obj)
	if err != nil {
		return ""
	}
	return m.GetName()
}

// check says whether the author of a request may write a role or a binding.
type check struct {
	authorizer authorizer.Authorizer
	source     rbac.Source
}

func (c *check) role(ctx context.Context, obj, old runtime.Object) error {
	who, namespace := author(ctx)
	info, ok := request.RequestInfoFrom(ctx)
	if ok && c.may(ctx, "escalate", info.APIGroup, info.Resource, info.Name, namespace) {
		return nil
	}
	rules, aggregated := rulesIn(obj)
	if err := rbac.MayGrant(ctx, c.source, who, namespace, rules); err != nil {
		return err
	}
	// An aggregated role takes in whatever is labelled for it, and what it was can no longer be narrowed.
	if _, was := rulesIn(old); (aggregated || was) && rbac.MayGrant(ctx, c.source, who, namespace, rbac.All) != nil {
		return errors.New("must have cluster-admin privileges to use the aggregationRule")
	}
	return nil
}

func (c *check) binding(ctx context.Context, obj, _ runtime.Object) error {
	who, namespace := author(ctx)
	ref := roleIn(obj)
	resource := map[string]string{"Role": "roles", "ClusterRole": "clusterroles"}[ref.Kind]
	if resource != "" && c.may(ctx, "bind", ref.APIGroup, resource, ref.Name, namespace) {
		return nil
	}
	rules, err := rbac.RulesOf(ctx, c.source, ref, namespace)
	if err != nil {
		return err
	}
	return rbac.MayGrant(ctx, c.source, who, namespace, rules)
}

// may asks whether the author of a request is allowed a verb on a role.
func (c *check) may(ctx context.Context, verb, group, resource, name, namespace string) bool {
	who, _ := author(ctx)
	decision, _, err := c.authorizer.Authorize(ctx, authorizer.AttributesRecord{
		User: who, ResourceRequest: true, Verb: verb, APIGroup: group, APIVersion: "*", Resource: resource, Name: name, Namespace: namespace,
	})
	return err == nil && decision == authorizer.DecisionAllow
}

func author(ctx context.Context) (who user.Info, namespace string) {
	who, _ = request.UserFrom(ctx) // check has made sure that there is one
	return who, request.NamespaceValue(ctx)
}

// rulesIn are the rules of a role, and whether it takes in those of others.
func rulesIn(obj runtime.Object) (rules []rbacv1.PolicyRule, aggregated bool) {
	switch r := obj.(type) {
	case *rbacv1.Role:
		return r.Rules, false
	case *rbacv1.ClusterRole:
		return r.Rules, r.AggregationRule != nil && len(r.AggregationRule.ClusterRoleSelectors) > 0
	}
	return nil, false
}

func roleIn(obj runtime.Object) rbacv1.RoleRef {
	switch b := obj.(type) {
	case *rbacv1.RoleBinding:
		return b.RoleRef
	case *rbacv1.ClusterRoleBinding:
		return b.RoleRef
	}
	return rbacv1.RoleRef{}
}
