// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"math/bits"
	"slices"
	"sort"
)

// claim is one cluster's part in an apportionment.
type claim struct {
	weight int64  // above 0
	lo, hi int64  // it holds lo, and may grow to hi, which is above lo
	tie    uint64 // the lower goes first among equals
}

// grows reports whether the claim is above lo and below hi all through s.
func (c *claim) grows(s *span) bool {
	return ratio{c.lo, c.weight}.compare(s.from) <= 0 && s.to.compare(c.top()) <= 0
}

// top is the level at which the claim is full.
func (c *claim) top() ratio {
	if c.hi >= unbounded {
		return infinity
	}
	return ratio{c.hi, c.weight}
}

// ratio is num/den, neither below 0. Levels are ratios of replicas to weight.
type ratio struct{ num, den int64 }

var infinity = ratio{1, 0}

func (r ratio) compare(s ratio) int {
	rh, rl := bits.Mul64(uint64(r.num), uint64(s.den))
	sh, sl := bits.Mul64(uint64(s.num), uint64(r.den))
	if rh != sh {
		return cmp.Compare(rh, sh)
	}
	return cmp.Compare(rl, sl)
}

// mulDiv returns ⌊a·b/c⌋ and the remainder; the quotient must fit.
func mulDiv(a, b, c int64) (quo, rem int64) {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi == 0 {
		return int64(lo / uint64(c)), int64(lo % uint64(c))
	}
	q, r := bits.Div64(hi, lo, uint64(c))
	return int64(q), int64(r)
}

// span is a stretch of rising level in which the same claims grow. At level λ a
// growing claim's exact share is λ·its weight, and λ·weight − offset seats are
// out on top of every lo.
type span struct {
	from, to       ratio
	weight, offset int64
}

// never is later than any time that matters.
const never = int64(1) << 62

// seats returns how many seats are out at level k/w, rounded down, and whether
// that is exact. The level must lie in the span. If it is a maximum's, it may be
// too high to be reached: never.
func (s *span) seats(k, w int64) (int64, bool) {
	if hi, _ := bits.Mul64(uint64(s.weight), uint64(k)); hi >= uint64(w) {
		return never, true
	}
	quo, rem := mulDiv(s.weight, k, w)
	if uint64(quo) > uint64(never) {
		return never, true
	}
	return quo - s.offset, rem == 0
}

// due returns the first time when the exact share covers the claim's k-th seat.
func (s *span) due(k, w int64) int64 {
	t, exact := s.seats(k, w)
	if !exact {
		t++
	}
	return t
}

// share returns the exact share of the claim when t seats are out, as a whole
// number and a remainder in parts of s.weight.
func (s *span) share(c *claim, t int64) (whole, rem int64) {
	whole, rem = mulDiv(c.weight, t+s.offset, s.weight)
	switch {
	case whole < c.lo:
		return c.lo, 0
	case whole >= c.hi:
		return c.hi, 0
	}
	return whole, rem
}

// spansOf cuts the rising level at every lo and hi. Without bounds it is one span.
func spansOf(claims []claim) []span {
	type edge struct {
		at             ratio
		weight, offset int64
	}
	edges := make([]edge, 0, len(claims))
	for i := range claims {
		c := &claims[i]
		edges = append(edges, edge{ratio{c.lo, c.weight}, c.weight, c.lo})
		if top := c.top(); top != infinity {
			edges = append(edges, edge{top, -c.weight, -c.hi})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.compare(b.at) })

	var spans []span
	var now span
	for i, e := range edges {
		now.weight += e.weight
		now.offset += e.offset
		now.from, now.to = e.at, infinity
		if i+1 < len(edges) {
			now.to = edges[i+1].at
		}
		if now.weight > 0 && now.from.compare(now.to) < 0 {
			spans = append(spans, now)
		}
	}
	return spans
}

// spanAt returns the index of the first span that reaches level k/w, from hint on.
func spanAt(spans []span, hint int, k, w int64) int {
	level := ratio{k, w}
	if spans[hint].to.compare(level) >= 0 {
		return hint
	}
	return hint + sort.Search(len(spans)-hint-1, func(i int) bool { return spans[hint+i].to.compare(level) >= 0 })
}

// spanOf returns the index of the span in which the t-th seat goes out.
func spanOf(spans []span, t int64) int {
	return sort.Search(len(spans)-1, func(i int) bool {
		end, _ := spans[i].seats(spans[i].to.num, spans[i].to.den)
		return t <= end
	})
}
