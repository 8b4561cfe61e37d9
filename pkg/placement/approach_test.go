// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"testing"

	"pgregory.net/rapid"
)

// Move by move, what runs comes to what a plan without a limit gives at once; no step moves more than it may, and none
// leads away from it.
func TestMovesLeadToTheShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		r.Rebalance, r.Moves = true, nil
		target := plan(t, r)
		moves := rapid.Int64Range(1, 50).Draw(t, "moves")
		for {
			r.Rebalance, r.Moves = false, nil
			stays := plan(t, r)
			r.Rebalance, r.Moves = true, &moves
			step := plan(t, r)
			var off, moved, left int64
			for i, a := range step.Assignments {
				from, to := stays.Assignments[i].Replicas, target.Assignments[i].Replicas
				if a.Replicas < min(from, to) || a.Replicas > max(from, to) || a.Target != to {
					t.Fatalf("%s: from %d to %d: got %d, target %d", a.Name, from, to, a.Replicas, a.Target)
				}
				if (a.Code == ReasonRebalancing) != (a.Replicas != to) {
					t.Fatalf("%s: %d of %d, and the reason is %s", a.Name, a.Replicas, to, a.Code)
				}
				off += max(0, to-from)
				moved += max(0, a.Replicas-from)
				left += max(0, to-a.Replicas)
				r.Clusters[indexOf(r.Clusters, a.Name)].Current = a.Replicas
			}
			if moved != min(off, moves) || step.Moved != moved || left != off-moved || step.Unplaced != target.Unplaced {
				t.Fatalf("%d off, %d moves: moved %d, %d said, left %d, unplaced %d of %d", off, moves, moved, step.Moved, left, step.Unplaced, target.Unplaced)
			}
			if left == 0 {
				return
			}
		}
	})
}

func indexOf(clusters []Cluster, name string) int {
	for i := range clusters {
		if clusters[i].Name == name {
			return i
		}
	}
	return -1
}

// Of two clusters that are to give, the one of the lower priority gives first; of two that are to get, the one of the
// higher priority gets first.
func TestMovesGoByPriority(t *testing.T) {
	r := Request{Replicas: 12, Rebalance: true, Moves: of(2), Clusters: []Cluster{
		{Name: "own", Weight: 1, Priority: 2, Capacity: of(4)},
		{Name: "near", Weight: 1, Priority: 1, Capacity: of(6), Current: 6},
		{Name: "cloud", Weight: 1, Current: 6},
	}}
	want := map[string][2]int64{"own": {2, 4}, "near": {6, 6}, "cloud": {4, 2}}
	for _, a := range plan(t, r).Assignments {
		if got := [2]int64{a.Replicas, a.Target}; got != want[a.Name] {
			t.Errorf("%s: got %v, want %v", a.Name, got, want[a.Name])
		}
	}
}
