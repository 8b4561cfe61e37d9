// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import "sync"

// turns lets one worker at a time do something about a key. The zero value is ready for use.
type turns[K comparable] struct {
	mu    sync.Mutex
	taken map[K]*turn
}

type turn struct {
	sync.Mutex
	takers int
}

// take waits for the turn on a key, and returns what ends it.
func (t *turns[K]) take(key K) (end func()) {
	t.mu.Lock()
	if t.taken == nil {
		t.taken = map[K]*turn{}
	}
	it := t.taken[key]
	if it == nil {
		it = &turn{}
		t.taken[key] = it
	}
	it.takers++
	t.mu.Unlock()
	it.Lock()
	return func() {
		it.Unlock()
		t.mu.Lock()
		defer t.mu.Unlock()
		if it.takers--; it.takers == 0 {
			delete(t.taken, key)
		}
	}
}
