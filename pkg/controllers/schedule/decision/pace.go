// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/placement"
)

// defaultMovesPerMinute is how fast a workload is rebalanced where its policy does not say.
const defaultMovesPerMinute = 10

// pace is how fast replicas that could stay are moved to meet the weights.
type pace struct {
	rebalance bool
	// moves is how many may be moved now, as placement.Request has it; nil is all.
	moves *int64
	// next is how long after a move there may be the next.
	next time.Duration
	// last is when there was one.
	last *metav1.Time
}

// paceOf says how fast. A change of the workload or its policy is followed at once; what merely happened to the clusters
// draws replicas over little by little, or not at all.
func paceOf(in Inputs, next *v1alpha1.PlacementSpec) pace {
	var rebalance v1alpha1.Rebalance
	if in.Policy != nil {
		rebalance = in.Policy.Spec.Rebalance
	}
	current := in.Current
	if next.RebalanceTime = rebalanceTime(in); current == nil {
		return pace{rebalance: true}
	}
	if !next.RebalanceTime.Equal(current.RebalanceTime) {
		return pace{rebalance: true, last: current.LastMoveTime} // somebody asks for it
	}
	changed := next.WorkloadGeneration != current.WorkloadGeneration ||
		next.Policy != current.Policy || next.PolicyGeneration != current.PolicyGeneration ||
		!ptr.Equal(next.Autoscaler, current.Autoscaler)
	p := pace{rebalance: changed && rebalance.Mode != v1alpha1.RebalanceNever, last: current.LastMoveTime}
	if changed || rebalance.Mode != v1alpha1.RebalanceAutomatic {
		return p
	}
	var moves int64
	moves, p.next = rhythm(ptr.Deref(rebalance.MaxMovesPerMinute, defaultMovesPerMinute))
	if p.last != nil && in.Now.Sub(p.last.Time) < p.next {
		moves = 0
	}
	p.rebalance, p.moves = true, &moves
	return p
}

// rebalanceTime is when workloads were last asked to be spread anew for a cluster that is ready: for one that is not, what is
// asked comes later.
func rebalanceTime(in Inputs) (last *metav1.Time) {
	if in.Current != nil {
		last = in.Current.RebalanceTime
	}
	for _, c := range in.Clusters {
		if t := c.Spec.RebalanceTime; t != nil && (last == nil || last.Before(t)) && meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady) {
			last = t
		}
	}
	return last
}

// rhythm is how many moves are made at once, and how often, so that there are no more in any minute than asked for.
func rhythm(perMinute int32) (moves int64, every time.Duration) {
	const fastest = 6 * time.Second
	if every = time.Minute / time.Duration(perMinute); every >= fastest {
		return 1, every
	}
	return int64(perMinute) / int64(time.Minute/fastest), fastest
}

// record notes when there was a move, and says how soon there may be the next; zero if none is left to make.
func (p pace) record(next *v1alpha1.PlacementSpec, result placement.Result, now time.Time) time.Duration {
	next.LastMoveTime = p.last
	if result.Moved > 0 {
		next.LastMoveTime = &metav1.Time{Time: now.Truncate(time.Second)}
	}
	if p.moves == nil || !slices.ContainsFunc(result.Assignments, func(a placement.Assignment) bool { return a.Target != a.Replicas }) {
		return 0
	}
	return max(time.Second, p.next-now.Sub(next.LastMoveTime.Time))
}

// atCapacity says whether there might be other assignments if clusters had more room.
func atCapacity(result placement.Result) bool {
	return result.Unplaced > 0 || slices.ContainsFunc(result.Assignments, func(a placement.Assignment) bool { return a.Code == placement.ReasonCapacity })
}
