// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"sync"
	"time"

	"drover.dev/drover/pkg/dns/zone"
)

// Publisher keeps targets in step with a store.
type Publisher struct {
	store   *zone.Store
	metrics *Metrics
	// reread is how often the target's zone is read, to see what others have done there.
	reread time.Duration

	mu      sync.Mutex
	targets []Target
	changed chan struct{} // closed when there are other targets
}

const defaultReread = 10 * time.Minute

// New makes a publisher without targets.
func New(store *zone.Store, metrics *Metrics) *Publisher {
	return &Publisher{store: store, metrics: metrics, reread: defaultReread, changed: make(chan struct{})}
}

// Set replaces the targets by those of a file in YAML or JSON. What was published to one that is not among them stays
// there.
func (p *Publisher) Set(data []byte) error {
	targets, err := parse(data)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = targets
	close(p.changed)
	p.changed = make(chan struct{})
	return nil
}

func (p *Publisher) current() ([]Target, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.targets, p.changed
}

// Run publishes until the context ends. There must be something to serve by now.
func (p *Publisher) Run(ctx context.Context) {
	for ctx.Err() == nil {
		targets, changed := p.current()
		running, cancel := context.WithCancel(ctx)
		var group sync.WaitGroup
		for i := range targets {
			w := newWriter(p, &targets[i])
			group.Go(func() { w.run(running) })
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
		cancel()
		group.Wait()
	}
}
