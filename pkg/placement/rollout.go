// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"slices"
)

// Rollout is a workload whose pods are replaced by those of another template, cluster by cluster.
type Rollout struct {
	Desired int64 // replicas asked for
	// MaxSurge is how many more than Desired there may be, MaxUnavailable how many fewer than Desired may be available.
	// Neither counts where each cluster runs all of the workload.
	MaxSurge, MaxUnavailable int64
	Whole                    bool
	// Parallel is how many clusters may replace pods at once; 0 is as many as the bounds allow.
	Parallel int64
	// Paused says that no cluster begins.
	Paused bool
	Parts  []Part // one per cluster
}

// Part is a cluster's part in a Rollout.
type Part struct {
	Replicas  int64 // assigned
	Available int64 // reported
	// MaxSurge and MaxUnavailable are the cluster's own, while it replaces its pods.
	MaxSurge, MaxUnavailable int64
	// Given says that the cluster has been given the template.
	Given bool
	// Settled says that all pods are known to be of the template that the cluster has been given and, if that is the one
	// that is rolled out, available.
	Settled bool
	// Replacing says that it is known to replace its pods by those of a template that it was given before.
	Replacing bool
	// Unknown says that the cluster is lost for now: it does not begin. What it reported last counts, as everywhere.
	Unknown bool
}

// Turns returns which clusters have the template next, in the order of the parts. Those that have been given it keep it.
//
// A cluster that replaces its pods keeps to its own bounds. So, on what clusters report, all of them together keep to
// those of the workload if only as many begin as are within them, counting each that has not been seen to end: there are
// at least Desired − MaxUnavailable available replicas, if there are now, and at most Desired + MaxSurge, but for what a
// lost cluster makes meanwhile. One that is not
// done yet with a template of before goes on with the new one at once. Of others those come first that miss replicas, which
// the new template may mend, and then those with the fewest.
func Turns(r Rollout) []bool {
	given := make([]bool, len(r.Parts))
	var busy, surge, available int64
	var waiting []int
	for i, p := range r.Parts {
		given[i] = p.Given || p.Replacing && !p.Unknown && !r.Paused
		available += p.available()
		switch {
		case !p.Settled:
			busy++
			available -= p.loss()
			if !p.Unknown { // that there may be more pods where nobody sees them holds up no other cluster
				surge += p.MaxSurge
			}
		case !given[i] && !p.Unknown && !r.Paused:
			waiting = append(waiting, i)
		}
	}
	slices.SortStableFunc(waiting, func(a, b int) int {
		return cmp.Or(cmp.Compare(r.Parts[a].loss(), r.Parts[b].loss()), cmp.Compare(r.Parts[a].Replicas, r.Parts[b].Replicas))
	})
	for _, i := range waiting {
		p := r.Parts[i]
		switch loss := p.loss(); {
		case r.Parallel > 0 && busy >= r.Parallel:
		case !r.Whole && (surge+p.MaxSurge > r.MaxSurge || loss > 0 && available-loss < r.Desired-r.MaxUnavailable):
		default:
			given[i] = true
			busy++
			surge += p.MaxSurge
			available -= loss
		}
	}
	return given
}

// available are the replicas that are counted on.
func (p Part) available() int64 { return min(p.Available, p.Replicas) }

// loss is how many of them may be missing while the cluster replaces its pods.
func (p Part) loss() int64 { return max(0, p.available()-max(0, p.Replicas-p.MaxUnavailable)) }
