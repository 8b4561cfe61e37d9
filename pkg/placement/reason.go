// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"fmt"
	"strconv"
)

// ReasonCode is a stable word for why a cluster gets what it gets.
type ReasonCode string

const (
	ReasonShare        ReasonCode = "Share"        // its share by weight, rounded down or up
	ReasonOverflow     ReasonCode = "Overflow"     // its share of what higher priorities cannot hold
	ReasonMinimum      ReasonCode = "Minimum"      // its minimum, which is above its share
	ReasonMinimumUnmet ReasonCode = "MinimumUnmet" // less than its minimum: there are too few replicas
	ReasonMaximum      ReasonCode = "Maximum"      // its maximum
	ReasonCapacity     ReasonCode = "Capacity"     // what it has room for
	ReasonKept         ReasonCode = "Kept"         // off its share, because what runs stays where it runs
	ReasonDrained      ReasonCode = "Drained"      // weight 0
	ReasonNotNeeded    ReasonCode = "NotNeeded"    // others that come first take every replica
	ReasonNoReplicas   ReasonCode = "NoReplicas"   // there is nothing to place
)

// explainer says why, given how far the replicas go when all are placed anew.
type explainer struct {
	replicas int64
	ideal    filling
	minimums int64 // of all clusters together

	// Of the last pour, if there is one:
	span   span
	weight int64 // of all clusters of its priority
	first  bool  // it is of the highest priority that can hold anything
}

func newExplainer(r *Request, clusters []Cluster, ideal filling) *explainer {
	e := &explainer{replicas: r.Replicas, ideal: ideal, first: true}
	for i := range clusters {
		e.minimums += clusters[i].floor()
	}
	last := ideal.last
	if last == nil {
		return e
	}
	spans := spansOf(last.claims)
	e.span = spans[spanOf(spans, ideal.left)]
	for i := range clusters {
		if c := &clusters[i]; c.Priority == last.priority {
			e.weight += c.Weight
		} else if c.Priority > last.priority && c.Weight > 0 {
			e.first = false
		}
	}
	return e
}

// explain returns the reason why cluster c holds that many.
func (e *explainer) explain(c *Cluster, held int64) (ReasonCode, string) {
	switch {
	case c.Weight == 0:
		return ReasonDrained, "weight 0: drained"
	case e.replicas == 0:
		return ReasonNoReplicas, "no replicas asked for"
	}
	code, low, high := e.share(c)
	switch {
	case held < c.floor():
		return ReasonMinimumUnmet, fmt.Sprintf("minimum %d not met: the minimums add up to %d, replicas to %d", c.floor(), e.minimums, e.replicas)
	case held < low:
		return ReasonKept, "below its share: rebalancing is off, and what runs elsewhere stays"
	case held > high:
		return ReasonKept, "stays: rebalancing is off"
	}
	switch code {
	case ReasonMinimum:
		return code, fmt.Sprintf("minimum %d", held)
	case ReasonMaximum:
		return code, fmt.Sprintf("maximum %d reached", held)
	case ReasonCapacity:
		return code, fmt.Sprintf("room for %d only", held)
	case ReasonNotNeeded:
		if e.ideal.last.step == 0 {
			return code, "minimums elsewhere take every replica"
		}
		return code, "higher priorities hold every replica"
	case ReasonOverflow:
		return code, "higher priorities are full: " + e.weightOf(c, held)
	default:
		return code, e.weightOf(c, held)
	}
}

// share returns what the cluster gets when all is placed anew: not less than low,
// not more than high, and why.
func (e *explainer) share(c *Cluster) (code ReasonCode, low, high int64) {
	floor, ceiling := c.floor(), c.ceiling()
	last := e.ideal.last
	switch {
	case last == nil || last.step > 0 && c.Priority > last.priority:
		return c.limit(), ceiling, ceiling
	case last.step == 0 && floor > 0:
		return ReasonMinimum, 0, floor
	case last.step == 0:
		return ReasonNotNeeded, 0, 0
	case c.Priority < last.priority && floor > 0:
		return ReasonMinimum, floor, floor
	case c.Priority < last.priority:
		return ReasonNotNeeded, 0, 0
	}
	whole, rem := mulDiv(c.Weight, e.ideal.left+e.span.offset, e.span.weight)
	switch {
	case whole < floor:
		return ReasonMinimum, floor, floor
	case whole > ceiling || whole == ceiling && rem > 0:
		return c.limit(), ceiling, ceiling
	case rem > 0:
		high = whole + 1
	default:
		high = whole
	}
	if e.first {
		return ReasonShare, whole, high
	}
	return ReasonOverflow, whole, high
}

// limit says what the cluster's ceiling is made of.
func (c *Cluster) limit() ReasonCode {
	if c.Capacity != nil && *c.Capacity == c.ceiling() {
		return ReasonCapacity
	}
	return ReasonMaximum
}

func (e *explainer) weightOf(c *Cluster, held int64) string {
	b := make([]byte, 0, 64)
	b = append(b, "weight "...)
	b = strconv.AppendInt(b, c.Weight, 10)
	b = append(b, " of "...)
	b = strconv.AppendInt(b, e.span.weight, 10)
	if e.span.weight < e.weight {
		b = append(b, " among the clusters that are not at a limit"...)
	}
	if held == 0 {
		b = append(b, ": less than one replica"...)
	}
	return string(b)
}
