// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"slices"
	"strings"
)

// Spread asks for replicas in several domains of a topology, for safety.
type Spread struct {
	// Topology is what the domains are of, such as "region": a key of
	// Cluster.Domains.
	Topology string `json:"topology"`
	// MinDomains is in how many domains there must be a replica, as far as there
	// are that many replicas.
	MinDomains int64 `json:"minDomains"`
}

// Coverage says how far a Spread is met.
type Coverage struct {
	Spread
	Domains  int64 `json:"domains"`  // hold replicas
	Eligible int64 `json:"eligible"` // may hold replicas
}

// short reports whether the replicas cannot be in as many domains as they should.
func (c *Coverage) short(replicas int64) bool {
	return replicas > 0 && (c.Eligible < c.MinDomains || c.Domains < min(c.MinDomains, replicas))
}

// topology is what a Spread is about.
type topology struct {
	domains []domain // in which candidates may hold replicas
	of      []int32  // by candidate: the index in domains, or none
}

// domain is a part of a topology.
type domain struct {
	name    string
	first   *candidate // it holds one replica if the domain must have one
	weight  int64      // of all candidates of the priority of first
	tie     uint64
	covered bool
}

func newTopology(r *Request, spread int, candidates []candidate) topology {
	t := topology{of: make([]int32, len(candidates))}
	byName := map[string]int32{}
	for i := range candidates {
		c := &candidates[i]
		t.of[i] = none
		name := c.Domains[r.Spread[spread].Topology]
		if name == "" || c.ceiling == 0 {
			continue
		}
		at, known := byName[name]
		if !known {
			at = int32(len(t.domains))
			byName[name] = at
			t.domains = append(t.domains, domain{name: name, first: c, tie: scatter(hash(hash(hash(hashBasis, r.Key), "\x00"), name))})
		}
		t.of[i] = at
		if d := &t.domains[at]; compareCandidates(c, d.first, r.Rebalance) < 0 {
			d.first = c
		}
	}
	for i, at := range t.of {
		if c := &candidates[i]; at != none && c.Priority == t.domains[at].first.Priority {
			t.domains[at].weight += c.weight
		}
	}
	return t
}

// cover chooses which candidates hold one replica for the sake of the spreads,
// and returns the order in which they are served. The choice does not depend on
// the number of replicas. It starts with the topology of fewest domains: where
// regions are made of zones, what covers regions counts for zones.
func cover(r *Request, candidates []candidate) (topologies []topology, order []int) {
	if len(r.Spread) == 0 {
		return nil, nil
	}
	for i := range r.Spread {
		topologies = append(topologies, newTopology(r, i, candidates))
		order = append(order, i)
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(
			cmp.Compare(len(topologies[a].domains), len(topologies[b].domains)),
			strings.Compare(r.Spread[a].Topology, r.Spread[b].Topology),
		)
	})
	for _, i := range order {
		topologies[i].cover(i, r.Spread[i].MinDomains, candidates, r.Rebalance)
	}
	return topologies, order
}

// cover has the first domains covered, so that atLeast are.
func (t *topology) cover(spread int, atLeast int64, candidates []candidate, rebalance bool) {
	for i, at := range t.of {
		if at != none && candidates[i].covers > 0 && !t.domains[at].covered {
			t.domains[at].covered = true
			atLeast--
		}
	}
	open := make([]*domain, 0, len(t.domains))
	for i := range t.domains {
		if d := &t.domains[i]; !d.covered {
			open = append(open, d)
		}
	}
	slices.SortFunc(open, func(a, b *domain) int { return compareDomains(a, b, rebalance) })
	for _, d := range open[:max(0, min(atLeast, int64(len(open))))] {
		d.first.covers = spread + 1
	}
}

// compareDomains orders those first that get replicas first anyway.
func compareDomains(a, b *domain, rebalance bool) int {
	return cmp.Or(
		comparePrecedence(a.first, b.first, rebalance),
		cmp.Compare(b.weight, a.weight),
		cmp.Compare(a.tie, b.tie),
		strings.Compare(a.name, b.name),
	)
}

// compareCandidates orders the candidates of a domain in the same way.
func compareCandidates(a, b *candidate, rebalance bool) int {
	return cmp.Or(
		comparePrecedence(a, b, rebalance),
		cmp.Compare(b.weight, a.weight),
		cmp.Compare(a.tie, b.tie),
		strings.Compare(a.Name, b.Name),
	)
}

func comparePrecedence(a, b *candidate, rebalance bool) int {
	first := func(a, b bool) int {
		switch {
		case a == b:
			return 0
		case a:
			return -1
		}
		return 1
	}
	if byMinimum := first(a.minimum > 0, b.minimum > 0); byMinimum != 0 {
		return byMinimum
	}
	if !rebalance {
		if byRunning := first(a.kept > 0, b.kept > 0); byRunning != 0 {
			return byRunning
		}
	}
	return cmp.Compare(b.Priority, a.Priority)
}

// coverage counts the domains that hold replicas.
func (t *topology) coverage(s Spread, assignments []Assignment) Coverage {
	c := Coverage{Spread: s, Eligible: int64(len(t.domains))}
	holding := make([]bool, len(t.domains))
	for i, at := range t.of {
		if at != none && assignments[i].Replicas > 0 && !holding[at] {
			holding[at] = true
			c.Domains++
		}
	}
	return c
}
