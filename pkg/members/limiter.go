// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// slotsPerCPU is how much work is begun at once for each CPU, over all members.
	slotsPerCPU = 16
	// busy is how long work is taken to need the CPU. What takes longer waits for a member, and holds nobody up.
	busy = 100 * time.Millisecond
)

// limiter lets work for members begin as fast as this process keeps up with it, in turn: one piece for each member that
// has some waiting and room for it. Each member has a lane of its own.
type limiter struct {
	mu    sync.Mutex
	free  int     // slots
	turns []*lane // those that can go on, in the order in which they do
}

func newLimiter() *limiter { return &limiter{free: slotsPerCPU * runtime.GOMAXPROCS(0)} }

// lane is the work for one member.
type lane struct {
	limiter  *limiter
	window   window
	waiting  []*pass // the first to come is the first to go
	underWay int
	inTurns  bool
}

func (l *limiter) newLane() *lane { return &lane{limiter: l, window: newWindow()} }

// pass is one piece of work.
type pass struct {
	lane  *lane
	begun chan struct{} // closed when it may begin
	slot  bool          // whether it has one
}

// enter waits until work may begin, and returns what ends it. It fails only when the context ends.
func (n *lane) enter(ctx context.Context) (leave func(), err error) {
	p := n.ask()
	select {
	case <-p.begun:
	case <-ctx.Done():
		p.leave()
		return nil, ctx.Err()
	}
	timer := time.AfterFunc(busy, p.yield)
	return func() {
		timer.Stop()
		p.leave()
	}, nil
}

// Enter waits until work for the member may begin: not while the member is lost, not more at once than it keeps up with, nor
// than this process does, in turn with the other members. It returns what ends the work, and fails only when the context
// ends.
func (m *Member) Enter(ctx context.Context) (leave func(), err error) {
	if err := m.gate.wait(ctx); err != nil {
		return nil, err
	}
	return m.lane.enter(ctx)
}

// answered takes note of a request to the member; see window.
func (n *lane) answered(began, ended time.Time, overloaded bool) {
	n.limiter.mu.Lock()
	defer n.limiter.mu.Unlock()
	n.window.answered(began, ended, overloaded)
	n.limiter.goOn(n)
}

// ask has a piece of work wait for its turn.
func (n *lane) ask() *pass {
	n.limiter.mu.Lock()
	defer n.limiter.mu.Unlock()
	p := &pass{lane: n, begun: make(chan struct{})}
	n.waiting = append(n.waiting, p)
	n.limiter.goOn(n)
	return p
}

// yield gives the slot back of work that goes on.
func (p *pass) yield() {
	l := p.lane.limiter
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.slot {
		p.slot = false
		l.free++
		l.goOn(p.lane)
	}
}

// leave ends work, or the wait for it.
func (p *pass) leave() {
	p.yield()
	n := p.lane
	n.limiter.mu.Lock()
	defer n.limiter.mu.Unlock()
	if i := slices.Index(n.waiting, p); i >= 0 {
		n.waiting = slices.Delete(n.waiting, i, i+1)
		return
	}
	n.underWay--
	n.limiter.goOn(n)
}

// goOn lets work begin, after something has changed for a lane.
func (l *limiter) goOn(changed *lane) {
	l.line(changed)
	for l.free > 0 && len(l.turns) > 0 {
		n := l.turns[0]
		l.turns = l.turns[1:]
		n.inTurns = false
		if !n.ready() {
			continue
		}
		p := n.waiting[0]
		n.waiting = n.waiting[1:]
		n.underWay++
		l.free--
		p.slot = true
		close(p.begun)
		l.line(n)
	}
}

// line puts a lane at the end of those that can go on, if it can.
func (l *limiter) line(n *lane) {
	if n.ready() && !n.inTurns {
		n.inTurns = true
		l.turns = append(l.turns, n)
	}
}

func (n *lane) ready() bool { return len(n.waiting) > 0 && n.underWay < n.window.room() }
