// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/sync"
)

// report is what one cluster says of a workload.
type report struct {
	status v1alpha1.ClusterPlacementStatus
	// deadlineExceeded is why the cluster gave up rolling out; empty if it did not.
	deadlineExceeded string
}

// seen is what is known of a workload in one cluster. It is a plain value, so that a report is a function of it.
type seen struct {
	cluster string
	// assigned is the cluster's share; nil if the workload is not placed there (any more).
	assigned *v1alpha1.ClusterAssignment
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
func reportOf(s seen, generation int64) (report, bool) {
	// What is not placed there is only of interest as long as it can be seen to go.
	if s.assigned == nil && (s.live == nil || !s.connected) {
		return report{}, false
	}
	if !s.connected {
		r := report{status: v1alpha1.ClusterPlacementStatus{Name: s.cluster}}
		if s.last != nil {
			r.status = *s.last
		}
		r.status.Synced, r.status.Reason = false, v1alpha1.ReasonNotConnected
		r.status.Message = "the cluster cannot be reached; this is what it reported last"
		return r, true
	}
	r := report{status: v1alpha1.ClusterPlacementStatus{Name: s.cluster}}
	r.status.ObservedGeneration = observedGeneration(s.live)
	r.read(s.live)
	r.status.ReadyEndpoints = s.readyEndpoints
	if r.status.UnschedulableReplicas = s.unschedulable; s.unschedulable > 0 {
		r.status.UnschedulableSince = &metav1.Time{Time: s.unschedulableSince}
	}
	r.status.Synced = true
	switch {
	case s.outcome.Reason != "":
		r.behind(s.outcome.Reason, s.outcome.Message)
	case s.assigned == nil:
		r.behind(v1alpha1.ReasonSyncing, "being removed")
	case s.live == nil:
		r.behind(v1alpha1.ReasonSyncing, "not there yet")
	case sourceGeneration(s.live) != generation:
		r.behind(v1alpha1.ReasonSyncing, fmt.Sprintf("has generation %d of %d", sourceGeneration(s.live), generation))
	case wrongReplicas(s.live, s.assigned.Replicas):
		r.behind(v1alpha1.ReasonSyncing, fmt.Sprintf("is being scaled to %d", *s.assigned.Replicas))
	}
	return r, true
}

func (r *report) behind(reason, message string) {
	r.status.Synced, r.status.Reason, r.status.Message = false, reason, message
}

func (r *report) read(live metav1.Object) {
	switch o := live.(type) {
	case *appsv1.Deployment:
		r.status.Replicas, r.status.UpdatedReplicas = o.Status.Replicas, o.Status.UpdatedReplicas
		r.status.ReadyReplicas, r.status.AvailableReplicas = o.Status.ReadyReplicas, o.Status.AvailableReplicas
		for _, c := range o.Status.Conditions {
			if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == deadlineExceeded {
				r.deadlineExceeded = c.Message
			}
		}
	case *corev1.Service:
		for _, in := range o.Status.LoadBalancer.Ingress {
			r.status.Addresses = append(r.status.Addresses, v1alpha1.Address{IP: in.IP, Hostname: in.Hostname, Ports: in.Ports})
		}
	case *networkingv1.Ingress:
		for _, in := range o.Status.LoadBalancer.Ingress {
			a := v1alpha1.Address{IP: in.IP, Hostname: in.Hostname}
			for _, p := range in.Ports {
				a.Ports = append(a.Ports, corev1.PortStatus{Port: p.Port, Protocol: p.Protocol, Error: p.Error})
			}
			r.status.Addresses = append(r.status.Addresses, a)
		}
	}
}

// observedGeneration is the federated generation that the cluster's own controllers have acted on: that of the object it
// has, once they have caught up with it, else none.
func observedGeneration(live metav1.Object) int64 {
	if d, ok := live.(*appsv1.Deployment); ok && d.Status.ObservedGeneration < d.Generation {
		return 0
	}
	return sourceGeneration(live)
}

func sourceGeneration(live metav1.Object) int64 {
	if live == nil {
		return 0
	}
	n, err := strconv.ParseInt(live.GetAnnotations()[v1alpha1.AnnotationSourceGeneration], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func wrongReplicas(live metav1.Object, assigned *int32) bool {
	d, ok := live.(*appsv1.Deployment)
	return ok && assigned != nil && ptr.Deref(d.Spec.Replicas, 1) != *assigned
}
