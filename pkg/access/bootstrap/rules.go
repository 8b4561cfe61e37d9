// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/native"
	"drover.dev/drover/pkg/controllers/workload"
)

var (
	core           = []string{corev1.GroupName}
	apps           = []string{appsv1.GroupName}
	autoscaling    = []string{autoscalingv2.GroupName}
	batch          = []string{batchv1.GroupName}
	policy         = []string{policyv1.GroupName}
	networking     = []string{networkingv1.GroupName}
	coordination   = []string{coordinationv1.GroupName}
	events         = []string{corev1.GroupName, eventsv1.GroupName}
	rbacGroup      = []string{rbacv1.GroupName}
	authorization  = []string{authorizationv1.GroupName}
	authentication = []string{authenticationv1.GroupName}
	own            = []string{v1alpha1.GroupName}

	read   = []string{"get", "list", "watch"}
	write  = []string{"create", "update", "patch", "delete", "deletecollection"}
	create = []string{"create"}
	both   = append(read[:len(read):len(read)], write...)
)

func on(verbs, groups []string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: verbs, APIGroups: groups, Resources: resources}
}

func paths(urls ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{Verbs: []string{"get"}, NonResourceURLs: urls}
}

// viewRules are to read what is in a namespace, but for what would give more rights: Secrets, roles and their bindings.
func viewRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		on(read, core, "configmaps", "limitranges", "namespaces", "namespaces/status", "resourcequotas", "resourcequotas/status",
			"serviceaccounts", "services", "services/status"),
		on([]string{"list"}, core, "pods"), // there are none here: kubectl describe asks
		on(read, events, "events"),
		on(read, apps, "controllerrevisions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale", "deployments/status",
			"replicasets", "replicasets/scale", "replicasets/status", "statefulsets", "statefulsets/scale", "statefulsets/status"),
		on(read, autoscaling, "horizontalpodautoscalers", "horizontalpodautoscalers/status"),
		on(read, batch, "cronjobs", "cronjobs/status", "jobs", "jobs/status"),
		on(read, policy, "poddisruptionbudgets", "poddisruptionbudgets/status"),
		on(read, networking, "ingresses", "ingresses/status", "networkpolicies"),
		on(read, own, "placementpolicies", "placementpolicies/status", "placements", "placements/status", "trafficpolicies", "trafficpolicies/status"),
	}
}

// editRules are to write applications, and to ask where they would go. Placements are Drover's own to write, as is the
// status of everything. In Kubernetes, who edits may act as any ServiceAccount of the namespace, since their pods can; a pod
// in a cluster is nobody in the federation, so here only who gives rights in the namespace has tokens of its accounts.
func editRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		on(read, core, "secrets"),
		on(write, core, "configmaps", "secrets", "serviceaccounts", "services"),
		on(write, events, "events"),
		on(write, apps, "daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets", "statefulsets/scale"),
		on(write, autoscaling, "horizontalpodautoscalers"),
		on(write, batch, "cronjobs", "jobs"),
		on(write, policy, "poddisruptionbudgets"),
		on(write, networking, "ingresses", "networkpolicies"),
		on(both, coordination, "leases"),
		on(write, own, "placementpolicies", "trafficpolicies"),
		on(create, own, "placementreviews"),
	}
}

// adminRules are to say who else may do what in a namespace.
func adminRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		on(create, authorization, "localsubjectaccessreviews"),
		on(both, rbacGroup, "roles", "rolebindings"),
		on(create, core, "serviceaccounts/token"),
	}
}

// controllersRules are what pkg/controllers does, and no more.
func controllersRules() []rbacv1.PolicyRule {
	return append([]rbacv1.PolicyRule{
		// What it decides and reports on.
		on(read, own, "clusters", "migrations", "placementpolicies", "placements", "trafficpolicies"),
		on([]string{"update"}, own, "clusters", "clusters/status", "migrations", "migrations/status", "placementpolicies/status", "placements/status", "trafficpolicies/status"),
		// What a migration did is written into the policies when it is finished.
		on([]string{"create", "update"}, own, "placementpolicies"),
		on([]string{"update"}, own, "trafficpolicies"),
		on([]string{"create", "update", "delete"}, own, "placements"),
		on(read, core, "configmaps", "secrets", "serviceaccounts", "namespaces"),
		on([]string{"patch"}, apps, "deployments/scale", "replicasets/scale", "statefulsets/scale"),
		// The revisions of workloads.
		on([]string{"get", "create", "update", "delete"}, apps, "replicasets"),
		on([]string{"get", "list", "watch", "create", "update", "patch", "delete"}, apps, "controllerrevisions"),
		// Credentials of clusters are renewed, and deleted when a cluster leaves.
		on([]string{"update", "delete"}, core, "secrets"),
		// A namespace that is empty is let go.
		on([]string{"update"}, core, "namespaces/finalize"),
		// What happened, and who leads.
		on([]string{"create", "patch"}, core, "events"),
		on(create, coordination, "leases"),
		{Verbs: []string{"get", "update"}, APIGroups: coordination, Resources: []string{"leases"}, ResourceNames: []string{"drover-controllers"}},
	}, append(workloadRules(), emptyRules()...)...)
}

// workloadRules are to see, report on and let go of every kind of workload, and to delete Jobs that have expired.
func workloadRules() []rbacv1.PolicyRule {
	var rules []rbacv1.PolicyRule
	for _, k := range workload.Kinds {
		group := []string{k.Group}
		rules = append(rules, on([]string{"get", "list", "watch", "patch"}, group, k.Resource.Resource))
		if k.UpdateStatus != nil {
			rules = append(rules, on([]string{"update"}, group, k.Resource.Resource+"/status"))
		}
		if k.Expires != nil {
			rules = append(rules, on([]string{"delete"}, group, k.Resource.Resource))
		}
	}
	return rules
}

// emptyRules are to delete whatever a namespace can hold.
func emptyRules() []rbacv1.PolicyRule {
	var groups []string
	resources := map[string][]string{}
	for _, k := range slices.Concat(native.Kinds(), federation.Kinds()) {
		if !k.Namespaced {
			continue
		}
		if resources[k.Group] == nil {
			groups = append(groups, k.Group)
		}
		resources[k.Group] = append(resources[k.Group], k.Resource)
	}
	var rules []rbacv1.PolicyRule
	for _, group := range groups {
		rules = append(rules, on([]string{"list", "deletecollection"}, []string{group}, resources[group]...))
	}
	return rules
}

// dnsRules are what names and addresses are made of.
func dnsRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		on(read, own, "clusters", "placements", "trafficpolicies"),
		on(read, core, "services"),
		on(read, networking, "ingresses"),
	}
}
