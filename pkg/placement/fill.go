// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"slices"
)

// unbounded is the ceiling of a cluster that has none. It is above every total
// that Plan accepts, so it never binds, and sums of it do not overflow.
const unbounded = int64(1) << 40

// ceiling is the most that the cluster may hold.
func (c *Cluster) ceiling() int64 {
	if c.Weight == 0 {
		return 0
	}
	hi := unbounded
	for _, bound := range []*int64{c.Max, c.Capacity} {
		if bound != nil && *bound <= MaxReplicas {
			hi = min(hi, *bound)
		}
	}
	return hi
}

// floor is the least that the cluster must hold.
func (c *Cluster) floor() int64 { return min(c.Min, c.ceiling()) }

// kept is what the cluster runs already and may go on running.
func (c *Cluster) kept() int64 { return min(c.Current, c.ceiling()) }

// step returns a height to which a cluster is filled.
type step func(*Cluster) int64

// stepsFor returns the heights to which clusters are filled, one after the other:
// first what they must have, last what they may have. Without rebalancing, what
// runs already comes before what does not run yet.
func stepsFor(rebalance bool) []step {
	if rebalance {
		return []step{(*Cluster).floor, (*Cluster).ceiling}
	}
	return []step{
		func(c *Cluster) int64 { return min(c.kept(), c.floor()) },
		(*Cluster).floor,
		func(c *Cluster) int64 { return max(c.kept(), c.floor()) },
		(*Cluster).ceiling,
	}
}

// filling is how far the replicas went.
type filling struct {
	held []int64 // by cluster, without those of last
	left int64   // what fits nowhere, or is to be apportioned in last
	last *pour   // the first pour that could not be completed; nil: all are full
}

// pour raises the clusters of one priority by one step.
type pour struct {
	step     int
	priority int32
	members  []int // clusters, by claim
	claims   []claim
}

// fill pours the replicas over the clusters, step by step, and in each step the
// highest priority first. Neither the pours nor their order depend on how many
// replicas there are, so more replicas only get further: that keeps the whole
// house monotone if apportion is.
func fill(r *Request, clusters []Cluster, steps []step) filling {
	f := filling{held: make([]int64, len(clusters)), left: r.Replicas}
	order := make([]int, len(clusters))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(clusters[b].Priority, clusters[a].Priority) })

	claims, members := make([]claim, 0, len(clusters)), make([]int, 0, len(clusters))
	for s, height := range steps {
		for rest := order; len(rest) > 0; {
			p := pour{step: s, priority: clusters[rest[0]].Priority, claims: claims, members: members}
			var room int64
			for len(rest) > 0 && clusters[rest[0]].Priority == p.priority {
				i := rest[0]
				rest = rest[1:]
				if hi := height(&clusters[i]); hi > f.held[i] {
					room += hi - f.held[i]
					p.members = append(p.members, i)
					p.claims = append(p.claims, claim{
						weight: clusters[i].Weight,
						lo:     f.held[i],
						hi:     hi,
						tie:    tieBreak(r.Key, clusters[i].Name),
					})
				}
			}
			if room > f.left {
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

// finish apportions what is left in the last pour.
func (f *filling) finish() (held []int64, unplaced int64) {
	if f.last == nil {
		return f.held, f.left
	}
	held = slices.Clone(f.held)
	for j, n := range apportion(f.left, f.last.claims) {
		held[f.last.members[j]] = n
	}
	return held, 0
}

// tieBreak orders clusters of equal claim, differently for each workload: FNV-1a
// with the finalizer of MurmurHash3, since FNV leaves names close together that
// differ in their last byte only.
func tieBreak(key, cluster string) uint64 {
	x := uint64(0xcbf29ce484222325)
	for _, s := range [...]string{key, "\x00", cluster} {
		for i := range len(s) {
			x = (x ^ uint64(s[i])) * 0x100000001b3
		}
	}
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
