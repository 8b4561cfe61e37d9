// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/apis/native"
	"drover.dev/drover/pkg/members"
)

// ReplicaSet is whole unless a policy divides it by its replicas.
var ReplicaSet = &Kind{
	GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("ReplicaSet"),
	Resource:         members.ReplicaSets,
	Division:         v1alpha1.Whole,
	Unplaced:         kind.Of(native.IsRevision),
	Replicas:         kind.Of(func(s *appsv1.ReplicaSet) **int32 { return &s.Spec.Replicas }),
	Template:         kind.Of(func(s *appsv1.ReplicaSet) *corev1.PodTemplateSpec { return &s.Spec.Template }),
	Observed:         kind.Of(func(s *appsv1.ReplicaSet) int64 { return s.Status.ObservedGeneration }),
	Report: reportBy(func(s *appsv1.ReplicaSet, into *v1alpha1.ClusterPlacementStatus) {
		into.Replicas, into.UpdatedReplicas = s.Status.Replicas, s.Status.FullyLabeledReplicas
		into.ReadyReplicas, into.AvailableReplicas = s.Status.ReadyReplicas, s.Status.AvailableReplicas
	}),
	Sum: sumBy(func(s *appsv1.ReplicaSet, r Reports) {
		n := r.count()
		s.Status.ObservedGeneration = r.Placement.WorkloadGeneration
		s.Status.Replicas, s.Status.FullyLabeledReplicas, s.Status.ReadyReplicas, s.Status.AvailableReplicas = n.replicas, n.updated, n.ready, n.available
		s.Status.Conditions = withShortcomings(s.Status.Conditions, r)
	}),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*appsv1.ReplicaSet] {
		return kube.AppsV1().ReplicaSets(namespace)
	}),
}
