// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package bootstrap is the roles and bindings that every federation starts with, and keeps the rules of aggregated roles.
package bootstrap

import (
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/authentication/user"

	"drover.dev/drover/pkg/access/rbac"
)

// aggregateTo is the label that adds the rules of a role to those of admin, edit or view.
const aggregateTo = "rbac.authorization.k8s.io/aggregate-to-"

// The groups that Drover's own parts are in when they do not run as administrators.
const (
	ControllersGroup = "system:drover:controllers"
	DNSGroup         = "system:drover:dns"
)

// Roles are the ClusterRoles that are there from the start.
func Roles() []rbacv1.ClusterRole {
	return marked([]rbacv1.ClusterRole{
		role("cluster-admin", rbac.All...),
		aggregated("admin", ""),
		aggregated("edit", "admin"),
		aggregated("view", "edit"),
		aggregate("admin", adminRules()),
		aggregate("edit", editRules()),
		aggregate("view", viewRules()),
		role("drover:cluster-viewer", on(read, own, "clusters", "clusters/status", "migrations", "migrations/status")),
		role("system:basic-user",
			on(create, authorization, "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
			on(create, authentication, "selfsubjectreviews")),
		role("system:discovery",
			paths("/livez", "/readyz", "/healthz", "/version", "/version/", "/openapi", "/openapi/*", "/api", "/api/*", "/apis", "/apis/*"),
			// kubectl looks there for a kind that is not served, before it says so.
			on([]string{"list"}, []string{"apiextensions.k8s.io"}, "customresourcedefinitions")),
		role("system:public-info-viewer", paths("/livez", "/readyz", "/healthz", "/version", "/version/")),
		role("system:monitoring", paths("/metrics", "/metrics/slis", "/livez", "/readyz", "/healthz", "/livez/*", "/readyz/*", "/healthz/*")),
		role("system:auth-delegator", on(create, authentication, "tokenreviews"), on(create, authorization, "subjectaccessreviews")),
		role(ControllersGroup, controllersRules()...),
		role(DNSGroup, dnsRules()...),
	})
}

// Bindings are the ClusterRoleBindings that are there from the start.
func Bindings() []rbacv1.ClusterRoleBinding {
	return marked([]rbacv1.ClusterRoleBinding{
		bind("cluster-admin", user.SystemPrivilegedGroup),
		bind("system:basic-user", user.AllAuthenticated),
		bind("system:discovery", user.AllAuthenticated),
		bind("system:public-info-viewer", user.AllAuthenticated, user.AllUnauthenticated),
		bind("system:monitoring", user.MonitoringGroup),
		bind(ControllersGroup, ControllersGroup),
		bind(DNSGroup, DNSGroup),
	})
}

func role(name string, rules ...rbacv1.PolicyRule) rbacv1.ClusterRole {
	return rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: rules}
}

// aggregated is a role of the rules of those labelled for it, which is itself one of those for another; empty for none.
func aggregated(name, to string) rbacv1.ClusterRole {
	r := role(name)
	r.AggregationRule = &rbacv1.AggregationRule{ClusterRoleSelectors: []metav1.LabelSelector{{MatchLabels: map[string]string{aggregateTo + name: "true"}}}}
	if to != "" {
		r.Labels = map[string]string{aggregateTo + to: "true"}
	}
	return r
}

// aggregate is a role whose rules go into another.
func aggregate(to string, rules []rbacv1.PolicyRule) rbacv1.ClusterRole {
	r := role("system:aggregate-to-"+to, rules...)
	r.Labels = map[string]string{aggregateTo + to: "true"}
	return r
}

func bind(role string, groups ...string) rbacv1.ClusterRoleBinding {
	b := rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
	}
	for _, group := range groups {
		b.Subjects = append(b.Subjects, rbacv1.Subject{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: group})
	}
	return b
}

// marked labels objects as in Kubernetes, and has them brought up to date at every start.
func marked[T any, P interface {
	*T
	metav1.Object
}](objects []T,
) []T {
	for i := range objects {
		obj := P(&objects[i])
		labels := map[string]string{"kubernetes.io/bootstrapping": "rbac-defaults"}
		for key, value := range obj.GetLabels() {
			labels[key] = value
		}
		obj.SetLabels(labels)
		obj.SetAnnotations(map[string]string{rbacv1.AutoUpdateAnnotationKey: "true"})
	}
	return objects
}
