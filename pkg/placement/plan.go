// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Limits of what Plan accepts. MaxReplicas keeps one question affordable: the
// seats are awarded one by one.
const (
	MaxWeight   = math.MaxInt32
	MaxReplicas = 1_000_000
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
}

// Result answers a Request.
type Result struct {
	Assignments []Assignment `json:"assignments"` // one per cluster, sorted by name
	Unplaced    int64        `json:"unplaced"`    // replicas that fit nowhere
	Outcome     Outcome      `json:"outcome"`
}

// Assignment is what one cluster gets, and why.
type Assignment struct {
	Name     string     `json:"name"`
	Replicas int64      `json:"replicas"`
	Code     ReasonCode `json:"code"`
	Reason   string     `json:"reason"`
}

// Outcome says in one stable word how the whole question was answered.
type Outcome string

const (
	// OutcomePlaced: every replica is placed and every minimum holds.
	OutcomePlaced Outcome = "Placed"
	// OutcomeUnplaced: maximums and capacities leave Unplaced replicas over.
	OutcomeUnplaced Outcome = "Unplaced"
	// OutcomeMinimumsInfeasible: the minimums together exceed the replicas.
	OutcomeMinimumsInfeasible Outcome = "MinimumsInfeasible"
	// OutcomeAllWeightsZero: no cluster may take anything, which is more likely
	// a mistake than a wish, so every assignment is the cluster's Current.
	OutcomeAllWeightsZero Outcome = "AllWeightsZero"
	// OutcomeNoClusters: there is nobody to ask.
	OutcomeNoClusters Outcome = "NoClusters"
)

// Plan answers the request. Its only errors wrap ErrInvalid.
func Plan(r Request) (Result, error) {
	clusters := slices.Clone(r.Clusters)
	slices.SortFunc(clusters, func(a, b Cluster) int { return strings.Compare(a.Name, b.Name) })
	if err := validate(r.Replicas, clusters); err != nil {
		return Result{}, err
	}
	if r.Replicas > 0 && allDrained(clusters) {
		return keepAll(r.Replicas, clusters), nil
	}

	f := fill(&r, clusters, stepsFor(r.Rebalance))
	held, unplaced := f.finish()
	ideal := f
	if !r.Rebalance {
		ideal = fill(&r, clusters, stepsFor(true))
	}
	res := Result{Assignments: make([]Assignment, len(clusters)), Unplaced: unplaced, Outcome: OutcomePlaced}
	switch {
	case len(clusters) == 0:
		res.Outcome = OutcomeNoClusters
	case unplaced > 0:
		res.Outcome = OutcomeUnplaced
	case ideal.last != nil && ideal.last.step == 0:
		res.Outcome = OutcomeMinimumsInfeasible
	}
	e := newExplainer(&r, clusters, ideal)
	for i := range clusters {
		c := &clusters[i]
		code, reason := e.explain(c, held[i])
		res.Assignments[i] = Assignment{Name: c.Name, Replicas: held[i], Code: code, Reason: reason}
	}
	return res, nil
}

// validate wants the clusters sorted by name.
func validate(replicas int64, clusters []Cluster) error {
	if replicas < 0 || replicas > MaxReplicas {
		return fmt.Errorf("%w: replicas is %d: use 0 to %d", ErrInvalid, replicas, MaxReplicas)
	}
	for i := range clusters {
		c := &clusters[i]
		switch {
		case c.Name == "":
			return fmt.Errorf("%w: a cluster has no name: give it one", ErrInvalid)
		case i > 0 && clusters[i-1].Name == c.Name:
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
	}
	return nil
}

func negative(c *Cluster, field string, value int64) error {
	return fmt.Errorf("%w: cluster %q has %s %d: use 0 or more", ErrInvalid, c.Name, field, value)
}

func allDrained(clusters []Cluster) bool {
	return len(clusters) > 0 && !slices.ContainsFunc(clusters, func(c Cluster) bool { return c.Weight > 0 })
}

func keepAll(replicas int64, clusters []Cluster) Result {
	res := Result{Outcome: OutcomeAllWeightsZero, Assignments: make([]Assignment, len(clusters)), Unplaced: replicas}
	for i, c := range clusters {
		res.Assignments[i] = Assignment{Name: c.Name, Replicas: c.Current, Code: ReasonKept, Reason: "stays: every weight is 0"}
		res.Unplaced -= min(res.Unplaced, c.Current)
	}
	return res
}
