// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"slices"
)

// step is one height to which the candidates are filled.
type step struct {
	stage stage
	// spread is the index in Request.Spread that spreading is about.
	spread int
	// running fills only up to what runs already.
	running bool
}

// stage is what a step is for.
type stage int

const (
	spreading stage = iota // one replica where it covers a domain
	minimums               // what it must hold
	room                   // what it may hold
)

// height returns how many replicas the step fills the candidate to.
func (s step) height(c *candidate) int64 {
	var height int64
	switch {
	case s.stage == room && s.running:
		return c.kept
	case s.stage == room:
		return c.ceiling
	case s.stage == minimums:
		height = c.minimum
	case c.covers == s.spread+1:
		height = 1
	}
	if s.running {
		return min(height, c.kept)
	}
	return height
}

// stepsFor returns the steps in order: first what the candidates must have, last
// what they may have. Without rebalancing, in each of them what runs already comes
// before what does not run yet.
func stepsFor(order []int, rebalance bool) []step {
	steps := make([]step, 0, 8)
	add := func(s step) {
		if !rebalance {
			steps = append(steps, step{s.stage, s.spread, true})
		}
		steps = append(steps, s)
	}
	for _, i := range order {
		add(step{stage: spreading, spread: i})
	}
	add(step{stage: minimums})
	add(step{stage: room})
	return steps
}

// filling is how far the replicas went.
type filling struct {
	held []int64 // by candidate, without those of last
	left int64   // what fits nowhere, or is to be apportioned in last
	last *pour   // the first pour that could not be completed; nil: all are full
}

// pour raises the candidates of one priority by one step.
type pour struct {
	step
	priority int32
	members  []int32 // candidates, by claim
	claims   []claim
	spans    []span
}

// fill pours the replicas over the candidates, step by step, and in each step the
// highest priority first. Neither the pours nor their order depend on how many
// replicas there are, so more replicas only get further: that keeps the whole
// house monotone if apportion is.
func fill(replicas int64, candidates []candidate, steps []step) filling {
	f := filling{held: make([]int64, len(candidates)), left: replicas}
	order := byPriority(candidates)
	p := pour{claims: make([]claim, 0, len(candidates)), members: make([]int32, 0, len(candidates))}
	for _, p.step = range steps {
		for rest := order; len(rest) > 0; {
			p.priority = candidates[rest[0]].Priority
			p.claims, p.members = p.claims[:0], p.members[:0]
			var room int64
			for len(rest) > 0 && candidates[rest[0]].Priority == p.priority {
				i := rest[0]
				rest = rest[1:]
				c := &candidates[i]
				if hi := p.height(c); hi > f.held[i] {
					room += hi - f.held[i]
					p.members = append(p.members, i)
					p.claims = append(p.claims, claim{weight: c.weight, lo: f.held[i], hi: hi, tie: c.tie})
				}
			}
			if room > f.left {
				p.spans = spansOf(p.claims)
				f.last = &p
				return f
			}
			f.left -= room
			for j, i := range p.members {
				f.held[i] = p.claims[j].hi
			}
		}
	}
	return f
}

// byPriority returns the indices of the candidates, the highest priority first.
func byPriority(candidates []candidate) []int32 {
	order := make([]int32, len(candidates))
	for i := range order {
		order[i] = int32(i)
	}
	higher := func(a, b int32) int { return cmp.Compare(candidates[b].Priority, candidates[a].Priority) }
	if !slices.IsSortedFunc(order, higher) {
		slices.SortStableFunc(order, higher)
	}
	return order
}

// finish apportions what is left in the last pour.
func (f *filling) finish() (held []int64, unplaced int64) {
	if f.last == nil {
		return f.held, f.left
	}
	for j, n := range apportion(f.left, f.last.claims, f.last.spans) {
		f.held[f.last.members[j]] = n
	}
	return f.held, 0
}
