// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package native is the table of the Kubernetes kinds that are served as themselves. Serving one more kind is one more
// row, and its defaults, checks and columns beside it. Only what Drover itself reads is defaulted and checked in depth:
// a member's own API server has the last word, and its refusal becomes a condition.
package native

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

// Kinds returns the table.
func Kinds() []kind.Kind {
	return append(
		withOwnDoor(
			configMaps, secrets, serviceAccounts, services, events, resourceQuotas, limitRanges,
			deployments, replicaSets, statefulSets, daemonSets,
			jobs, cronJobs,
			horizontalPodAutoscalers,
			podDisruptionBudgets,
			ingresses, networkPolicies,
		),
		namespaces, controllerRevisions, ingressClasses, leases, roles, roleBindings, clusterRoles, clusterRoleBindings,
	)
}

// withOwnDoor serves kinds in Drover's own group, too. It is the one group that a cluster which aggregates the federation
// can show beside its own, so it has what the owner of an application writes.
func withOwnDoor(kinds ...kind.Kind) []kind.Kind {
	for i := range kinds {
		kinds[i].Doors = append(slices.Clip(kinds[i].Doors), kind.Door{GroupVersion: v1alpha1.SchemeGroupVersion})
	}
	return kinds
}

// GroupVersions are the native API groups served, in the order they are listed.
var GroupVersions = []schema.GroupVersion{
	corev1.SchemeGroupVersion,
	appsv1.SchemeGroupVersion,
	batchv1.SchemeGroupVersion,
	autoscalingv2.SchemeGroupVersion,
	autoscalingv1.SchemeGroupVersion,
	policyv1.SchemeGroupVersion,
	networkingv1.SchemeGroupVersion,
	coordinationv1.SchemeGroupVersion,
	eventsv1.SchemeGroupVersion,
	rbacv1.SchemeGroupVersion,
	authorizationv1.SchemeGroupVersion,
	authenticationv1.SchemeGroupVersion,
}

var addToScheme = runtime.NewSchemeBuilder(
	corev1.AddToScheme,
	appsv1.AddToScheme,
	batchv1.AddToScheme,
	autoscalingv2.AddToScheme,
	autoscalingv1.AddToScheme,
	policyv1.AddToScheme,
	networkingv1.AddToScheme,
	coordinationv1.AddToScheme,
	eventsv1.AddToScheme,
	rbacv1.AddToScheme,
	authorizationv1.AddToScheme,
	authenticationv1.AddToScheme,
)

// AddToScheme registers the native types, versioned only, at all their doors.
func AddToScheme(scheme *runtime.Scheme) error {
	if err := addToScheme.AddToScheme(scheme); err != nil {
		return err
	}
	for _, k := range Kinds() {
		for _, door := range k.Doors {
			if at := door.WithKind(k.Kind); !scheme.Recognizes(at) {
				scheme.AddKnownTypeWithName(at, k.New())
				scheme.AddKnownTypeWithName(door.WithKind(k.Kind+"List"), k.NewList())
			}
		}
	}
	return nil
}

// AddDefaults registers the defaults of the native types.
func AddDefaults(scheme *runtime.Scheme) {
	for _, k := range Kinds() {
		if k.Default != nil {
			scheme.AddTypeDefaultingFunc(k.New(), func(obj any) { k.Default(obj.(runtime.Object)) })
		}
	}
	addAutoscalerDefaults(scheme)
}

// ident names a kind the way kubectl does: its resource, its singular name and its short names.
func ident(gv schema.GroupVersion, name, resource, singular string, short ...string) kind.Kind {
	return kind.Kind{
		GroupVersionKind: gv.WithKind(name), Resource: resource, Singular: singular, ShortNames: short, Namespaced: true,
	}
}
