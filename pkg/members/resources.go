// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Resources that Drover writes to members or reads from them.
var (
	Namespaces      = corev1.SchemeGroupVersion.WithResource("namespaces")
	ConfigMaps      = corev1.SchemeGroupVersion.WithResource("configmaps")
	Secrets         = corev1.SchemeGroupVersion.WithResource("secrets")
	ServiceAccounts = corev1.SchemeGroupVersion.WithResource("serviceaccounts")
	Services        = corev1.SchemeGroupVersion.WithResource("services")
	ResourceQuotas  = corev1.SchemeGroupVersion.WithResource("resourcequotas")
	LimitRanges     = corev1.SchemeGroupVersion.WithResource("limitranges")
	Deployments     = appsv1.SchemeGroupVersion.WithResource("deployments")
	ReplicaSets     = appsv1.SchemeGroupVersion.WithResource("replicasets")
	StatefulSets    = appsv1.SchemeGroupVersion.WithResource("statefulsets")
	DaemonSets      = appsv1.SchemeGroupVersion.WithResource("daemonsets")
	Jobs            = batchv1.SchemeGroupVersion.WithResource("jobs")
	CronJobs        = batchv1.SchemeGroupVersion.WithResource("cronjobs")
	Ingresses       = networkingv1.SchemeGroupVersion.WithResource("ingresses")
	Pods            = corev1.SchemeGroupVersion.WithResource("pods")
	NetworkPolicies = networkingv1.SchemeGroupVersion.WithResource("networkpolicies")
	EndpointSlices  = discoveryv1.SchemeGroupVersion.WithResource("endpointslices")

	HorizontalPodAutoscalers = autoscalingv2.SchemeGroupVersion.WithResource("horizontalpodautoscalers")
	PodDisruptionBudgets     = policyv1.SchemeGroupVersion.WithResource("poddisruptionbudgets")
)

// Synced are the resources that Drover writes to members. A namespace comes before what is in it.
var Synced = []schema.GroupVersionResource{
	Namespaces, ResourceQuotas, LimitRanges, ServiceAccounts, ConfigMaps, Secrets,
	Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs, CronJobs,
	Services, Ingresses, NetworkPolicies, HorizontalPodAutoscalers, PodDisruptionBudgets,
}

// Scaled are those of Synced whose replicas are also set by themselves, at their subresource scale.
var Scaled = []schema.GroupVersionResource{Deployments, ReplicaSets, StatefulSets}

// needed are those without which nothing can be written.
var needed = []schema.GroupVersionResource{Namespaces, ServiceAccounts, ConfigMaps, Secrets}

// metadataOnly are those of which nothing is read but that they are there.
var metadataOnly = []schema.GroupVersionResource{Namespaces, LimitRanges, ServiceAccounts, ConfigMaps, Secrets, NetworkPolicies}
