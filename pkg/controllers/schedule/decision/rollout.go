// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// takeTurns says which clusters have the workload's pod template now, and which keep the one they have until it is their
// turn. A cluster that had nothing has the newest: there is nothing to replace.
func takeTurns(next *v1alpha1.PlacementSpec, w Workload, in Inputs) {
	next.TemplateHash = w.Template
	defer noteTemplates(next, w, in)
	before := make([]string, len(next.Clusters))
	changed := false
	for i := range next.Clusters {
		a := &next.Clusters[i]
		a.TemplateHash = ""
		if w.Template != "" && in.Current != nil && !a.Idle && workload.Share(in.Current, a.Name) != nil {
			before[i] = workload.TemplateIn(in.Current, a.Name)
		}
		changed = changed || before[i] != "" && before[i] != w.Template
	}
	if !changed {
		return
	}
	rollout := placement.Rollout{Paused: w.Rolling.Paused, Whole: w.Whole != "" || w.Rolling.Strategy == nil}
	if in.Policy != nil {
		rollout.Parallel = int64(ptr.Deref(in.Policy.Spec.Move.ParallelClusters, 0))
	}
	for i, a := range next.Clusters {
		part := partOf(a, before[i], w, in)
		if !rollout.Whole {
			part.MaxSurge, part.MaxUnavailable = w.Rolling.BoundsIn(next, a.Name, int32(part.Replicas))
		}
		rollout.Desired += part.Replicas
		rollout.Parts = append(rollout.Parts, part)
	}
	if !rollout.Whole {
		if w.Autoscaler == nil {
			rollout.Desired = int64(w.Replicas)
		}
		rollout.MaxSurge, rollout.MaxUnavailable = w.Rolling.Bounds(int32(rollout.Desired))
	}
	for i, given := range placement.Turns(rollout) {
		if !given {
			next.Clusters[i].TemplateHash = before[i]
		}
	}
}

// noteTemplates notes since when clusters are to have the templates that they are to have.
func noteTemplates(next *v1alpha1.PlacementSpec, w Workload, in Inputs) {
	for i := range next.Clusters {
		a := &next.Clusters[i]
		a.TemplateGeneration = 0
		switch was := workload.Share(in.Current, a.Name); {
		case w.Template == "":
		case was != nil && workload.TemplateIn(in.Current, a.Name) == workload.TemplateIn(next, a.Name):
			a.TemplateGeneration = was.TemplateGeneration
		default:
			a.TemplateGeneration = w.Generation
		}
	}
}

// given is the generation at which a cluster was given the template that it has.
func given(spec *v1alpha1.PlacementSpec, cluster string) int64 {
	if share := workload.Share(spec, cluster); share != nil {
		return share.TemplateGeneration
	}
	return 0
}

// partOf is a cluster's part in a rollout, by what it reports. Before is the template that it was given before; empty if it
// has nothing of the workload.
func partOf(a v1alpha1.ClusterAssignment, before string, w Workload, in Inputs) placement.Part {
	r := reportOf(in.Reports, a.Name)
	p := placement.Part{Available: int64(r.AvailableReplicas)}
	switch {
	case a.Replicas != nil && a.MaxReplicas == nil:
		p.Replicas = int64(*a.Replicas)
	case w.Replicas > 0 && w.Autoscaler == nil:
		p.Replicas = int64(w.Replicas)
	default: // as many as its autoscaler says, or as it has nodes
		p.Replicas = int64(max(r.Replicas, ptr.Deref(r.DesiredReplicas, 0)))
	}
	for _, c := range in.Clusters {
		if c.Name == a.Name {
			p.Unknown = !meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady)
		}
	}
	updated := r.ObservedGeneration > 0 && r.UpdatedReplicas == r.Replicas
	switch p.Given = before == "" || before == w.Template; {
	case p.Given:
		p.Settled = updated && r.TemplateHash == w.Template && r.ObservedGeneration == w.Generation && p.Available >= p.Replicas
	case r.TemplateHash != before: // it was given that, and does not have it yet
		p.Replacing = true
	case r.ObservedGeneration > 0 && r.ObservedGeneration < given(in.Current, a.Name): // it has had that before, and another one since
		p.Replacing = true
	default:
		p.Settled, p.Replacing = updated, r.ObservedGeneration > 0 && !updated
	}
	return p
}
