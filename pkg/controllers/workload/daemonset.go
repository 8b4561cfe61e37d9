// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/members"
)

// DaemonSet is whole: each cluster has as many pods as it has nodes for it.
var DaemonSet = &Kind{
	GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("DaemonSet"),
	Resource:         members.DaemonSets,
	Division:         v1alpha1.Whole,
	Template:         kind.Of(func(d *appsv1.DaemonSet) *corev1.PodTemplateSpec { return &d.Spec.Template }),
	Rolls: kind.Of(func(d *appsv1.DaemonSet) *Rolling {
		if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
			return nil
		}
		return &Rolling{}
	}),
	Observed: kind.Of(func(d *appsv1.DaemonSet) int64 { return d.Status.ObservedGeneration }),
	Report: reportBy(func(d *appsv1.DaemonSet, into *v1alpha1.ClusterPlacementStatus) {
		into.Replicas, into.UpdatedReplicas = d.Status.DesiredNumberScheduled, d.Status.UpdatedNumberScheduled
		into.ReadyReplicas, into.AvailableReplicas = d.Status.NumberReady, d.Status.NumberAvailable
		keep(into, appsv1.DaemonSetStatus{
			CurrentNumberScheduled: d.Status.CurrentNumberScheduled, DesiredNumberScheduled: d.Status.DesiredNumberScheduled,
			NumberMisscheduled: d.Status.NumberMisscheduled, NumberReady: d.Status.NumberReady,
		})
	}),
	Ready: func(c *v1alpha1.ClusterPlacementStatus) bool {
		return c.ObservedGeneration > 0 && c.AvailableReplicas >= c.Replicas
	},
	Sum: sumBy(sumDaemonSet),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*appsv1.DaemonSet] {
		return kube.AppsV1().DaemonSets(namespace)
	}),
}

// sumDaemonSet adds up. It speaks of a generation only once each cluster does: before, how many pods there are to be is
// not known.
func sumDaemonSet(d *appsv1.DaemonSet, r Reports) {
	next := appsv1.DaemonSetStatus{
		ObservedGeneration: r.observed(d.Status.ObservedGeneration), Conditions: withShortcomings(d.Status.Conditions, r), CollisionCount: d.Status.CollisionCount,
	}
	for i := range r.Clusters {
		c := &r.Clusters[i]
		in := kept[appsv1.DaemonSetStatus](c)
		next.CurrentNumberScheduled += in.CurrentNumberScheduled
		next.NumberMisscheduled += in.NumberMisscheduled
		next.DesiredNumberScheduled += c.Replicas
		next.NumberReady += c.ReadyReplicas
		next.NumberAvailable += c.AvailableReplicas
		if r.acted(c) {
			next.UpdatedNumberScheduled += c.UpdatedReplicas
		}
	}
	next.NumberUnavailable = max(0, next.DesiredNumberScheduled-next.NumberAvailable)
	d.Status = next
}
