// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"context"
	"net/http"
	"sync"
)

// gate is closed while a member is lost. The zero value is open.
type gate struct {
	mu     sync.Mutex
	closed chan struct{} // is closed when the gate opens; nil while it is open
}

// wait waits until the gate is open. It fails only when the context ends.
func (g *gate) wait(ctx context.Context) error {
	g.mu.Lock()
	closed := g.closed
	g.mu.Unlock()
	if closed == nil {
		return nil
	}
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed == nil {
		g.closed = make(chan struct{})
	}
}

// open says whether the gate was closed.
func (g *gate) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed == nil {
		return false
	}
	close(g.closed)
	g.closed = nil
	return true
}

// Hold holds back all work for a member that is lost, and whatever else is asked of it, but the probe. Connections are
// closed: those that hang would keep watches, and the next probe, from noticing that the member is back.
func (m *Member) Hold() {
	m.gate.close()
	m.dialer.CloseAll()
}

// Resume lets work for the member go on. It says whether it was held.
func (m *Member) Resume() bool { return m.gate.open() }

// probing is the key of a context whose requests are not held.
type probing struct{}

// hold has requests wait while the member is lost.
func (m *Member) hold(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if request.Context().Value(probing{}) == nil {
			if err := m.gate.wait(request.Context()); err != nil {
				return nil, err
			}
		}
		return next.RoundTrip(request)
	})
}
