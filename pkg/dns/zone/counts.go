// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"slices"
	"sync/atomic"

	"drover.dev/drover/pkg/dns/snapshot"
)

// counts are how many answers of a service led to each of its clusters. They live as long as the service does, over all
// indexes that it is in.
type counts struct {
	clusters []string
	answers  []atomic.Uint64 // by the index of the backend
}

// newCounts makes the counts of a service that were those of the same service before, nil if it is new.
func newCounts(s *snapshot.Service, before *counts) *counts {
	next := &counts{clusters: make([]string, len(s.Backends)), answers: make([]atomic.Uint64, len(s.Backends))}
	for i := range s.Backends {
		next.clusters[i] = s.Backends[i].Cluster
	}
	if before == nil {
		return next
	}
	if slices.Equal(before.clusters, next.clusters) {
		return before
	}
	for i, cluster := range next.clusters {
		if at := slices.Index(before.clusters, cluster); at >= 0 {
			next.answers[i].Store(before.answers[at].Load())
		}
	}
	return next
}

// inherit takes over what the services of another index have counted; nil: there is none.
func (ix *Index) inherit(last *Index) {
	if last == nil {
		return
	}
	for key, service := range ix.services {
		if before := last.services[key]; before != nil {
			service.counts = newCounts(service.Service, before.counts)
		}
	}
}

// leads notes to which backend of its service an answer leads.
func (a *Answer) leads(backend int) {
	a.backend = backend
	a.Cluster = a.Service.Service.Backends[backend].Cluster
}

// Count counts an answer that is given, by the cluster that it leads to, if it does.
func (a *Answer) Count() {
	if a.Cluster != "" && a.Service != nil {
		a.Service.counts.answers[a.backend].Add(1)
	}
}

// Counts calls a function for each cluster that an answer has led to: with the service's key, and the number of answers.
func (ix *Index) Counts(each func(key snapshot.Key, cluster string, answers uint64)) {
	for key, service := range ix.services {
		for i, cluster := range service.counts.clusters {
			if n := service.counts.answers[i].Load(); n > 0 {
				each(key, cluster, n)
			}
		}
	}
}
