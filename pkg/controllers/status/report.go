// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/sync"
	"drover.dev/drover/pkg/controllers/workload"
)

// seen is what is known of a workload in one cluster. It is a plain value, so that a report is a function of it.
type seen struct {
	kind    *workload.Kind
	cluster string
	// assigned is the cluster's share; nil if the workload is not placed there (any more).
	assigned *v1alpha1.ClusterAssignment
	// template is the hash of the pod template that it is to have there; empty where it is not told.
	template string
	// scaled: the cluster's own autoscaler says how many replicas there are.
	scaled bool
	// connected says whether live is what is in the cluster now. If not, last is what was reported last.
	connected bool
	last      *v1alpha1.ClusterPlacementStatus
	// live is the object in the cluster, if it is there and ours.
	live           metav1.Object
	readyEndpoints int32
	// unschedulable pods find no node there, the first of them since a time.
	unschedulable      int32
	unschedulableSince time.Time
	outcome            sync.Outcome
}

// reportOf says what a cluster reports; false if there is nothing to say of it.
func reportOf(s seen, generation int64) (r v1alpha1.ClusterPlacementStatus, ok bool) {
	// What is not placed there is only of interest as long as it can be seen to go.
	if s.assigned == nil && (s.live == nil || !s.connected) {
		return r, false
	}
	behind := func(reason, message string) { r.Synced, r.Reason, r.Message = false, reason, message }
	if !s.connected {
		r.Name = s.cluster
		if s.last != nil {
			r = *s.last
		}
		behind(v1alpha1.ReasonNotConnected, "the cluster cannot be reached; this is what it reported last")
		return r, true
	}
	r = s.kind.ReportOf(s.cluster, s.live)
	r.ReadyEndpoints, r.Synced = s.readyEndpoints, true
	if r.UnschedulableReplicas = s.unschedulable; s.unschedulable > 0 {
		r.UnschedulableSince = &metav1.Time{Time: s.unschedulableSince}
	}
	if s.scaled {
		r.DesiredReplicas = replicasOf(s.kind, s.live)
	}
	switch {
	case s.outcome.Reason != "":
		behind(s.outcome.Reason, s.outcome.Message)
	case s.assigned == nil:
		behind(v1alpha1.ReasonSyncing, "being removed")
	case s.live == nil:
		behind(v1alpha1.ReasonSyncing, "not there yet")
	case workload.SourceGeneration(s.live) != generation:
		behind(v1alpha1.ReasonSyncing, fmt.Sprintf("has generation %d of %d", workload.SourceGeneration(s.live), generation))
	case s.template != "" && r.TemplateHash != s.template:
		behind(v1alpha1.ReasonSyncing, "is being given another pod template")
	case !s.scaled && wrongReplicas(s.kind, s.live, s.assigned.Replicas):
		behind(v1alpha1.ReasonSyncing, fmt.Sprintf("is being scaled to %d", *s.assigned.Replicas))
	}
	return r, true
}

func wrongReplicas(kind *workload.Kind, live metav1.Object, assigned *int32) bool {
	is := replicasOf(kind, live)
	return is != nil && assigned != nil && *is != *assigned
}

// replicasOf is how many an object in a cluster is to have; nil for what has none, or is not there.
func replicasOf(kind *workload.Kind, live metav1.Object) *int32 {
	obj, ok := live.(runtime.Object)
	if !ok || kind.Replicas == nil {
		return nil
	}
	return ptr.To(ptr.Deref(*kind.Replicas(obj), 1))
}
