// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// together is how near in time clusters must be lost to count as lost at once.
const together = 5 * time.Minute

// tooManyLost says whether so many clusters were lost together with one that the likelier failure is Drover's own: two at
// the least, and half of those that were there. Clusters that were lost long before, or were never ready, do not count.
func tooManyLost(one *v1alpha1.Cluster, clusters []*v1alpha1.Cluster) bool {
	at, isLost := lostAt(one)
	if !isLost {
		return false
	}
	lost, ready := 0, 0
	for _, cluster := range clusters {
		switch t, isLost := lostAt(cluster); {
		case !cluster.DeletionTimestamp.IsZero():
		case isLost && t.Sub(at).Abs() <= together:
			lost++
		case meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady):
			ready++
		}
	}
	return lost >= 2 && lost >= ready
}

// lostAt is since when a cluster that was ready is not.
func lostAt(cluster *v1alpha1.Cluster) (time.Time, bool) {
	ready := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status == metav1.ConditionTrue {
		return time.Time{}, false
	}
	return ready.LastTransitionTime.Time, true
}
