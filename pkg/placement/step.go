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
	// Serving says that clients are led to the cluster. Its last available replicas stay for them, as long as they could be
	// led to others.
	Serving  bool
	Priority int32 // the highest get first, the lowest give first
}

// Next is what to assign to a cluster next.
type Next struct {
	Replicas int64
	// Withdraw says that only clients keep the cluster from giving its last replicas: they are to be led elsewhere.
	Withdraw bool
}

// Step returns what to assign next, in the order of the shares.
//
// A cluster gives only what is not missed: pods that are not available, since those
// go first, and others as far as enough are available without them. A cluster gets
// as many as may be, counting those that were given up and are still there. So, on
// what clusters report, there are at least Desired − MaxUnavailable available
// replicas, if there are now, and at most Desired + MaxSurge assigned, unless there
// are more now, whoever is slow, or lost, or fails. Where pods become available,
// asking again comes to the targets; where they do not, it goes no further. A cluster
// that serves gives its last available replicas only when it does so no more: see
// Lead.
func Step(m Move) []Next {
	next := make([]Next, len(m.Shares))
	if m.MaxSurge == 0 && m.MaxUnavailable == 0 {
		m.MaxSurge = 1
	}
	var available int64
	for i, s := range m.Shares {
		next[i].Replicas = s.Replicas
		available += s.available()
	}
	staying, spare := available, available+m.MaxUnavailable-m.Desired
	for _, i := range m.order(func(a, b Share) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.Replicas-b.Target, a.Replicas-a.Target))
	}) {
		s := m.Shares[i]
		if s.Replicas <= s.Target {
			continue
		}
		switch {
		case s.Unknown && spare >= 0:
			next[i].Replicas = s.Target
		case s.Unknown:
		default:
			s.Serving = s.Serving && m.Desired > 0 && available > s.available()
			given := s.give(spare, staying, &next[i])
			spare -= given
			staying -= given
		}
	}
	room := m.Desired + m.MaxSurge
	for i, s := range m.Shares {
		if room -= next[i].Replicas; !s.Rolling {
			room -= max(0, s.Pods-next[i].Replicas)
		}
	}
	for _, i := range m.order(func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(b.Target-b.Replicas, a.Target-a.Replicas))
	}) {
		s := m.Shares[i]
		if got := min(s.Target-next[i].Replicas, max(0, room)); got > 0 && s.mayGet() {
			next[i].Replicas += got
			room -= got
		}
	}
	return next
}

// give has a cluster give up what is not available, and as many others as are spare. The last of one that serves stay
// until its clients are led to those that stay elsewhere; they are spare for nobody else.
func (s Share) give(spare, staying int64, next *Next) (given int64) {
	if !s.Rolling {
		next.Replicas = max(s.Target, s.available())
	}
	given = max(0, min(next.Replicas-s.Target, spare))
	switch last := given > 0 && given == next.Replicas; {
	case s.Serving && last && staying <= s.available():
		return 0 // the others are about to go
	case s.Serving && last:
		next.Withdraw = true
	default:
		next.Replicas -= given
	}
	return given
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
