// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
)

// Placed is an object of the federation, and where it was decided to run; nil if nothing was.
type Placed struct {
	workload.Key
	Object    workload.Object
	Placement *v1alpha1.Placement
}

// observe adds up what is seen of the objects that a migration may concern.
func observe(m *v1alpha1.Migration, objects []Placed) Observed {
	o := Observed{Restored: true, Emptied: true}
	for _, p := range objects {
		part := partOf(m, p)
		if !part.concerned {
			continue
		}
		o.Emptied = o.Emptied && (part.follows || !part.onSource)
		o.Restored = o.Restored && part.restored
		o.Deciding = o.Deciding || part.deciding
		if !part.follows {
			o.Workloads++
			if part.waiting == "" {
				o.Ready++
			}
		}
		if part.waiting != "" && (o.Waiting == "" || part.text(p) < o.Waiting) {
			o.Waiting = part.text(p) // the first in order, so that it does not change with the order of a cache
		}
	}
	return o
}

// absence says why nothing can come back to the source of a migration, and what a person can do about it; empty if it can.
func absence(m *v1alpha1.Migration, clusters []*v1alpha1.Cluster) string {
	i := slices.IndexFunc(clusters, func(c *v1alpha1.Cluster) bool { return c.Name == m.Spec.From })
	if i < 0 {
		return ""
	}
	ready := meta.FindStatusCondition(clusters[i].Status.Conditions, v1alpha1.ConditionReady)
	if ready == nil || ready.Status == metav1.ConditionTrue {
		return ""
	}
	return fmt.Sprintf("%s is not ready (%s): what is in %s stays there, and serves. It goes on when %s is back. If that will not be: kubectl drover migrate resume %s, to move to %s all the same, or kubectl drover unjoin %s --force",
		m.Spec.From, ready.Reason, m.Spec.To, m.Spec.From, m.Name, m.Spec.To, m.Spec.From)
}

// part is one object's in a migration.
type part struct {
	concerned, follows           bool
	onSource, deciding, restored bool
	waiting                      string
}

func (p part) text(of Placed) string { return of.Key.String() + ": " + p.waiting }

// partOf says how far one object is.
func partOf(m *v1alpha1.Migration, p Placed) part {
	if p.Placement == nil || !p.Object.GetDeletionTimestamp().IsZero() || p.Key.Kind.IsFixed(p.Object) {
		return part{}
	}
	spec, status := &p.Placement.Spec, &p.Placement.Status
	in := spec.Migration
	moved := in != nil && in.Name == m.Name
	source, target := workload.Share(spec, m.Spec.From), workload.Share(spec, m.Spec.To)
	selected := p.Key.Kind.Placed() && decision.Migrates(m, p.Key.Namespace, p.Object.GetLabels())
	out := part{
		concerned: moved || selected && (source != nil || reportIn(status, m.Spec.From) != nil),
		follows:   !p.Key.Kind.Placed(), onSource: source != nil || reportIn(status, m.Spec.From) != nil, restored: true,
	}
	decided := spec.WorkloadGeneration == p.Object.GetGeneration() && status.ObservedGeneration == p.Placement.Generation &&
		moved == (source != nil && m.InForce()) && (!moved || in.Weight == m.Status.Weight)
	switch {
	case !out.concerned:
		return part{}
	case !decided:
		out.deciding, out.restored, out.waiting = true, false, "is being decided"
		return out
	case out.follows:
		out.waiting = unserved(m, p, status)
		return out
	}
	// What the policies give the source none of has none to come back to: it was unjoined, drained, or given up as lost.
	out.restored = !decision.Moves(spec) && (source == nil || arrived(p, source, reportIn(status, m.Spec.From)) == "")
	if !moved {
		return out
	}
	report := reportIn(status, m.Spec.To)
	out.deciding = decision.Moves(spec) || report != nil && (report.ObservedGeneration != p.Object.GetGeneration() || report.UpdatedReplicas < report.Replicas && p.Key.Kind.Template != nil && p.Key.Kind.Replicas != nil)
	switch {
	case in.Blocked != "":
		out.waiting = fmt.Sprintf("%s does not take it: %s", m.Spec.To, in.Blocked)
	case target != nil: // else it has too few replicas for this step, and is moved by a later one
		out.waiting = arrived(p, target, report)
	}
	if out.waiting == "" && decision.Moves(spec) {
		out.waiting = "replicas are on their way"
	}
	return out
}

// arrived says what a cluster's share of a workload lacks; empty for nothing.
func arrived(p Placed, share *v1alpha1.ClusterAssignment, report *v1alpha1.ClusterPlacementStatus) string {
	kind := p.Key.Kind
	switch {
	case report == nil:
		return fmt.Sprintf("%s has not reported yet", share.Name)
	case !report.Synced:
		return fmt.Sprintf("%s: %s", share.Name, report.Message)
	case share.Idle:
		return ""
	}
	if wanted := least(share); wanted != nil {
		if report.AvailableReplicas < *wanted {
			return fmt.Sprintf("%d of %d replicas are ready in %s", report.AvailableReplicas, *wanted, share.Name)
		}
		return ""
	}
	if !kind.AvailableIn(p.Object, report) {
		return fmt.Sprintf("%d of %d pods are ready in %s", report.AvailableReplicas, report.Replicas, share.Name)
	}
	return ""
}

// least is how many replicas a share has to have available: of one that is autoscaled, the fewest.
func least(share *v1alpha1.ClusterAssignment) *int32 {
	if share.MaxReplicas != nil {
		return ptr.To(ptr.Deref(share.MinReplicas, 1))
	}
	return share.Replicas
}

// unserved says what a Service or Ingress lacks in the target that it has in the source.
func unserved(m *v1alpha1.Migration, p Placed, status *v1alpha1.PlacementStatus) string {
	source, target := reportIn(status, m.Spec.From), reportIn(status, m.Spec.To)
	if source == nil || p.Key.Kind.Serves == nil || workload.Share(&p.Placement.Spec, m.Spec.To) == nil {
		return ""
	}
	switch {
	case target == nil:
		return m.Spec.To + " has not reported yet"
	case !target.Synced:
		return m.Spec.To + ": " + target.Message
	case len(source.Addresses) > 0 && len(target.Addresses) == 0:
		return "has no address in " + m.Spec.To
	case source.ReadyEndpoints > 0 && target.ReadyEndpoints == 0:
		return "has no ready endpoint in " + m.Spec.To
	}
	return ""
}

func reportIn(status *v1alpha1.PlacementStatus, cluster string) *v1alpha1.ClusterPlacementStatus {
	if i := slices.IndexFunc(status.Clusters, func(r v1alpha1.ClusterPlacementStatus) bool { return r.Name == cluster }); i >= 0 {
		return &status.Clusters[i]
	}
	return nil
}
