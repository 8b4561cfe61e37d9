// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"slices"
)

// Move is a workload on its way from what is assigned to what was decided.
type Move struct {
	Desired int64 // replicas asked for
	// MaxSurge is how many more than Desired there may be, MaxUnavailable how many
	// fewer than Desired may be available. Where both are 0, one more may be.
	MaxSurge, MaxUnavailable int64
	Shares                   []Share // one per cluster
}

// Share is a cluster's part in a Move.
type Share struct {
	Replicas  int64 // assigned
	Target    int64 // decided
	Pods      int64 // reported
	Available int64 // of these, those that are available
	// Rolling says that pods are being replaced: which are taken is not known, and
	// some may be beyond what is assigned.
	Rolling bool
	// Unknown says that the cluster is lost for now: its pods are not counted on, and
	// not given up before enough are available elsewhere.
	Unknown bool
	// Confirmed says that the cluster has acted on what is assigned.
	Confirmed bool
	Priority  int32 // the highest get first, the lowest give first
}

// Step returns what to assign next, in the order of the shares.
//
// A cluster gives only what is not missed: pods that are not available, since those
// go first, and others as far as enough are available without them. A cluster gets
// as many as may be, counting those that were given up and are still there. So, on
// what clusters report, there are at least Desired − MaxUnavailable available
// replicas, if there are now, and at most Desired + MaxSurge assigned, unless there
// are more now, whoever is slow, or lost, or fails. Where pods become available,
// asking again comes to the targets; where they do not, it goes no further.
func Step(m Move) []int64 {
	next := make([]int64, len(m.Shares))
	if m.MaxSurge == 0 && m.MaxUnavailable == 0 {
		m.MaxSurge = 1
	}
	spare := m.MaxUnavailable - m.Desired
	for i, s := range m.Shares {
		next[i] = s.Replicas
		spare += s.available()
	}
	for _, i := range m.order(func(a, b Share) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.Replicas-b.Target, a.Replicas-a.Target))
	}) {
		s := m.Shares[i]
		if s.Replicas <= s.Target {
			continue
		}
		switch {
		case s.Unknown && spare >= 0:
			next[i] = s.Target
		case s.Unknown:
		default:
			if !s.Rolling {
				next[i] = max(s.Target, s.available())
			}
			given := max(0, min(next[i]-s.Target, spare))
			next[i] -= given
			spare -= given
		}
	}
	room := m.Desired + m.MaxSurge
	for i, s := range m.Shares {
		if room -= next[i]; !s.Rolling {
			room -= max(0, s.Pods-next[i])
		}
	}
	for _, i := range m.order(func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(b.Target-b.Replicas, a.Target-a.Replicas))
	}) {
		s := m.Shares[i]
		if got := min(s.Target-next[i], max(0, room)); got > 0 && s.mayGet() {
			next[i] += got
			room -= got
		}
	}
	return next
}

// available are the replicas that are counted on. Those beyond what is assigned are
// about to go.
func (s Share) available() int64 {
	if s.Unknown {
		return 0
	}
	return min(s.Available, s.Replicas)
}

// mayGet says whether a cluster is known to have given up what it was to. Before
// that, pods that are about to go would be counted as some of those it gets.
func (s Share) mayGet() bool {
	return s.Pods <= s.Replicas || s.Rolling && s.Confirmed && s.Replicas > 0
}

// order returns the indices of the shares, sorted.
func (m Move) order(compare func(a, b Share) int) []int {
	out := make([]int, len(m.Shares))
	for i := range out {
		out[i] = i
	}
	slices.SortStableFunc(out, func(a, b int) int { return compare(m.Shares[a], m.Shares[b]) })
	return out
}
