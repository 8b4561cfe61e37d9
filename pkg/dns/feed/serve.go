// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
)

// replace serves a picture of everything.
func (f *Feed) replace(ctx context.Context) {
	f.clusters = clustersOf(f.objects)
	at := takenAt(f.clusters, f.now())
	s := &snapshot.Snapshot{Version: f.nextVersion(), Time: at, Zones: f.zones, Clusters: f.clusters}
	names := namesOf(f.clusters)
	services := make(map[snapshot.Key]*snapshot.Service)
	for _, key := range keysOf(f.objects) {
		if service := f.service(ctx, key, names, at); service != nil {
			services[key] = service
			s.Services = append(s.Services, *service)
		}
	}
	s.Complete()
	err := s.Validate()
	if err == nil {
		err = f.store.Replace(s)
	}
	if err != nil {
		klog.FromContext(ctx).Error(err, "The picture of the federation cannot be served; the last one is")
		return
	}
	f.last, f.changed = services, true
}

// update serves what has changed.
func (f *Feed) update(ctx context.Context, work work) {
	change := zone.Change{Version: f.nextVersion(), Time: takenAt(f.clusters, f.now())}
	switch {
	case work.clusters:
		before := f.clusters
		f.clusters = clustersOf(f.objects)
		change.Clusters, change.Time = changed(before, f.clusters), takenAt(f.clusters, f.now())
	case work.loads:
		f.clusters, change.Clusters = reloaded(f.clusters, clustersOf(f.objects), f.last)
	}
	names := namesOf(f.clusters)
	next := maps.Clone(f.last)
	for key := range work.services {
		service := f.service(ctx, key, names, change.Time)
		switch last := f.last[key]; {
		case service == nil && last != nil:
			change.Removed = append(change.Removed, key)
			delete(next, key)
		case service != nil && (last == nil || !reflect.DeepEqual(service, last)):
			change.Set = append(change.Set, *service)
			next[key] = service
		}
	}
	if !work.clusters && len(change.Clusters)+len(change.Set)+len(change.Removed) == 0 {
		return
	}
	if err := f.store.Update(change); err != nil {
		klog.FromContext(ctx).Error(err, "A change cannot be served by itself; everything is read anew", "services", work.services)
		f.replace(ctx)
		return
	}
	f.last = next
	f.changed = f.changed || len(change.Set)+len(change.Removed) > 0
}

// service makes a service as it is to be served; nil if there is none, or if it is such that it cannot be, which is
// logged.
func (f *Feed) service(ctx context.Context, key snapshot.Key, clusters sets.Set[string], at time.Time) *snapshot.Service {
	s, ok := serviceOf(f.objects, key, clusters)
	if !ok {
		return nil
	}
	again := settle(&s, f.last[key], at, f.damping)
	s.Complete()
	if err := s.Validate(field.NewPath("service").Key(key.String()), clusters).ToAggregate(); err != nil {
		klog.FromContext(ctx).Error(err, "A service cannot be served as it is", "namespace", key.Namespace, "name", key.Name)
		return nil
	}
	if again > 0 {
		time.AfterFunc(again, func() { f.pending.add(key) })
	}
	return &s
}

// nextVersion rises with each change, and from one run to the next.
func (f *Feed) nextVersion() int64 {
	version := f.now().Unix()
	if index := f.store.Load(); index != nil {
		version = max(version, index.Version+1)
	}
	return version
}

// changed are the clusters that are not as they were.
func changed(before, after []snapshot.Cluster) []snapshot.Cluster {
	same := func(c snapshot.Cluster) bool {
		return slices.ContainsFunc(before, func(b snapshot.Cluster) bool { return b.Name == c.Name && reflect.DeepEqual(b, c) })
	}
	return slices.DeleteFunc(slices.Clone(after), same)
}
