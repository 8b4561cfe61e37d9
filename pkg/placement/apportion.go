// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import "slices"

// apportion awards n seats on top of every claim's lo, and returns what each
// claim holds then. n must be below the sum of hi − lo.
//
// The package comment has the rule, by which seats are awarded one by one. Only
// those are that come after a time for which it is sure what the awards came to.
func apportion(n int64, claims []claim, spans []span) []int64 {
	r := newRounding(claims, spans)
	if r.at(n) {
		return r.got
	}
	start := lastWhole(n, claims, spans)
	// Asking once takes as long as a few awards per ten claims.
	for back := int64(1 + len(claims)/10); n-back > start; back *= 4 {
		if r.at(n - back) {
			return awardFrom(n-back, r.got, n, claims, spans)
		}
	}
	r.at(start) // nothing is to be rounded
	return awardFrom(start, r.got, n, claims, spans)
}

func awardFrom(start int64, got []int64, n int64, claims []claim, spans []span) []int64 {
	p := newProcess(start, got, n, claims, spans)
	for t := start + 1; t <= n; t++ {
		p.award(t)
	}
	return p.got
}

// process is the state between two awards. Times are numbers of seats: the t-th
// award happens at time t.
//
// The next seat of a claim is released at the first time its exact share is above
// what it holds, and due at the first time its exact share covers that seat.
// Awards between the two keep the claim at its share rounded down or up.
type process struct {
	claims []claim
	spans  []span
	start  int64
	end    int64
	got    []int64
	next   []seat // the next seat of each claim

	waiting []int32 // by release time − start: a claim, chained by seat.chain
	ready   queue   // released
	parked  []parked

	due      []int32 // by due time − start: seats not awarded yet
	counted  []counted
	farthest int64 // the latest due time among the seats awarded

	margin margin
}

type seat struct {
	due   int64
	span  int32
	chain int32
}

// parked is a claim that must not be served until a time has passed.
type parked struct {
	claim int32
	until int64
}

const none = -1

// newProcess returns the process that goes on to end from when the claims hold
// got.
func newProcess(start int64, got []int64, end int64, claims []claim, spans []span) *process {
	p := &process{
		claims:  claims,
		spans:   spans,
		start:   start,
		end:     end,
		got:     got,
		next:    make([]seat, len(claims)),
		waiting: slices.Repeat([]int32{none}, int(end-start+1)),
		ready:   queue{claims: claims, items: make([]queued, 0, len(claims))},
		counted: make([]counted, len(claims)),
	}
	for i := range claims {
		c := &claims[i]
		p.next[i].span = int32(spanAt(spans, 0, got[i], c.weight))
		if due := spans[p.next[i].span].due(got[i], c.weight); got[i] > c.lo {
			p.farthest = max(p.farthest, due)
		}
		p.counted[i] = counted{number: got[i] + 1, span: p.next[i].span}
		p.expect(int32(i), start)
	}
	p.countDue(end - start + 1)
	return p
}

// lastWhole returns the last time until n when every share is whole. Without
// bounds this happens every (sum of weights ÷ their greatest common divisor) seats.
func lastWhole(n int64, claims []claim, spans []span) int64 {
	for i := spanOf(spans, n); ; i-- {
		s := &spans[i]
		begin, exact := s.seats(s.from.num, s.from.den)
		n -= (n + s.offset) % s.period(claims)
		if n > begin || n == begin && exact {
			return n
		}
		n = begin
	}
}

// period is the number of seats between two times of s when every share is whole.
func (s *span) period(claims []claim) int64 {
	var divisor int64
	for i := range claims {
		if claims[i].grows(s) {
			if divisor = gcd(divisor, claims[i].weight); divisor == 1 {
				break
			}
		}
	}
	return s.weight / divisor
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// expect makes the claim's next seat available at its release, and after now.
func (p *process) expect(i int32, now int64) {
	c, s := &p.claims[i], &p.next[i]
	before, _ := p.spans[s.span].seats(p.got[i], c.weight)
	released := max(before, now) + 1
	if p.got[i] == c.hi || released > p.end {
		return
	}
	s.span = int32(spanAt(p.spans, int(s.span), p.got[i]+1, c.weight))
	s.due = p.spans[s.span].due(p.got[i]+1, c.weight)
	at := released - p.start
	s.chain, p.waiting[at] = p.waiting[at], i
}

// award gives the t-th seat to the claim whose released seat's middle comes
// first, of those that leave everyone able to get theirs when due.
func (p *process) award(t int64) {
	for i := p.waiting[t-p.start]; i != none; i = p.next[i].chain {
		p.ready.push(i, p.got[i])
	}
	for len(p.parked) > 0 && p.parked[len(p.parked)-1].until < t {
		i := p.parked[len(p.parked)-1].claim
		p.parked = p.parked[:len(p.parked)-1]
		p.ready.push(i, p.got[i])
	}
	for {
		i := p.ready.pop()
		until, tight := p.tight(t, i)
		if !tight {
			p.give(t, i)
			return
		}
		p.parked = append(p.parked, parked{i, until})
	}
}

func (p *process) give(t int64, i int32) {
	due := p.next[i].due
	p.got[i]++
	if at := due - p.start; at < int64(len(p.due)) {
		p.due[at]--
	}
	p.farthest = max(p.farthest, due)
	if due > p.margin.from {
		p.margin.slack--
	}
	p.expect(i, t)
}
