// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"
	"slices"
	"time"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// whole gives all of a workload to every cluster that may take it. Of weights only counts whether they are 0, and of what
// there are of bounds and priorities nothing.
func whole(w Workload, in Inputs) (v1alpha1.PlacementSpec, time.Duration) {
	next := begin(w, in)
	c := selectCandidates(w, in)
	drained := 0
	for _, candidate := range c.candidates {
		h, held := c.held[candidate.Name]
		switch {
		case candidate.Weight == 0:
			drained++
			next.Excluded = append(next.Excluded, v1alpha1.ClusterExclusion{Name: candidate.Name, Code: string(placement.ReasonDrained), Reason: "weight 0: drained"})
		case held:
			next.Clusters = append(next.Clusters, v1alpha1.ClusterAssignment{Name: candidate.Name, Code: h.keeps.Code, Reason: h.keeps.Reason})
		default:
			next.Clusters = append(next.Clusters, v1alpha1.ClusterAssignment{Name: candidate.Name, Code: v1alpha1.RunsWhole, Reason: w.Whole})
		}
	}
	switch {
	case len(c.candidates) == 0:
		noClusters(&next, c, in)
	case len(c.candidates) == drained:
		next.Problem, next.ProblemMessage = problem(placement.Result{Outcome: placement.OutcomeAllWeightsZero}, 0)
		keepCurrent(&next, in.Current, in.Clusters)
	}
	for i := range next.Clusters {
		next.Clusters[i].Replicas = nil // kept from when it was divided
	}
	slices.SortFunc(next.Clusters, func(a, b v1alpha1.ClusterAssignment) int { return cmp.Compare(a.Name, b.Name) })
	conclude(&next, c, in)
	return next, c.again
}

// stay leaves a workload that has run to its end where it ran: nothing is to be run again.
func stay(w Workload, in Inputs) v1alpha1.PlacementSpec {
	next := begin(w, in)
	next.Completed = in.Current.Completed
	keepCurrent(&next, in.Current, in.Clusters)
	for _, a := range in.Current.Clusters {
		if !isPlaced(&next, a.Name) {
			next.Completed += workload.Succeeded(reportOf(in.Reports, a.Name))
		}
	}
	next.Unplaced = 0
	return next
}
