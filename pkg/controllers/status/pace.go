// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"sync"
	"time"

	"drover.dev/drover/pkg/controllers/burst"
	"drover.dev/drover/pkg/controllers/workload"
)

const (
	// settling is how long a new decision is given to reach the clusters before it is reported on.
	settling = 50 * time.Millisecond
	// perStatus is how much longer a change waits for each status that is to be written besides, and longest is the most:
	// the more there is to write, the more of what changes is written at once.
	perStatus, longest = 10 * time.Millisecond, time.Second
	// longestUrgent is the most for what something else waits for: clients follow what name servers answer by, and a move
	// goes on by what is reported of it.
	longestUrgent = 250 * time.Millisecond
	// perCluster is how much longer a status rests after a write for each cluster in it: a rollout in many is very many
	// changes of one large status.
	perCluster = 500 * time.Microsecond
)

// pace says when statuses are written: at once while there is one to write, later while there are many, so that what
// people wait for goes before them.
type pace struct {
	mu    sync.Mutex
	due   int // statuses that are to be written
	notes map[workload.Key]note
	burst *burst.Burst
}

// note is what is remembered of a workload's status.
type note struct {
	due     bool
	since   time.Time // when it became due
	settled time.Time // until then it rests
	// replaced is the resource version of the Placement that the last write was made on.
	replaced string
}

// soon notes that a status is to be written, and returns how long that waits for what else happens. What is urgent does not
// wait long for others.
func (p *pace) soon(key workload.Key, urgent bool, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.notes[key]
	if !n.due {
		n.due, n.since = true, now
		p.due++
		p.keep(key, n)
	}
	atMost := longest
	if urgent {
		atMost = longestUrgent
	}
	return max(n.settled.Sub(now), min(atMost, time.Duration(p.due-1)*perStatus))
}

// begin notes that the turn of a status has come, unless it still waits for what is done in clusters: then it returns how
// long until it is to be asked again.
func (p *pace) begin(key workload.Key, urgent bool, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.notes[key]
	if !n.due {
		return 0
	}
	if rest := p.burst.Rest(n.since, now); rest > 0 && !urgent {
		return rest
	}
	n.due = false
	p.due--
	p.keep(key, n)
	return 0
}

// decided notes that a workload is about to change in clusters.
func (p *pace) decided(key workload.Key, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.notes[key]
	n.settled = now.Add(settling)
	p.keep(key, n)
	p.burst.Decided(now)
}

// wrote notes that a status of clusters was written, on which version of its Placement.
func (p *pace) wrote(key workload.Key, version string, clusters int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.notes[key]
	n.replaced, n.settled = version, now.Add(min(longest, time.Duration(clusters)*perCluster))
	p.keep(key, n)
}

// isReplaced says whether a version of a workload's Placement is the one that was last written on: a cache that still has
// it is behind.
func (p *pace) isReplaced(key workload.Key, version string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return version != "" && p.notes[key].replaced == version
}

// forget drops what is remembered of a workload that is gone, and whose turn has come.
func (p *pace) forget(key workload.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.notes, key)
}

func (p *pace) keep(key workload.Key, n note) {
	if p.notes == nil {
		p.notes = map[workload.Key]note{}
	}
	p.notes[key] = n
}
