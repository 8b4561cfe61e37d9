// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"slices"
	"sync/atomic"

	"drover.dev/drover/pkg/dns/snapshot"
)

// counts are how many answers of a service led to each of its backends. They live as long as the service does, over all
// indexes that it is in.
type counts []atomic.Uint64

// newCounts makes the counts of a service, which goes on with those that it had before; nil if it is new.
func newCounts(s *snapshot.Service, before *Service) counts {
	next := make(counts, len(s.Backends))
	if before == nil {
		return next
	}
	last := before.Service.Backends
	if slices.EqualFunc(last, s.Backends, func(a, b snapshot.Backend) bool { return a.Cluster == b.Cluster }) {
		return before.counts
	}
	for i := range next {
		name := s.Backends[i].Cluster
		if at := slices.IndexFunc(last, func(b snapshot.Backend) bool { return b.Cluster == name }); at >= 0 {
			next[i].Store(before.counts[at].Load())
		}
	}
	return next
}

// leads notes to which backend of its service an answer leads.
func (a *Answer) leads(backend int) { a.led, a.backend = true, backend }

// Cluster is where an answer leads to; empty if nowhere.
func (a *Answer) Cluster() string {
	if !a.led || a.Service == nil {
		return ""
	}
	return a.Service.Service.Backends[a.backend].Cluster
}

// Count counts an answer that is given, by the cluster that it leads to, if it does.
func (a *Answer) Count() {
	if a.led && a.Service != nil {
		a.Service.counts[a.backend].Add(1)
	}
}

// Counts calls a function for each cluster that an answer has led to: with the service's key, and the number of answers.
func (ix *Index) Counts(each func(key snapshot.Key, cluster string, answers uint64)) {
	for key, service := range ix.services {
		for i := range service.counts {
			if n := service.counts[i].Load(); n > 0 {
				each(key, service.Service.Backends[i].Cluster, n)
			}
		}
	}
}
