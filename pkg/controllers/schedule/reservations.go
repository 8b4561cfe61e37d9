// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
)

// reservations keep what was placed lately, so that two workloads are not both given the room that is there for one. What
// clusters report of their resources is some seconds old.
type reservations struct {
	mu       sync.Mutex
	clusters map[string]*ledger
}

// ledger is what was lately placed on one cluster.
type ledger struct {
	entries map[string]entry
	total   corev1.ResourceList
	order   []noted // entries by age; an entry that was set again is in it again
}

type noted struct {
	workload string
	at       time.Time
}

// entry is what a workload was lately given more.
type entry struct {
	before, replicas int64
	requests         corev1.ResourceList // of all of these replicas
	at               time.Time
}

func newReservations() *reservations {
	return &reservations{clusters: map[string]*ledger{}}
}

// of is what is reserved, as one workload sees it.
func (r *reservations) of(workload string, now time.Time) map[string]decision.Reservation {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]decision.Reservation{}
	for cluster, l := range r.clusters {
		l.expire(now)
		if len(l.entries) == 0 {
			delete(r.clusters, cluster)
			continue
		}
		own := l.entries[workload]
		others := l.total.DeepCopy()
		subtract(others, own.requests)
		out[cluster] = decision.Reservation{Own: own.replicas, Others: others}
	}
	return out
}

// reserve notes what a decision gives a workload more than it had.
func (r *reservations) reserve(workload string, requests corev1.ResourceList, was, is *v1alpha1.PlacementSpec, now time.Time) {
	before := map[string]int64{}
	for _, a := range was.Clusters {
		before[a.Name] = int64(ptr.Deref(a.Replicas, 0))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range is.Clusters {
		l := r.clusters[a.Name]
		if l == nil {
			l = &ledger{entries: map[string]entry{}, total: corev1.ResourceList{}}
			r.clusters[a.Name] = l
		}
		l.set(workload, before[a.Name], int64(ptr.Deref(a.Replicas, 0)), requests, now)
	}
}

// forget drops what was reserved for a workload that is no more.
func (r *reservations) forget(workload string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.clusters {
		l.remove(workload)
	}
}

// set notes that a workload has so many replicas now, counted from what it had before anything was reserved for it.
func (l *ledger) set(workload string, before, now int64, requests corev1.ResourceList, at time.Time) {
	if old, ok := l.entries[workload]; ok {
		before = old.before
		l.remove(workload)
	}
	if now <= before {
		return
	}
	e := entry{before: before, replicas: now - before, requests: corev1.ResourceList{}, at: at}
	for name, quantity := range requests {
		quantity = quantity.DeepCopy()
		quantity.Mul(e.replicas)
		e.requests[name] = quantity
		total := l.total[name]
		total.Add(quantity)
		l.total[name] = total
	}
	l.entries[workload] = e
	l.order = append(l.order, noted{workload, at})
}

func (l *ledger) remove(workload string) {
	subtract(l.total, l.entries[workload].requests)
	delete(l.entries, workload)
}

func (l *ledger) expire(now time.Time) {
	for len(l.order) > 0 && now.Sub(l.order[0].at) >= decision.ReservationLife {
		if oldest := l.order[0]; l.entries[oldest.workload].at.Equal(oldest.at) {
			l.remove(oldest.workload)
		}
		l.order = l.order[1:]
	}
}

func subtract(from, part corev1.ResourceList) {
	for name, quantity := range part {
		rest := from[name]
		rest.Sub(quantity)
		from[name] = rest
	}
}
