// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import "strconv"

// ReasonCode is a stable word for why a cluster gets what it gets.
type ReasonCode string

const (
	ReasonShare        ReasonCode = "Share"        // its share by weight, rounded down or up
	ReasonOverflow     ReasonCode = "Overflow"     // its share of what higher priorities cannot hold
	ReasonMinimum      ReasonCode = "Minimum"      // its minimum, which is above its share
	ReasonSpread       ReasonCode = "Spread"       // one for its domain, which is above its share
	ReasonMinimumUnmet ReasonCode = "MinimumUnmet" // less than its minimum: there are too few replicas
	ReasonMaximum      ReasonCode = "Maximum"      // its maximum
	ReasonCapacity     ReasonCode = "Capacity"     // what it has room for
	ReasonKept         ReasonCode = "Kept"         // off its share, because what runs stays where it runs
	ReasonRebalancing  ReasonCode = "Rebalancing"  // on its way to its share, a few moves at a time
	ReasonDrained      ReasonCode = "Drained"      // weight 0
	ReasonNotNeeded    ReasonCode = "NotNeeded"    // others that come first take every replica
	ReasonNoReplicas   ReasonCode = "NoReplicas"   // there is nothing to place
)

// explainer says why, given how far the replicas go when all are placed anew.
type explainer struct {
	request    *Request
	candidates []candidate
	ideal      filling
	minimums   int64 // of all candidates together
	floors     int64 // the same with what the spreads need

	// Of the last pour, if there is one:
	span   span
	weight int64 // of all candidates of its priority
	first  bool  // it is of the highest priority that can hold anything

	text []byte
}

func newExplainer(r *Request, candidates []candidate, ideal filling) *explainer {
	e := &explainer{request: r, candidates: candidates, ideal: ideal, first: true}
	for i := range candidates {
		e.minimums += candidates[i].minimum
		e.floors += candidates[i].floor()
	}
	last := ideal.last
	if last == nil {
		return e
	}
	e.span = last.spanAround(ideal.left)
	for i := range candidates {
		if c := &candidates[i]; c.Priority == last.priority {
			e.weight += c.weight
		} else if c.Priority > last.priority && c.weight > 0 {
			e.first = false
		}
	}
	return e
}

// spanAround returns the span in which the t-th seat goes out. Where it ends then,
// those that just came to their lo or hi count as growing, for no bound binds them.
func (p *pour) spanAround(t int64) span {
	s := p.spans[spanOf(p.spans, t)]
	if s.to == infinity {
		return s
	}
	if end, exact := s.seats(s.to.num, s.to.den); end != t || !exact {
		return s
	}
	around := span{from: s.to, to: s.to}
	for i := range p.claims {
		c := &p.claims[i]
		switch {
		case s.to.compare(ratio{c.lo, c.weight}) < 0:
		case s.to.compare(c.top()) > 0:
			around.offset -= c.hi - c.lo
		default:
			around.weight += c.weight
			around.offset += c.lo
		}
	}
	return around
}

// explain returns the assignments. Their reasons are parts of one string, since
// there may be many.
func (e *explainer) explain(held, target []int64) []Assignment {
	assignments := make([]Assignment, len(e.candidates))
	ends := make([]int, len(e.candidates))
	e.text = make([]byte, 0, 32*len(e.candidates))
	for i := range e.candidates {
		c := &e.candidates[i]
		assignments[i] = Assignment{Name: c.Name, Replicas: held[i], Target: target[i]}
		assignments[i].Code, assignments[i].Reason = e.reason(c, held[i], target[i])
		ends[i] = len(e.text)
	}
	text, start := string(e.text), 0
	for i, end := range ends {
		if assignments[i].Reason == "" {
			assignments[i].Reason = text[start:end]
		}
		start = end
	}
	return assignments
}

// reason returns why candidate c holds that many. If the words are empty they have
// been written to e.text.
func (e *explainer) reason(c *candidate, held, target int64) (ReasonCode, string) {
	switch {
	case held != target:
		return ReasonRebalancing, e.write("on its way to ", target, "")
	case c.weight == 0:
		return ReasonDrained, "weight 0: drained"
	case e.request.Replicas == 0:
		return ReasonNoReplicas, "no replicas asked for"
	}
	code, low, high := e.share(c)
	switch {
	case held < c.minimum:
		e.write("minimum ", c.minimum, " not met: the minimums")
		if e.floors > e.minimums {
			e.text = append(e.text, " and the spread"...)
		}
		e.write(" add up to ", e.floors, ", replicas to ")
		return ReasonMinimumUnmet, e.write("", e.request.Replicas, "")
	case held < low:
		return ReasonKept, "below its share: rebalancing is off, and what runs elsewhere stays"
	case held > high:
		return ReasonKept, "stays: rebalancing is off"
	}
	switch {
	case code == ReasonMinimum:
		return code, e.write("minimum ", held, "")
	case code == ReasonMaximum:
		return code, e.write("maximum ", held, " reached")
	case code == ReasonCapacity:
		return code, e.write("room for ", held, " only")
	case code == ReasonSpread && held > 0:
		spread := &e.request.Spread[c.covers-1]
		e.text = append(e.text, "one replica for "+spread.Topology+" "+c.Domains[spread.Topology]...)
		return code, e.write(": at least ", spread.MinDomains, " must have one")
	case code == ReasonSpread || code == ReasonNotNeeded && e.ideal.last.stage == spreading:
		return ReasonNotNeeded, "other domains come first and take every replica"
	case code == ReasonNotNeeded && e.ideal.last.stage == minimums:
		return code, "minimums elsewhere take every replica"
	case code == ReasonNotNeeded:
		return code, "higher priorities hold every replica"
	case code == ReasonOverflow:
		e.text = append(e.text, "higher priorities are full: "...)
	}
	e.write("weight ", c.weight, " of ")
	e.write("", e.span.weight, "")
	if e.span.weight < e.weight {
		e.text = append(e.text, " among the clusters that are not at a limit"...)
	}
	if held == 0 {
		e.text = append(e.text, ": less than one replica"...)
	}
	return code, ""
}

// share returns what the candidate gets when all is placed anew: not less than
// low, not more than high, and why.
func (e *explainer) share(c *candidate) (code ReasonCode, low, high int64) {
	floor := c.floor()
	atFloor := ReasonNotNeeded
	switch {
	case c.minimum > 0:
		atFloor = ReasonMinimum
	case floor > 0:
		atFloor = ReasonSpread
	}
	last := e.ideal.last
	switch {
	case last == nil || last.stage == room && c.Priority > last.priority:
		return c.limit(), c.ceiling, c.ceiling
	case last.stage < room:
		return atFloor, 0, floor
	case c.Priority < last.priority:
		return atFloor, floor, floor
	}
	whole, rem := mulDiv(c.weight, e.ideal.left+e.span.offset, e.span.weight)
	switch {
	case whole < floor:
		return atFloor, floor, floor
	case whole > c.ceiling || whole == c.ceiling && rem > 0:
		return c.limit(), c.ceiling, c.ceiling
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

// limit says what the candidate's ceiling is made of.
func (c *candidate) limit() ReasonCode {
	if c.Capacity != nil && *c.Capacity == c.ceiling {
		return ReasonCapacity
	}
	return ReasonMaximum
}

// write adds to e.text and returns nothing.
func (e *explainer) write(before string, n int64, after string) string {
	e.text = append(e.text, before...)
	e.text = strconv.AppendInt(e.text, n, 10)
	e.text = append(e.text, after...)
	return ""
}
