// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// settle divides the completions of a Job once and for all: a cluster cannot change how many its Job has. What a cluster
// has not completed when it is given up goes to those that have no share yet.
func settle(w Workload, in Inputs) (v1alpha1.PlacementSpec, time.Duration) {
	next := begin(w, in)
	c := selectCandidates(w, in)
	left := w.Replicas
	if in.Current != nil {
		next.Completed = in.Current.Completed
		for _, a := range in.Current.Clusters {
			if kept, stays := c.keepShare(a, in); stays {
				next.Clusters = append(next.Clusters, kept)
				left -= ptr.Deref(a.Replicas, 0)
			} else {
				next.Completed += min(workload.Succeeded(reportOf(in.Reports, a.Name)), ptr.Deref(a.Replicas, 0))
			}
		}
	}
	left = max(0, left-next.Completed)
	first := len(next.Clusters) == 0
	c.candidates = slices.DeleteFunc(c.candidates, func(candidate placement.Cluster) bool { return isPlaced(&next, candidate.Name) })
	request := placement.Request{Key: w.Key, Replicas: int64(left), Clusters: c.candidates, Rebalance: true}
	if first {
		request.Spread = spreadOf(in.Policy)
	}
	switch result, err := placement.Plan(request); {
	case err != nil:
		next.Unplaced, next.Problem, next.ProblemMessage = left, v1alpha1.ReasonInvalid, err.Error()
	case first && result.Outcome == placement.OutcomeNoClusters:
		noClusters(&next, c, in)
		if in.Current != nil {
			next.Completed = in.Current.Completed // it stays where it was given up
		}
	case left == 0 && !first:
		for _, candidate := range c.candidates {
			next.Excluded = append(next.Excluded, v1alpha1.ClusterExclusion{
				Name: candidate.Name, Code: string(placement.ReasonNotNeeded), Reason: "others have all of the Job: what a cluster was given of it stays there",
			})
		}
	default:
		assign(&next, result, c, left, nil)
		if next.Problem, next.ProblemMessage = problem(result, left); !first && result.Outcome == placement.OutcomeNoClusters {
			next.Unplaced, next.Problem = left, string(placement.OutcomeUnplaced)
			next.ProblemMessage = fmt.Sprintf("%d completions fit nowhere: what a cluster was given of a Job cannot be changed, and every other that may take some has its share; join a cluster, or create the Job anew", left)
		}
	}
	slices.SortFunc(next.Clusters, func(a, b v1alpha1.ClusterAssignment) int { return cmp.Compare(a.Name, b.Name) })
	conclude(&next, c, in)
	return next, c.again
}

// keepShare says whether a cluster keeps what it was given: unless it leaves, is tainted NoExecute, or was lost too long.
func (c *candidates) keepShare(a v1alpha1.ClusterAssignment, in Inputs) (v1alpha1.ClusterAssignment, bool) {
	i := slices.IndexFunc(in.Clusters, func(cluster *v1alpha1.Cluster) bool { return cluster.Name == a.Name })
	if i < 0 || !in.Clusters[i].DeletionTimestamp.IsZero() {
		return a, false
	}
	// Whatever policies say of it now, it counts as one that weighs something.
	if c.hold(&placement.Cluster{Name: a.Name, Weight: 1, Current: c.running[a.Name]}, in, in.Clusters[i]) != nil {
		return a, false
	}
	if h, held := c.held[a.Name]; held {
		a.Code, a.Reason = h.keeps.Code, h.keeps.Reason
	} else if slices.Contains([]string{v1alpha1.KeptNotReady, v1alpha1.KeptUntilTurn, v1alpha1.KeptUntilEnd, v1alpha1.ExcludedCordoned, v1alpha1.ExcludedTaint}, a.Code) {
		a.Code, a.Reason = string(placement.ReasonKept), "keeps what it was given of the Job"
	}
	return a, true
}
