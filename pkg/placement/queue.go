// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import "cmp"

// queue is a heap of released seats, the one with the earliest middle first.
type queue struct {
	claims []claim
	items  []queued
}

type queued struct {
	middle float64 // the level at the middle of the seat's time, doubled, rounded
	number int64   // 2·seat − 1
	claim  int32
}

func (q *queue) push(i int32, got int64) {
	number := 2*got + 1
	item := queued{float64(number) / float64(q.claims[i].weight), number, i}
	q.items = append(q.items, item)
	at := len(q.items) - 1
	for at > 0 {
		parent := (at - 1) / 2
		if !q.before(&item, &q.items[parent]) {
			break
		}
		q.items[at] = q.items[parent]
		at = parent
	}
	q.items[at] = item
}

func (q *queue) pop() int32 {
	first := q.items[0].claim
	last := len(q.items) - 1
	item := q.items[last]
	q.items = q.items[:last]
	at := 0
	for {
		child := 2*at + 1
		if child >= last {
			break
		}
		if child+1 < last && q.before(&q.items[child+1], &q.items[child]) {
			child++
		}
		if !q.before(&q.items[child], &item) {
			break
		}
		q.items[at] = q.items[child]
		at = child
	}
	if last > 0 {
		q.items[at] = item
	}
	return first
}

// before compares the rounded middles, which rounding keeps in order, and only
// equals exactly.
func (q *queue) before(a, b *queued) bool {
	if a.middle != b.middle {
		return a.middle < b.middle
	}
	x, y := &q.claims[a.claim], &q.claims[b.claim]
	return cmp.Or(
		ratio{a.number, x.weight}.compare(ratio{b.number, y.weight}),
		cmp.Compare(x.tie, y.tie),
		cmp.Compare(a.claim, b.claim),
	) < 0
}
