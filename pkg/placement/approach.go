// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"slices"
)

// approach moves at most so many replicas in held towards target, which holds as
// many in all, and returns how many it moved. The highest priority is served first,
// and of equal ones who is farthest off; the lowest gives first. Every candidate
// ends between the two, so that bounds which hold for both hold for it.
func approach(held, target []int64, candidates []candidate, moves int64) (moved int64) {
	var takers, givers []int
	var off int64
	for i := range held {
		switch {
		case held[i] < target[i]:
			takers = append(takers, i)
			off += target[i] - held[i]
		case held[i] > target[i]:
			givers = append(givers, i)
		}
	}
	moved = min(moves, off)
	slices.SortFunc(takers, func(a, b int) int {
		return cmp.Or(cmp.Compare(candidates[b].Priority, candidates[a].Priority),
			cmp.Compare(target[b]-held[b], target[a]-held[a]), cmp.Compare(candidates[a].tie, candidates[b].tie))
	})
	slices.SortFunc(givers, func(a, b int) int {
		return cmp.Or(cmp.Compare(candidates[a].Priority, candidates[b].Priority),
			cmp.Compare(held[b]-target[b], held[a]-target[a]), cmp.Compare(candidates[a].tie, candidates[b].tie))
	})
	left := moved
	for _, i := range takers {
		n := min(left, target[i]-held[i])
		held[i] += n
		left -= n
	}
	left = moved
	for _, i := range givers {
		n := min(left, held[i]-target[i])
		held[i] -= n
		left -= n
	}
	return moved
}
