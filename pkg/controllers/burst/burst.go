// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package burst answers: is very much decided at the moment? What can be told later rests then, so that what people wait
// for reaches the clusters first.
package burst

import (
	"sync"
	"time"
)

const (
	// much is how many decisions within lately are very much.
	much, lately = 8, time.Second
	// Patience is the longest that anything rests for that.
	Patience = 5 * time.Second
	// recheck is how soon what rests looks again.
	recheck = 100 * time.Millisecond
)

// Burst knows when the last decisions were made. The zero value is ready for use, by many at once.
type Burst struct {
	mu        sync.Mutex
	decisions []time.Time // the last, at most as many as are much
}

// Decided notes that something is about to change in clusters.
func (b *Burst) Decided(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.decisions = append(b.decisions[max(0, len(b.decisions)+1-much):], now)
}

// Rest is how long something that is to be told since then rests before it is looked at again; 0 if it goes now.
func (b *Burst) Rest(since, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.decisions) < much || now.Sub(b.decisions[0]) >= lately {
		return 0
	}
	return max(0, min(recheck, Patience-now.Sub(since)))
}
