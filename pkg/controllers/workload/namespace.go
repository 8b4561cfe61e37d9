// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/members"
)

// NetworkPolicy goes where the workloads run whose pods it selects.
var NetworkPolicy = &Kind{
	GroupVersionKind: networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy"),
	Resource:         members.NetworkPolicies,
	Guards:           true,
	Behind: func(obj runtime.Object, kind *Kind, other runtime.Object) bool {
		return selectsPods(&obj.(*networkingv1.NetworkPolicy).Spec.PodSelector, kind, other)
	},
	Wants: kind.Of(func(n *networkingv1.NetworkPolicy) []string { return labelsTerm(n.Spec.PodSelector.MatchLabels) }),
}

// LimitRange goes where any workload of its namespace runs.
var LimitRange = &Kind{
	GroupVersionKind: corev1.SchemeGroupVersion.WithKind("LimitRange"),
	Resource:         members.LimitRanges,
	Guards:           true,
	Behind:           anyPods,
}

// ResourceQuota goes where any workload of its namespace runs. Each cluster has all of it.
var ResourceQuota = &Kind{
	GroupVersionKind: corev1.SchemeGroupVersion.WithKind("ResourceQuota"),
	Resource:         members.ResourceQuotas,
	Guards:           true,
	Behind:           anyPods,
	Report:           reportBy(func(q *corev1.ResourceQuota, into *v1alpha1.ClusterPlacementStatus) { keep(into, q.Status) }),
	Sum: sumBy(func(q *corev1.ResourceQuota, r Reports) {
		next := corev1.ResourceQuotaStatus{}
		for i := range r.Clusters {
			in := kept[corev1.ResourceQuotaStatus](&r.Clusters[i])
			add(&next.Hard, in.Hard)
			add(&next.Used, in.Used)
		}
		q.Status = next
	}),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*corev1.ResourceQuota] {
		return kube.CoreV1().ResourceQuotas(namespace)
	}),
}

func anyPods(_ runtime.Object, kind *Kind, _ runtime.Object) bool { return kind.Template != nil }

func add(sum *corev1.ResourceList, more corev1.ResourceList) {
	for name, quantity := range more {
		if *sum == nil {
			*sum = corev1.ResourceList{}
		}
		total := (*sum)[name]
		total.Add(quantity)
		(*sum)[name] = total
	}
}
