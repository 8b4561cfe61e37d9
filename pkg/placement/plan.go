// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Limits of what Plan accepts.
const (
	// MaxWeight leaves room for a 31-bit weight in parts of a hundred, raised by a
	// hundred preferences of a hundred each.
	MaxWeight = math.MaxInt32 * (100 + 100*100)
	// MaxReplicas keeps one question affordable: at worst the replicas are placed
	// one by one.
	MaxReplicas = 1_000_000

	// maxWeights, of all clusters together, keeps times of the apportionment, below
	// twice that, within 63 bits.
	maxWeights = int64(1) << 61
)

// ErrInvalid is wrapped by every error that Plan returns.
var ErrInvalid = errors.New("invalid placement request")

// Request is one question: how many replicas of one workload go to each
// cluster? Counts are replicas of that workload.
type Request struct {
	// Key names the workload, "kind/namespace/name". It breaks ties, so that
	// workloads of one replica do not all land on the same cluster.
	Key      string    `json:"key,omitempty"`
	Replicas int64     `json:"replicas"` // 0…MaxReplicas
	Clusters []Cluster `json:"clusters"` // in any order
	// Rebalance takes the exact share. Without it what runs stays where it
	// runs, and only the difference is placed.
	Rebalance bool `json:"rebalance,omitempty"`
	// Moves is how many replicas may be moved now only to meet the exact share: a
	// step of Rebalance. nil: all of them.
	Moves *int64 `json:"moves,omitempty"`
	// Spread asks for replicas in several domains, each topology once.
	Spread []Spread `json:"spread,omitempty"`
}

// Cluster is one candidate.
type Cluster struct {
	Name     string `json:"name"`
	Weight   int64  `json:"weight"`             // 0…MaxWeight; 0 drains
	Min      int64  `json:"min,omitempty"`      // floor, as far as Max, Capacity and Replicas allow
	Max      *int64 `json:"max,omitempty"`      // nil: none
	Capacity *int64 `json:"capacity,omitempty"` // replicas it can hold, those it runs now included; nil: unknown
	Current  int64  `json:"current,omitempty"`  // replicas assigned now
	// Priority orders the clusters: the highest are filled first, the next take
	// only what does not fit, and give it back first.
	Priority int32 `json:"priority,omitempty"`
	// Domains says where it is: {"region": "eu"}. A cluster that is in no domain of
	// a topology does not count for its Spread.
	Domains map[string]string `json:"domains,omitempty"`
}

// Result answers a Request.
type Result struct {
	Assignments []Assignment `json:"assignments"`     // one per cluster, sorted by name
	Unplaced    int64        `json:"unplaced"`        // replicas that fit nowhere
	Moved       int64        `json:"moved,omitempty"` // of Request.Moves, those made
	Outcome     Outcome      `json:"outcome"`
	Spread      []Coverage   `json:"spread,omitempty"` // one per Request.Spread, unless all weights are 0
}

// Assignment is what one cluster gets, and why.
type Assignment struct {
	Name     string `json:"name"`
	Replicas int64  `json:"replicas"`
	// Target is what it gets when every move is made; it differs where Request.Moves
	// are too few.
	Target int64      `json:"target"`
	Code   ReasonCode `json:"code"`
	Reason string     `json:"reason"`
}

// Outcome says in one stable word how the whole question was answered.
type Outcome string

const (
	// OutcomePlaced: every replica is placed and every minimum holds.
	OutcomePlaced Outcome = "Placed"
	// OutcomeUnplaced: maximums and capacities leave Unplaced replicas over.
	OutcomeUnplaced Outcome = "Unplaced"
	// OutcomeMinimumsInfeasible: the minimums, with what the spread needs, exceed
	// the replicas.
	OutcomeMinimumsInfeasible Outcome = "MinimumsInfeasible"
	// OutcomeSpreadUnsatisfiable: too few domains may hold replicas, and those
	// that may do. Result.Spread says which topology it is.
	OutcomeSpreadUnsatisfiable Outcome = "SpreadUnsatisfiable"
	// OutcomeAllWeightsZero: no cluster may take anything, which is more likely
	// a mistake than a wish, so every assignment is the cluster's Current.
	OutcomeAllWeightsZero Outcome = "AllWeightsZero"
	// OutcomeNoClusters: there is nobody to ask.
	OutcomeNoClusters Outcome = "NoClusters"
)

// Plan answers the request. Its only errors wrap ErrInvalid.
func Plan(r Request) (Result, error) {
	candidates := candidatesOf(r.Clusters)
	if err := validate(&r, candidates); err != nil {
		return Result{}, err
	}
	if r.Replicas > 0 && allDrained(r.Clusters) {
		return keepAll(&r, candidates), nil
	}
	derive(r.Key, candidates)
	topologies, spreads := cover(&r, candidates)

	ideal := fill(r.Replicas, candidates, stepsFor(spreads, true))
	f := ideal
	if !r.Rebalance && slices.ContainsFunc(candidates, func(c candidate) bool { return c.kept > 0 }) {
		f = fill(r.Replicas, candidates, stepsFor(spreads, false))
	}
	target, unplaced := f.finish()
	held, moved := target, int64(0)
	if r.Rebalance && r.Moves != nil {
		var err error
		if held, err = kept(r); err != nil {
			return Result{}, err
		}
		moved = approach(held, target, candidates, *r.Moves)
	}

	e := newExplainer(&r, candidates, ideal)
	res := Result{Assignments: e.explain(held, target), Unplaced: unplaced, Moved: moved}
	for i := range topologies {
		res.Spread = append(res.Spread, topologies[i].coverage(r.Spread[i], res.Assignments))
	}
	res.Outcome = outcomeOf(&r, candidates, &res)
	return res, nil
}

// kept returns what each cluster would hold without rebalancing.
func kept(r Request) ([]int64, error) {
	r.Rebalance, r.Moves = false, nil
	res, err := Plan(r)
	held := make([]int64, len(res.Assignments))
	for i, a := range res.Assignments {
		held[i] = a.Replicas
	}
	return held, err
}

func outcomeOf(r *Request, candidates []candidate, res *Result) Outcome {
	switch {
	case len(candidates) == 0:
		return OutcomeNoClusters
	case res.Unplaced > 0:
		return OutcomeUnplaced
	}
	for i := range candidates {
		if res.Assignments[i].Replicas < candidates[i].minimum {
			return OutcomeMinimumsInfeasible
		}
	}
	if slices.ContainsFunc(res.Spread, func(c Coverage) bool { return c.short(r.Replicas) }) {
		return OutcomeSpreadUnsatisfiable
	}
	return OutcomePlaced
}

// validate wants the candidates sorted by name.
func validate(r *Request, candidates []candidate) error {
	if r.Replicas < 0 || r.Replicas > MaxReplicas {
		return fmt.Errorf("%w: replicas is %d: use 0 to %d", ErrInvalid, r.Replicas, MaxReplicas)
	}
	weights := int64(0)
	for i := range candidates {
		c := candidates[i].Cluster
		switch {
		case c.Name == "":
			return fmt.Errorf("%w: a cluster has no name: give it one", ErrInvalid)
		case i > 0 && candidates[i-1].Name == c.Name:
			return fmt.Errorf("%w: cluster %q is listed twice: list it once", ErrInvalid, c.Name)
		case c.Weight < 0 || c.Weight > MaxWeight:
			return fmt.Errorf("%w: cluster %q has weight %d: use 0 to %d", ErrInvalid, c.Name, c.Weight, MaxWeight)
		case c.Min < 0:
			return negative(c, "min", c.Min)
		case c.Max != nil && *c.Max < 0:
			return negative(c, "max", *c.Max)
		case c.Capacity != nil && *c.Capacity < 0:
			return negative(c, "capacity", *c.Capacity)
		case c.Current < 0:
			return negative(c, "current", c.Current)
		}
		if weights += c.Weight; weights > maxWeights {
			return fmt.Errorf("%w: the weights add up to more than %d: use smaller ones", ErrInvalid, maxWeights)
		}
	}
	if r.Moves != nil && *r.Moves < 0 {
		return fmt.Errorf("%w: moves is %d: use 0 or more", ErrInvalid, *r.Moves)
	}
	for i, s := range r.Spread {
		switch {
		case s.Topology == "":
			return fmt.Errorf("%w: a spread has no topology: give it one", ErrInvalid)
		case slices.ContainsFunc(r.Spread[:i], func(t Spread) bool { return t.Topology == s.Topology }):
			return fmt.Errorf("%w: topology %q is spread over twice: list it once", ErrInvalid, s.Topology)
		case s.MinDomains < 0:
			return fmt.Errorf("%w: the spread over %q has minDomains %d: use 0 or more", ErrInvalid, s.Topology, s.MinDomains)
		}
	}
	return nil
}

func negative(c *Cluster, field string, value int64) error {
	return fmt.Errorf("%w: cluster %q has %s %d: use 0 or more", ErrInvalid, c.Name, field, value)
}

func allDrained(clusters []Cluster) bool {
	return len(clusters) > 0 && !slices.ContainsFunc(clusters, func(c Cluster) bool { return c.Weight > 0 })
}

func keepAll(r *Request, candidates []candidate) Result {
	res := Result{Outcome: OutcomeAllWeightsZero, Assignments: make([]Assignment, len(candidates)), Unplaced: r.Replicas}
	for i, c := range candidates {
		res.Assignments[i] = Assignment{Name: c.Name, Replicas: c.Current, Target: c.Current, Code: ReasonKept, Reason: "stays: every weight is 0"}
		res.Unplaced -= min(res.Unplaced, c.Current)
	}
	return res
}
