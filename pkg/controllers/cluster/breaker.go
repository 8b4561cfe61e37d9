// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

const (
	// together is how near in time clusters must be lost to count as lost at once.
	together = 5 * time.Minute
	// DefaultDegradedPercent of the fleet lost at once is more likely Drover's own failure than theirs.
	DefaultDegradedPercent = 50
)

var fleetDegraded = func() *metrics.Gauge {
	gauge := metrics.NewGauge(&metrics.GaugeOpts{
		Namespace: "drover", Name: "fleet_degraded_clusters", StabilityLevel: metrics.ALPHA,
		Help: "Clusters that are lost with so many others at once that nothing is moved away from them.",
	})
	legacyregistry.MustRegister(gauge)
	return gauge
}()

// lostTogether counts the clusters that were lost together with one, which is among them, and all that were there before.
// Clusters that were lost long before, or leave, do not count. Both are 0 if that one is not lost.
func lostTogether(one *v1alpha1.Cluster, clusters []*v1alpha1.Cluster) (lost, of int) {
	at, isLost := lostAt(one)
	if !isLost {
		return 0, 0
	}
	for _, cluster := range clusters {
		switch t, isLost := lostAt(cluster); {
		case !cluster.DeletionTimestamp.IsZero():
		case isLost && t.Sub(at).Abs() <= together:
			lost, of = lost+1, of+1
		case meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady):
			of++
		}
	}
	return lost, of
}

// lostAt is since when a cluster is lost.
func lostAt(cluster *v1alpha1.Cluster) (time.Time, bool) {
	ready := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status == metav1.ConditionTrue {
		return time.Time{}, false
	}
	return ready.LastTransitionTime.Time, true
}

// setFleetDegraded has a cluster say so that is lost with so many others, two at the least, that nothing is to be moved
// away from them.
func setFleetDegraded(conditions *[]metav1.Condition, generation int64, lost, of, percent int, now time.Time) {
	if lost < 2 || lost*100 < of*percent {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionFleetDegraded)
		return
	}
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type: v1alpha1.ConditionFleetDegraded, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonTooManyLost,
		ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now),
		Message: fmt.Sprintf("%d of %d clusters were lost at once, more likely to Drover than to their users: nothing is moved away from them; to move it all the same, taint or unjoin those that are really gone", lost, of),
	})
}
