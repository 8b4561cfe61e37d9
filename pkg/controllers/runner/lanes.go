// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"slices"
	"sync"
)

// resyncTurn is one turn of how many that a resync has for certain.
const resyncTurn = 4

// lanes is a workqueue.Queue in which what has changed overtakes what is only looked at again. The zero value is ready
// for use.
type lanes[K comparable] struct {
	// These are guarded by the lock of the workqueue.
	changes, resyncs []K
	turn             int

	mu sync.Mutex
	// added says of the keys that are to have a turn whether they are only looked at again.
	added map[K]bool
}

// add says why a key is about to be added. A change counts, whatever it is added for besides.
func (l *lanes[K]) add(key K, resync bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.added == nil {
		l.added = map[K]bool{}
	}
	was, already := l.added[key]
	l.added[key] = resync && (was || !already)
}

func (l *lanes[K]) isResync(key K) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.added[key]
}

// Push queues a key.
func (l *lanes[K]) Push(key K) {
	if l.isResync(key) {
		l.resyncs = append(l.resyncs, key)
		return
	}
	l.changes = append(l.changes, key)
}

// Touch is called of a key that is queued and added again.
func (l *lanes[K]) Touch(key K) {
	if l.isResync(key) {
		return
	}
	if i := slices.Index(l.resyncs, key); i >= 0 {
		l.resyncs = slices.Delete(l.resyncs, i, i+1)
		l.changes = append(l.changes, key)
	}
}

// Len is how many keys are queued.
func (l *lanes[K]) Len() int { return len(l.changes) + len(l.resyncs) }

// Pop takes the key whose turn it is.
func (l *lanes[K]) Pop() (key K) {
	l.turn++
	lane := &l.changes
	if len(l.changes) == 0 || len(l.resyncs) > 0 && l.turn%resyncTurn == 0 {
		lane = &l.resyncs
	}
	key, *lane = (*lane)[0], (*lane)[1:]
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.added, key)
	return key
}
