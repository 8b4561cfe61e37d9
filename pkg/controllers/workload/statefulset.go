// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/members"
)

// StatefulSet is whole unless a policy divides it by its replicas: the ordinals of each cluster begin with 0.
var StatefulSet = &Kind{
	GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("StatefulSet"),
	Resource:         members.StatefulSets,
	Division:         v1alpha1.Whole,
	Replicas:         kind.Of(func(s *appsv1.StatefulSet) **int32 { return &s.Spec.Replicas }),
	Template:         kind.Of(func(s *appsv1.StatefulSet) *corev1.PodTemplateSpec { return &s.Spec.Template }),
	Rolls: kind.Of(func(s *appsv1.StatefulSet) *Rolling {
		if u := s.Spec.UpdateStrategy; u.Type == appsv1.OnDeleteStatefulSetStrategyType || u.RollingUpdate != nil && ptr.Deref(u.RollingUpdate.Partition, 0) > 0 {
			return nil // somebody says for each pod, or for some of them, when it is replaced
		}
		return &Rolling{}
	}),
	Observed: kind.Of(func(s *appsv1.StatefulSet) int64 { return s.Status.ObservedGeneration }),
	Report: reportBy(func(s *appsv1.StatefulSet, into *v1alpha1.ClusterPlacementStatus) {
		into.Replicas, into.UpdatedReplicas = s.Status.Replicas, s.Status.UpdatedReplicas
		into.ReadyReplicas, into.AvailableReplicas = s.Status.ReadyReplicas, s.Status.AvailableReplicas
		keep(into, appsv1.StatefulSetStatus{
			Replicas: s.Status.Replicas, CurrentReplicas: s.Status.CurrentReplicas,
			CurrentRevision: s.Status.CurrentRevision, UpdateRevision: s.Status.UpdateRevision,
		})
	}),
	Sum: sumBy(sumStatefulSet),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*appsv1.StatefulSet] {
		return kube.AppsV1().StatefulSets(namespace)
	}),
}

// sumStatefulSet gives revisions of its own, since those of the clusters have other names: the two are the same as soon
// as they are in each cluster.
func sumStatefulSet(s *appsv1.StatefulSet, r Reports) {
	n := r.count()
	status := appsv1.StatefulSetStatus{
		ObservedGeneration: r.Placement.WorkloadGeneration, Conditions: withShortcomings(s.Status.Conditions, r), CollisionCount: s.Status.CollisionCount,
		Replicas: n.replicas, UpdatedReplicas: n.updated, ReadyReplicas: n.ready, AvailableReplicas: n.available,
		CurrentRevision: s.Status.CurrentRevision, UpdateRevision: RevisionName(s.Name, RevisionHash(&s.Spec.Template, 0)),
	}
	switch {
	case r.everywhere(func(c *v1alpha1.ClusterPlacementStatus) bool {
		in := kept[appsv1.StatefulSetStatus](c)
		return r.acted(c) && in.CurrentRevision == in.UpdateRevision
	}):
		status.CurrentRevision, status.CurrentReplicas = status.UpdateRevision, n.updated
	case status.CurrentRevision == status.UpdateRevision:
		status.CurrentRevision = "" // not all are of one revision, until each cluster says so
	}
	s.Status = status
}
