// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"
	rbacac "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// managedBy marks the cluster-wide objects that join makes.
const (
	managedByLabel = "app.kubernetes.io/managed-by"
	managedBy      = "drover"
)

var forced = metav1.ApplyOptions{FieldManager: fieldManager, Force: true}

// account makes the ServiceAccount that Drover acts as in the member, and what it may do. The namespace owns what is
// outside of it, so that the member itself removes all of it when the namespace is deleted.
func (m *member) account(ctx context.Context, owner *corev1.Namespace) error {
	const name, namespace = members.AccountName, v1alpha1.SystemNamespace
	labels := map[string]string{managedByLabel: managedBy}
	subject := rbacac.Subject().WithKind(rbacv1.ServiceAccountKind).WithName(name).WithNamespace(namespace)
	ref := func(kind string) *rbacac.RoleRefApplyConfiguration {
		return rbacac.RoleRef().WithAPIGroup(rbacv1.GroupName).WithKind(kind).WithName(name)
	}
	owned := metaac.OwnerReference().WithAPIVersion("v1").WithKind("Namespace").WithName(owner.Name).WithUID(owner.UID)
	core, rbac := m.kube.CoreV1(), m.kube.RbacV1()

	_, err := core.ServiceAccounts(namespace).Apply(ctx, coreac.ServiceAccount(name, namespace).WithLabels(labels), forced)
	if err != nil {
		return m.explain("apply ServiceAccount "+name, err)
	}
	_, err = rbac.ClusterRoles().Apply(ctx, rbacac.ClusterRole(name).WithLabels(labels).WithOwnerReferences(owned).WithRules(rules(members.Rules())...), forced)
	if err != nil {
		return m.explain("apply ClusterRole "+name, err)
	}
	_, err = rbac.ClusterRoleBindings().Apply(ctx, rbacac.ClusterRoleBinding(name).WithLabels(labels).WithOwnerReferences(owned).
		WithSubjects(subject).WithRoleRef(ref("ClusterRole")), forced)
	if err != nil {
		return m.explain("apply ClusterRoleBinding "+name, err)
	}
	_, err = rbac.Roles(namespace).Apply(ctx, rbacac.Role(name, namespace).WithLabels(labels).WithRules(rules(members.TokenRules())...), forced)
	if err != nil {
		return m.explain("apply Role "+name, err)
	}
	_, err = rbac.RoleBindings(namespace).Apply(ctx, rbacac.RoleBinding(name, namespace).WithLabels(labels).WithSubjects(subject).WithRoleRef(ref("Role")), forced)
	return m.explain("apply RoleBinding "+name, err)
}

// mine makes sure that cluster-wide objects of Drover's name are not somebody else's.
func (m *member) mine(ctx context.Context) error {
	refuse := func(kind string, labels map[string]string) error {
		if labels[managedByLabel] == managedBy {
			return nil
		}
		return fmt.Errorf("%s: there is a %s %s that join did not make\n(%s)\nif nobody needs it, delete it: %s delete %s %s",
			m.name, kind, members.AccountName, m.where(), m.kubectl(), strings.ToLower(kind), members.AccountName)
	}
	role, err := m.kube.RbacV1().ClusterRoles().Get(ctx, members.AccountName, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return m.explain("get ClusterRole "+members.AccountName, err)
	}
	if err == nil {
		if err := refuse("ClusterRole", role.Labels); err != nil {
			return err
		}
	}
	binding, err := m.kube.RbacV1().ClusterRoleBindings().Get(ctx, members.AccountName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return m.explain("get ClusterRoleBinding "+members.AccountName, err)
	}
	return refuse("ClusterRoleBinding", binding.Labels)
}

func rules(rules []rbacv1.PolicyRule) []*rbacac.PolicyRuleApplyConfiguration {
	out := make([]*rbacac.PolicyRuleApplyConfiguration, 0, len(rules))
	for _, rule := range rules {
		out = append(out, rbacac.PolicyRule().WithVerbs(rule.Verbs...).WithAPIGroups(rule.APIGroups...).
			WithResources(rule.Resources...).WithResourceNames(rule.ResourceNames...).WithNonResourceURLs(rule.NonResourceURLs...))
	}
	return out
}

// token asks for a token of the ServiceAccount.
func (m *member) token(ctx context.Context) (token string, expires time.Time, err error) {
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(int64(members.TokenLifetime.Seconds()))}}
	request, err = m.kube.CoreV1().ServiceAccounts(v1alpha1.SystemNamespace).CreateToken(ctx, members.AccountName, request, metav1.CreateOptions{})
	if err != nil {
		return "", time.Time{}, m.explain("create a token for ServiceAccount "+members.AccountName, err)
	}
	return request.Status.Token, request.Status.ExpirationTimestamp.Time, nil
}
