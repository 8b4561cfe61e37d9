//go:build bench && linux

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"

	"drover.dev/drover/test/fleet"
)

// arrivals tells when Deployments are in simulated clusters, as those store them.
type arrivals struct {
	mu       sync.Mutex
	expected *arrival
}

// arrival is that Deployments come to meet a condition in clusters. One is waited for at a time.
type arrival struct {
	meets   condition
	missing map[[2]string]bool // cluster and name
	last    time.Time
	met     chan struct{}
}

func newArrivals() *arrivals { return &arrivals{} }

// expect begins to wait for what does not meet the condition yet.
func (a *arrivals) expect(f *fleet.Fleet, names []string, meets condition) *arrival {
	e := &arrival{meets: meets, missing: map[[2]string]bool{}, met: make(chan struct{})}
	for _, c := range f.Clusters {
		for _, name := range names {
			e.missing[[2]string{c.Name, name}] = true
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.expected = e
	return e
}

func (a *arrivals) see(w fleet.Write) {
	d, ok := w.Object.(*appsv1.Deployment)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	e, key := a.expected, [2]string{w.Cluster, w.Name}
	if e == nil || !e.missing[key] || w.Deleted || !e.meets(d) {
		return
	}
	delete(e.missing, key)
	if len(e.missing) == 0 {
		e.last = w.Time
		a.expected = nil
		close(e.met)
	}
}

// wait waits for the last of them, and returns when it came.
func (e *arrival) wait(b *testing.B) time.Time {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), fleetPatience)
	defer cancel()
	select {
	case <-e.met:
		return e.last
	case <-ctx.Done():
		b.Fatal("the clusters still wait for some Deployments: ", ctx.Err())
		return time.Time{}
	}
}
