// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/dns/snapshot"
)

// Store has the index that is served, and replaces it. Readers never wait.
type Store struct {
	writing sync.Mutex
	current atomic.Pointer[Index]
	changed chan struct{} // closed when another index is served; nil: nobody waits
}

// Change is what has changed since the last snapshot.
type Change struct {
	// Version is above that of the last; Time is when the picture was taken.
	Version int64
	Time    time.Time
	// Set are services that are new or have changed; Removed are those that are gone.
	Set     []snapshot.Service
	Removed []snapshot.Key
	// Clusters are clusters that have changed in anything but their place. A cluster that comes, goes or moves needs a
	// new snapshot.
	Clusters []snapshot.Cluster

	resolved map[string][]string // see Store.Resolve
}

// Load returns the index that is served; nil if there has never been one.
func (s *Store) Load() *Index { return s.current.Load() }

// Changed returns a channel that is closed when another index is served than at the time of the call.
func (s *Store) Changed() <-chan struct{} {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// serve has an index served, and tells who waits for one.
func (s *Store) serve(next *Index) {
	s.current.Store(next)
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Replace serves another snapshot, which must be complete and valid. One that is older than what is served is refused.
func (s *Store) Replace(next *snapshot.Snapshot) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if last := s.current.Load(); last != nil && next.Version < last.Version {
		return fmt.Errorf("version %d is older than %d, which is served: raise version", next.Version, last.Version)
	}
	if last := s.current.Load(); last != nil {
		s.serve(newIndex(next, last))
	} else {
		s.serve(NewIndex(next))
	}
	return nil
}

// Update serves a change. Only what it touches is made anew; on an error nothing is.
func (s *Store) Update(change Change) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	last := s.current.Load()
	switch {
	case last == nil:
		return fmt.Errorf("there is no snapshot yet that could change")
	case change.Version <= last.Version:
		return fmt.Errorf("version %d is not newer than %d, which is served", change.Version, last.Version)
	}
	next, err := last.with(change)
	if err != nil {
		return err
	}
	s.serve(next)
	return nil
}

// with returns the index after a change.
func (ix *Index) with(change Change) (*Index, error) {
	next := ix.copied()
	bare := *ix.snapshot
	bare.Version, bare.Time, bare.Checksum = change.Version, change.Time, ""
	next.snapshot, next.Version, next.Time = &bare, change.Version, change.Time
	next.serial = max(change.Version, ix.serial+1)
	next.clock.At = change.Time
	next.setZones(&bare)

	touched := sets.New[snapshot.Key]()
	if err := next.changeClusters(change.Clusters, touched); err != nil {
		return nil, err
	}
	next.setResolved(change.resolved, touched)
	hosts := false
	for _, key := range change.Removed {
		delete(next.services, key)
		touched.Delete(key)
		hosts = hosts || key.Hosts
	}
	names := sets.KeySet(next.fleet.clusters)
	fresh := make(map[snapshot.Key]*snapshot.Service, len(change.Set))
	for i := range change.Set {
		service := change.Set[i].Clone() // it may be of a snapshot that is being served
		service.Complete()
		if err := service.Validate(field.NewPath("services").Key(service.Key().String()), names).ToAggregate(); err != nil {
			return nil, err
		}
		fresh[service.Key()] = &service
		touched.Insert(service.Key())
	}
	for key, service := range next.services {
		if fresh[key] == nil && (touched.Has(key) || service.expired(change.Time)) {
			fresh[key] = service.Service
		}
	}
	for key, service := range fresh {
		next.services[key] = next.newService(service, ix.services[key])
		hosts = hosts || key.Hosts
	}
	next.reindex(ix, fresh, change.Removed)
	if hosts {
		next.indexHosts()
	}
	return next, nil
}

// reindex brings the names up to date with what has changed since the last index.
func (ix *Index) reindex(last *Index, fresh map[snapshot.Key]*snapshot.Service, removed []snapshot.Key) {
	ix.names = last.names.clone()
	for _, key := range removed {
		if service := last.services[key]; service != nil && !key.Hosts {
			ix.names.remove(service)
		}
	}
	for key := range fresh {
		if !key.Hosts {
			ix.names.set(ix.services[key])
		}
	}
}

// changeClusters changes clusters in place of the old ones, and adds to touched the services that they run.
func (ix *Index) changeClusters(changed []snapshot.Cluster, touched sets.Set[snapshot.Key]) error {
	if len(changed) == 0 {
		return nil
	}
	all := append([]snapshot.Cluster(nil), ix.snapshot.Clusters...)
	names, fuller := sets.New[string](), sets.New[string]() // of the latter, only the load has changed
	for _, cluster := range changed {
		at := indexOf(all, cluster.Name)
		if at < 0 || place(&all[at]) != place(&cluster) {
			return fmt.Errorf("cluster %q is new or has moved: that needs a new snapshot", cluster.Name)
		}
		cluster.Complete()
		last := all[at]
		last.LoadPercent = cluster.LoadPercent
		if reflect.DeepEqual(last, cluster) {
			fuller.Insert(cluster.Name)
		} else {
			names.Insert(cluster.Name)
		}
		all[at] = cluster
	}
	whole := *ix.snapshot
	whole.Clusters = all
	if err := whole.Validate(); err != nil {
		return err
	}
	ix.snapshot, ix.fleet = &whole, newFleet(all)
	for key, service := range ix.services {
		for i := range service.Service.Backends {
			cluster := service.Service.Backends[i].Cluster
			if names.Has(cluster) || (service.Service.Saturation != nil && fuller.Has(cluster)) {
				touched.Insert(key)
			}
		}
	}
	return nil
}

func indexOf(clusters []snapshot.Cluster, name string) int {
	for i := range clusters {
		if clusters[i].Name == name {
			return i
		}
	}
	return -1
}

// place is what names are made of.
func place(c *snapshot.Cluster) [2]string { return [2]string{c.Location.Region, c.Location.Zone} }

func (s *Service) expired(at time.Time) bool { return !s.Expires.IsZero() && !at.Before(s.Expires) }
