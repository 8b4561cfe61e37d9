// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"cmp"
	"math"
	"slices"
)

// counted says which seat of a claim is the first not yet in process.due.
type counted struct {
	number int64
	span   int32
}

// countDue counts the seats that fall due in the first n times after start.
func (p *process) countDue(n int64) {
	p.due = append(p.due, make([]int32, n-int64(len(p.due)))...)
	for i := range p.counted {
		c, k := &p.claims[i], &p.counted[i]
		for k.number = max(k.number, p.got[i]+1); k.number <= c.hi; k.number++ {
			k.span = int32(spanAt(p.spans, int(k.span), k.number, c.weight))
			at := p.spans[k.span].due(k.number, c.weight) - p.start
			if at >= n {
				break
			}
			p.due[at]++
		}
	}
}

// tight reports whether the t-th seat must not go to claim i, because until some
// time before its due time there are as many seats due as there are to give.
//
// The slack at a time is the seats to give until then, the t-th included, less
// those due. An award leaves it as it is from its own due time on, and takes one
// before.
func (p *process) tight(t int64, i int32) (until int64, tight bool) {
	due := p.next[i].due
	if n := len(p.parked); n > 0 && due > p.parked[n-1].until {
		return p.parked[n-1].until, true
	}
	// From farthest on only claim i would be ahead of its share, and one cannot
	// be too many.
	end := min(due, p.farthest)
	near := min(end, t+stride)
	slack, u := int64(0), t
	for ; u < end; u++ {
		if u == near && p.margin.covers(u, end) {
			return 0, false
		}
		if counted := int64(len(p.due)); u-p.start == counted {
			if counted > 2*(p.end-p.start) && p.settled(u, i) {
				return 0, false
			}
			p.countDue(2 * counted)
		}
		if slack += 1 - int64(p.due[u-p.start]); slack == 0 {
			return u, true
		}
	}
	if near < end {
		p.margin = p.measure(t, near, end+(end-near))
	}
	return 0, false
}

// stride is how far tight always looks; beyond, it relies on margin.
const stride = 64

// margin is a stretch of time with at least so much slack.
type margin struct{ from, to, slack int64 }

func (m margin) covers(from, to int64) bool { return m.slack > 0 && m.from <= from && to <= m.to }

// measure returns the margin at award t that begins at from and reaches to, or
// as far as there is slack.
func (p *process) measure(t, from, to int64) margin {
	m := margin{from: from, slack: math.MaxInt64}
	to = min(to, p.start+int64(len(p.due)))
	var slack int64
	u := t
	for ; u < to; u++ {
		if slack += 1 - int64(p.due[u-p.start]); slack <= 0 {
			break
		}
		if u >= from {
			m.slack = min(m.slack, slack)
		}
	}
	m.to = u
	return m
}

// settled reports whether it is sure without looking on that claim i can be
// served as far as times from t on are concerned. The slack after an award is
// the sum of what every share is above a whole number, less the claims ahead of
// their share; until its next seat falls due, a share only grows.
func (p *process) settled(t int64, i int32) bool {
	type window struct {
		due, part int64
		ahead     bool
	}
	s := &p.spans[spanOf(p.spans, t)]
	windows := make([]window, 0, len(p.claims))
	for j := range p.claims {
		c := &p.claims[j]
		whole, part := s.share(c, t)
		if part == 0 {
			continue
		}
		at := spanAt(p.spans, 0, whole+1, c.weight)
		windows = append(windows, window{p.spans[at].due(whole+1, c.weight), part, p.got[j] > whole || int32(j) == i})
	}
	slices.SortFunc(windows, func(a, b window) int { return cmp.Compare(b.due, a.due) })
	// The parts seen, rounded up, less those ahead; the parts may add up to more
	// than fits a number.
	slack, parts := int64(1), int64(0)
	for j, w := range windows {
		if parts += w.part; parts > s.weight {
			parts -= s.weight
			slack++
		}
		if w.ahead {
			slack--
		}
		if (j+1 == len(windows) || windows[j+1].due < w.due) && w.due <= p.next[i].due && slack < 0 {
			return false
		}
	}
	return true
}
