// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import "time"

const (
	// firstWindow and maxWindow are how much work is under way in a member at once, to begin with and at most.
	firstWindow, maxWindow = 4, 16
	// prompt is an answer that is never a sign of too much work, and slower how many times as long as the fastest answers
	// take is one: a member far away answers late, but all of it equally late.
	prompt, slower = 500 * time.Millisecond, 4
	// forgetting is how many answers it takes, about, to find that the fastest are slower than they were.
	forgetting = 64
)

// window says how much work may be under way in one member. It grows by one when all of it was answered in time, and
// halves when an answer took too long: additive increase, multiplicative decrease, as of RFC 5681.
type window struct {
	size    float64
	fastest time.Duration
	halved  time.Time
}

func newWindow() window { return window{size: firstWindow} }

// room is how much work may be under way: 1 to maxWindow.
func (w *window) room() int { return int(w.size) }

// answered takes note of a request: when it began and ended, and whether the member said, or showed by its silence, that
// it has too much to do.
func (w *window) answered(began, ended time.Time, overloaded bool) {
	took := ended.Sub(began)
	switch {
	case overloaded:
	case w.fastest == 0 || took < w.fastest:
		w.fastest = took
	default:
		w.fastest += (took - w.fastest) / forgetting
	}
	if !overloaded && took <= max(prompt, slower*w.fastest) {
		w.size = min(maxWindow, w.size+1/w.size)
		return
	}
	if began.After(w.halved) { // what was under way already when it was halved says nothing new
		w.size, w.halved = max(1, w.size/2), ended
	}
}
