// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package flatten

import (
	"context"
	"sync"
	"time"

	"k8s.io/component-base/metrics"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/dns/zone"
)

const (
	// A name is looked up again when its records end, but not more often than the one, nor less than the other.
	minInterval, maxInterval = 5 * time.Second, time.Hour
	// maxRetry is how soon at the latest a name is looked up again that could not be.
	maxRetry = time.Minute
	// deadline is how long one name may take.
	deadline = 10 * time.Second
	// atOnce is how many names are looked up at a time.
	atOnce = 8
)

// Lookup returns the addresses of a host, sorted, and how long they hold.
type Lookup func(ctx context.Context, host string) (addresses []string, ttl time.Duration, err error)

// Flattener looks up the names that a store's answers need.
type Flattener struct {
	store   *zone.Store
	lookup  Lookup
	lookups *metrics.CounterVec
	names   map[string]*name
}

// name is one that is looked up.
type name struct {
	due      time.Time
	failures int // in a row
}

// New makes a flattener for a store.
func New(store *zone.Store, lookup Lookup, registry metrics.KubeRegistry) *Flattener {
	f := &Flattener{store: store, lookup: lookup, names: make(map[string]*name), lookups: metrics.NewCounterVec(&metrics.CounterOpts{
		Subsystem: "drover_dns", Name: "lookups_total", StabilityLevel: metrics.ALPHA,
		Help: "Lookups of load balancers that are known by host name only, for the apex of a zone, by result: success or error.",
	}, []string{"result"})}
	registry.MustRegister(f.lookups)
	return f
}

// Run looks names up until the context ends: those that are new at once, and each again when its records end.
func (f *Flattener) Run(ctx context.Context) {
	for ctx.Err() == nil {
		changed := f.store.Changed()
		f.pass(ctx)
		wake, cancel := f.nextDue()
		select {
		case <-ctx.Done():
		case <-changed:
		case <-wake:
		}
		cancel()
	}
}

// nextDue returns a channel on which the time comes when a name is to be looked up, and what ends waiting for it.
func (f *Flattener) nextDue() (<-chan time.Time, func()) {
	var next time.Time
	for _, n := range f.names {
		if next.IsZero() || n.due.Before(next) {
			next = n.due
		}
	}
	if next.IsZero() {
		return nil, func() {}
	}
	timer := time.NewTimer(time.Until(next))
	return timer.C, func() { timer.Stop() }
}

// pass looks up what is due.
func (f *Flattener) pass(ctx context.Context) {
	index := f.store.Load()
	if index == nil {
		return
	}
	hosts := index.HostNames()
	last := f.names
	f.names = make(map[string]*name, len(hosts))
	var looking sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for _, host := range hosts {
		n := last[host]
		if n == nil {
			n = &name{}
		}
		f.names[host] = n
		if time.Until(n.due) > 0 {
			continue
		}
		looking.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			f.renew(ctx, host, n)
		})
	}
	looking.Wait()
}

// renew looks a name up, has served what was found, and notes when to do so again.
func (f *Flattener) renew(ctx context.Context, host string, n *name) {
	looking, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	addresses, ttl, err := f.lookup(looking, host)
	if ctx.Err() != nil {
		return
	}
	if err == nil {
		err = f.store.Resolve(map[string][]string{host: addresses})
	}
	if err != nil {
		n.failures++
		f.lookups.WithLabelValues("error").Inc()
		klog.FromContext(ctx).Error(err, "A load balancer's name could not be looked up; what was found last is served", "host", host)
	} else {
		n.failures = 0
		f.lookups.WithLabelValues("success").Inc()
	}
	n.due = time.Now().Add(interval(ttl, n.failures))
}

// interval is after how long a name is looked up again: when its records end, or, after failures in a row, sooner, and
// more seldom the more there were.
func interval(ttl time.Duration, failures int) time.Duration {
	if failures > 0 {
		return min(minInterval<<min(failures-1, 8), maxRetry)
	}
	return min(max(ttl, minInterval), maxInterval)
}
