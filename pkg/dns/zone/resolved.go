// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/sets"

	"drover.dev/drover/pkg/dns/snapshot"
)

// HostNames are the names of load balancers that nothing else is known of, and that no alias may lead to: those at the
// apexes of zones. Somebody has to look them up: see Store.Resolve. They are sorted.
func (ix *Index) HostNames() []string {
	names := sets.New[string]()
	for apex := range ix.zones {
		h := ix.hosts[apex]
		if h == nil || h.service == nil {
			continue
		}
		for i := range h.service.Service.Backends {
			if b := &h.service.Service.Backends[i]; byNameOnly(b) {
				names.Insert(b.Hostname)
			}
		}
	}
	return sets.List(names)
}

func byNameOnly(b *snapshot.Backend) bool {
	return b.Hostname != "" && len(b.Addresses) == 0 && len(b.HostnameAddresses) == 0
}

// Resolve serves the addresses that host names were looked up as. A name with none is known to have none; one that is not
// among them keeps its last. Of the snapshot nothing else changes, nor its version.
func (s *Store) Resolve(found map[string][]string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	last := s.current.Load()
	if last == nil {
		return nil
	}
	news := maps.Clone(found)
	maps.DeleteFunc(news, func(host string, addresses []string) bool {
		known, ok := last.snapshot.Resolved[host]
		return ok && slices.Equal(known, addresses)
	})
	if len(news) == 0 {
		return nil
	}
	next, err := last.with(Change{Version: last.Version, Time: last.Time, resolved: news})
	if err != nil {
		return err
	}
	s.serve(next)
	return nil
}

// setResolved takes over what was looked up, forgets what nobody needs any more, and adds to touched the services that
// are answered by it.
func (ix *Index) setResolved(found map[string][]string, touched sets.Set[snapshot.Key]) {
	if len(found) == 0 {
		return
	}
	needed := sets.New(ix.HostNames()...)
	ix.snapshot.Resolved = merged(ix.snapshot.Resolved, found)
	maps.DeleteFunc(ix.snapshot.Resolved, func(host string, _ []string) bool { return !needed.Has(host) })
	for key, service := range ix.services {
		for i := range service.Service.Backends {
			b := &service.Service.Backends[i]
			if _, news := found[b.Hostname]; news && byNameOnly(b) {
				touched.Insert(key)
			}
		}
	}
}

// resolved is a service with what the names of its load balancers were looked up as.
func (ix *Index) resolved(s *snapshot.Service) *snapshot.Service {
	differs := func(b snapshot.Backend) bool { return !slices.Equal(b.Resolved, ix.addressesOf(&b)) }
	if !slices.ContainsFunc(s.Backends, differs) {
		return s
	}
	filled := s.Clone()
	for i := range filled.Backends {
		filled.Backends[i].Resolved = ix.addressesOf(&filled.Backends[i])
	}
	return &filled
}

func (ix *Index) addressesOf(b *snapshot.Backend) []string {
	if !byNameOnly(b) {
		return nil
	}
	return ix.snapshot.Resolved[b.Hostname]
}

// merged has what both have, and of what both have the second; nil if that is nothing.
func merged(first, second map[string][]string) map[string][]string {
	if len(first)+len(second) == 0 {
		return nil
	}
	out := make(map[string][]string, len(first)+len(second))
	maps.Copy(out, first)
	maps.Copy(out, second)
	return out
}
