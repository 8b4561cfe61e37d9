// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"slices"
)

// rounding finds what the claims hold after n awards without making them.
//
// Every claim then holds its share rounded down, and some of those whose share is
// not whole hold one seat more. That seat is open: released, and not yet due. Let F
// be all seats due, and so many open ones, the highest priority first, that there
// are n. F is what the awards have given, if it could be given at all:
//
//   - in time: for each t before n, at most n − t seats of F are released after t,
//   - and the others after it: for each u after n, at most u − n seats that are not
//     in F are due by u.
//
// Proof. Let S be what the awards have given, and if it is not F, let t be the time
// when the first seat b was given that is not in F. Since S has all seats due, b is
// open.
//
// (1) No seat x of F that comes before b was released by t and not given by t. It
// would have been refused at t for some u before x is due: all awards from t to u
// were needed for seats due by u. So b is due by u, and u is after n. Thus all
// seats of S that are due after u were given before t, and exactly u − n seats due
// by u are not in S. At most as many are not in F, so F has no more seats due
// after u than S. F has x, which S had not before t; so S had another then, that is
// not in F. But b was the first.
//
// (2) F has an open seat a that S has not. It comes before b, so by (1) it is
// released after t.
//
// (3) By the first condition F has t seats released by t, or more. Of the t seats
// given by t, b is not in F, so one in F was released by t and not given by t: x. By
// (1) it comes after b, so it is not open, but due.
//
// (4) So a comes before x, is released after it and is due after it. But the
// priority is the middle between the two: a contradiction.
//
// If F could not be given, somebody was served out of turn, and only the awards
// tell who.
type rounding struct {
	claims []claim
	spans  []span
	got    []int64
	level  float64
	open   []fraction
	edges  []edge
}

// fraction is a claim whose share is not whole, with its open seat.
type fraction struct {
	queued
	part float64 // what the share is above a whole number
}

// edge is where the share with an open seat gets whole, in one direction of time.
type edge struct {
	at      float64 // how much higher, or lower, than the present level
	part    float64 // of the seat, that the share has behind it at present
	weight  float64
	counted bool
}

func newRounding(claims []claim, spans []span) *rounding {
	return &rounding{
		claims: claims,
		spans:  spans,
		got:    make([]int64, len(claims)),
		open:   make([]fraction, 0, len(claims)),
		edges:  make([]edge, 0, len(claims)),
	}
}

// at sets got to what the claims hold after n awards, or reports that it is not
// sure.
func (r *rounding) at(n int64) (sure bool) {
	s := &r.spans[spanOf(r.spans, n)]
	sum := float64(s.weight)
	r.level = float64(n+s.offset) / sum
	r.open = r.open[:0]
	left := n
	for i := range r.claims {
		c := &r.claims[i]
		whole, rem := s.share(c, n)
		r.got[i] = whole
		left -= whole - c.lo
		if rem > 0 {
			number := 2*whole + 1
			r.open = append(r.open, fraction{queued{float64(number) / float64(c.weight), number, int32(i)}, float64(rem) / sum})
		}
	}
	r.divide(int(left))
	first, rest := r.open[:left], r.open[left:]
	for i := range first {
		r.got[first[i].claim]++
	}
	return r.possible(first, rest, r.later) && r.possible(rest, first, r.earlier)
}

// divide puts the n open seats of the highest priority first.
func (r *rounding) divide(n int) {
	q := queue{claims: r.claims}
	for open := r.open; n > 0 && n < len(open); {
		pivot := open[len(open)/2].queued
		i, j := 0, len(open)-1
		for i <= j {
			for q.before(&open[i].queued, &pivot) {
				i++
			}
			for q.before(&pivot, &open[j].queued) {
				j--
			}
			if i <= j {
				open[i], open[j] = open[j], open[i]
				i++
				j--
			}
		}
		switch {
		case n <= j:
			open = open[:j+1]
		case n >= i:
			open, n = open[i:], n-i
		default:
			return
		}
	}
}

// later and earlier return the end of an open seat in either direction of time.

func (r *rounding) later(f *fraction) edge {
	weight := float64(r.claims[f.claim].weight)
	return edge{at: float64((f.number+1)/2)/weight - r.level, part: f.part, weight: weight}
}

func (r *rounding) earlier(f *fraction) edge {
	weight := float64(r.claims[f.claim].weight)
	return edge{at: r.level - float64((f.number-1)/2)/weight, part: 1 - f.part, weight: weight}
}

// leeway is far more than what rounding errors add up to.
const leeway = 1e-4

// possible reports whether it is sure that one of the conditions holds.
//
// The second says that at each later time at most so many open seats of F are not
// yet due as the shares then add up to above whole numbers; the first says the same
// of the open seats that are not in F, looking back in time. Here only those shares
// are added up whose open seat has not ended. Their sum grows all the time, except
// where a seat ends; and where a counted one does, it and the count fall by one. So
// it is looked at where another ends, if any counted one ends later.
func (r *rounding) possible(counted, others []fraction, end func(*fraction) edge) bool {
	if len(counted) <= 1 || len(others) == 0 {
		return true // one is not more than what is above 0, rounded up
	}
	r.edges = r.edges[:0]
	var last float64
	for i := range counted {
		e := end(&counted[i])
		e.counted = true
		last = max(last, e.at)
		r.edges = append(r.edges, e)
	}
	var parts, weight, count float64
	for i := range others {
		if e := end(&others[i]); e.at < last {
			r.edges = append(r.edges, e)
		} else {
			parts += e.part
			weight += e.weight
		}
	}
	if len(r.edges) == len(counted) {
		return true
	}
	slices.SortFunc(r.edges, func(a, b edge) int { return cmp.Compare(b.at, a.at) })
	for i := 0; i < len(r.edges); {
		at := r.edges[i].at
		if parts+at*weight < count-1+leeway {
			return false
		}
		for ; i < len(r.edges) && r.edges[i].at == at; i++ {
			e := &r.edges[i]
			parts += e.part
			weight += e.weight
			if e.counted {
				count++
			}
		}
	}
	return true
}
