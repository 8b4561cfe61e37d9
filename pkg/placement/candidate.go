// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"slices"
	"strings"
)

// unbounded is the ceiling of a cluster that has none. It is above every total
// that Plan accepts, so it never binds, and sums of it do not overflow.
const unbounded = int64(1) << 40

// candidate is a cluster with what follows from it.
type candidate struct {
	*Cluster
	weight  int64 // reduced: those of all clusters have no common divisor
	ceiling int64 // the most it may hold
	minimum int64 // the least it must hold
	kept    int64 // what it runs already and may go on running
	covers  int   // 1 + the index in Request.Spread of what it must hold one replica for, or 0
	tie     uint64
}

// candidatesOf returns the clusters sorted by name. They may be invalid.
func candidatesOf(clusters []Cluster) []candidate {
	candidates := make([]candidate, len(clusters))
	for i := range clusters {
		candidates[i].Cluster = &clusters[i]
	}
	slices.SortFunc(candidates, func(a, b candidate) int { return strings.Compare(a.Name, b.Name) })
	return candidates
}

// derive fills in what follows from valid clusters.
func derive(key string, candidates []candidate) {
	var divisor int64
	for i := range candidates {
		if divisor = gcd(candidates[i].Weight, divisor); divisor == 1 {
			break
		}
	}
	workload := hash(hash(hashBasis, key), "\x00")
	for i := range candidates {
		c := &candidates[i]
		if c.Weight == 0 {
			continue
		}
		c.weight = c.Weight / divisor
		c.ceiling = unbounded
		if c.Max != nil && *c.Max <= MaxReplicas {
			c.ceiling = *c.Max
		}
		if c.Capacity != nil && *c.Capacity <= MaxReplicas {
			c.ceiling = min(c.ceiling, *c.Capacity)
		}
		c.minimum = min(c.Min, c.ceiling)
		c.kept = min(c.Current, c.ceiling)
		c.tie = scatter(hash(workload, c.Name))
	}
}

// floor is the least the candidate holds, if there are replicas enough.
func (c *candidate) floor() int64 {
	if c.covers > 0 {
		return max(1, c.minimum)
	}
	return c.minimum
}

// Candidates of equal claim are ordered by a hash of the workload and the
// cluster: FNV-1a with the finalizer of MurmurHash3, since FNV leaves names close
// together that differ in their last byte only.

const hashBasis = uint64(0xcbf29ce484222325)

func hash(x uint64, s string) uint64 {
	for i := range len(s) {
		x = (x ^ uint64(s[i])) * 0x100000001b3
	}
	return x
}

func scatter(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}
