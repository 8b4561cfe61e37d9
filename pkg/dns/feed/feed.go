// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
	"drover.dev/drover/pkg/generated/clientset/versioned"
)

const (
	serviceKind, ingressKind = "Service", "Ingress"

	// gather is how long further changes are waited for, so that those of one write are one change.
	gather = 5 * time.Millisecond
	// renewInterval is how often it is seen to that the federation is still there, and what can wait is served.
	renewInterval = 10 * time.Second
	// probeTimeout is how long the federation may take to answer that it is.
	probeTimeout = 5 * time.Second
	// keepInterval is how often a picture is kept in which nothing has changed but its time.
	keepInterval = 5 * time.Minute
)

// Feed has a store follow a federation.
type Feed struct {
	store *zone.Store
	zones []snapshot.Zone
	// keep keeps a snapshot that is served for the next start; nil: none is kept.
	keep    func(*snapshot.Snapshot) error
	own     versioned.Interface
	objects *watched
	pending *pending
	first   chan struct{} // closed once there is a picture of this federation
	now     func() time.Time

	damping  routing.Damping
	clusters []snapshot.Cluster
	last     map[snapshot.Key]*snapshot.Service
	changed  bool // since it was kept
	kept     time.Time
}

// New makes a feed of a federation. What the store has, from an earlier run, is served until the federation has been
// read. Keep is given what is served from time to time; it may be nil.
func New(config *rest.Config, store *zone.Store, zones []snapshot.Zone, keep func(*snapshot.Snapshot) error) (*Feed, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "drover-dns"
	config.QPS = -1
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("federation client: %w", err)
	}
	own, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("federation client: %w", err)
	}
	return newFeed(own, kube, store, zones, keep), nil
}

func newFeed(own versioned.Interface, kube kubernetes.Interface, store *zone.Store, zones []snapshot.Zone, keep func(*snapshot.Snapshot) error) *Feed {
	f := &Feed{
		store: store, zones: zones, keep: keep, own: own, objects: newWatched(own, kube), pending: newPending(), first: make(chan struct{}),
		now: time.Now, damping: routing.DefaultDamping, last: make(map[snapshot.Key]*snapshot.Service),
	}
	f.objects.tell(f.handlers())
	return f
}

// First is closed when the federation has been read for the first time, and is served.
func (f *Feed) First() <-chan struct{} { return f.first }

// Run follows the federation until the context ends. While it cannot be reached, what was seen last is served on.
func (f *Feed) Run(ctx context.Context) {
	f.run(ctx)
	f.objects.shutdown() // not deferred: what follows runs on while there is a panic
}

func (f *Feed) run(ctx context.Context) {
	f.remember()
	if !f.objects.run(ctx) {
		return
	}
	f.pending.take()
	f.replace(ctx)
	close(f.first)
	f.save(ctx)
	tick := time.NewTicker(renewInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			f.save(context.WithoutCancel(ctx))
			return
		case <-f.pending.any:
			wait(ctx, gather)
			f.follow(ctx)
		case <-tick.C:
			f.renew(ctx)
			f.save(ctx)
		}
	}
}

// remember takes over the health of what is served, so that a restart does not forget who has yet to prove himself.
func (f *Feed) remember() {
	index := f.store.Load()
	if index == nil {
		return
	}
	served := index.Snapshot()
	for i := range served.Services {
		f.last[served.Services[i].Key()] = &served.Services[i]
	}
}

// follow serves what has changed.
func (f *Feed) follow(ctx context.Context) {
	work := f.pending.take()
	if work.everything {
		f.replace(ctx)
		return
	}
	f.update(ctx, work)
}

// renew makes the picture of the present time, if the federation can be reached, and serves what could wait.
func (f *Feed) renew(ctx context.Context) {
	probing, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if _, err := f.own.FederationV1alpha1().Clusters().List(probing, metav1.ListOptions{Limit: 1}); err != nil {
		if ctx.Err() == nil {
			klog.FromContext(ctx).Error(err, "The federation cannot be reached; what was seen last is served", "taken", f.store.Load().Time)
		}
		return
	}
	work := f.pending.take()
	work.clusters = true
	if work.everything {
		f.replace(ctx)
		return
	}
	f.update(ctx, work)
}

// save keeps what is served, if it has changed or is not as fresh as it might be.
func (f *Feed) save(ctx context.Context) {
	if f.keep == nil || (!f.changed && f.now().Sub(f.kept) < keepInterval) {
		return
	}
	if err := f.keep(f.store.Load().Snapshot()); err != nil {
		klog.FromContext(ctx).Error(err, "The snapshot is served, but could not be kept for the next start")
		return
	}
	f.changed, f.kept = false, f.now()
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
