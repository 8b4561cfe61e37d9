// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/miekg/dns"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
)

const (
	// gather is how long further changes are waited for: each update makes a version of the target's zone.
	gather = 200 * time.Millisecond
	// share is the part of the time that a pass over the names may take: after one, that many times as long is waited.
	share = 10
	// firstRetry and lastRetry are how long to wait after a failure, twice as long after each.
	firstRetry, lastRetry = time.Second, time.Minute
)

// writer keeps one target in step.
type writer struct {
	*Publisher
	client
	// state is what the target's zone holds; nil: it has to be read.
	state *zoneState
	read  time.Time

	services  map[snapshot.Key]*zone.Service // whose names were published
	names     map[snapshot.Key][]string
	conflicts sets.Set[setID]
}

func newWriter(p *Publisher, target *Target) *writer {
	return &writer{Publisher: p, client: client{target}, conflicts: sets.New[setID]()}
}

// run publishes until the context ends.
func (w *writer) run(ctx context.Context) {
	logger := klog.FromContext(ctx).WithValues("zone", w.Zone, "server", w.Server)
	retry := firstRetry
	for ctx.Err() == nil {
		changed, began := w.store.Changed(), time.Now()
		err := w.pass(ctx)
		pause := max(gather, share*time.Since(began))
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			retry = firstRetry
			w.metrics.passes.WithLabelValues(w.Zone, w.Server, "success").Inc()
			w.metrics.lastSuccess.WithLabelValues(w.Zone, w.Server).SetToCurrentTime()
		default:
			logger.Error(err, "The other server could not be brought in step; it is tried again", "after", retry)
			w.metrics.passes.WithLabelValues(w.Zone, w.Server, "error").Inc()
			w.state = nil
			pause, changed, retry = retry, nil, min(2*retry, lastRetry)
		}
		w.wait(ctx, changed, pause)
	}
}

// wait waits for a change, or until the zone is to be read again, but at least for the pause. Without changed it waits
// for the pause.
func (w *writer) wait(ctx context.Context, changed <-chan struct{}, pause time.Duration) {
	if changed != nil {
		reread := time.NewTimer(time.Until(w.read.Add(w.reread)))
		defer reread.Stop()
		select {
		case <-ctx.Done():
		case <-reread.C:
			w.state = nil
		case <-changed:
		}
	}
	pausing := time.NewTimer(pause)
	defer pausing.Stop()
	select {
	case <-ctx.Done():
	case <-pausing.C:
	}
}

// pass brings the target in step with what is served now.
func (w *writer) pass(ctx context.Context) error {
	index := w.store.Load()
	zones := w.zonesOf(index)
	if len(zones) == 0 {
		return fmt.Errorf("none of the zones that are served is %s, or lies in it", w.Zone)
	}
	whole := w.state == nil
	if whole {
		if err := w.readZone(ctx); err != nil {
			return fmt.Errorf("read the zone: %w", err)
		}
	}
	touched := w.refresh(index, zones)
	if whole {
		touched = w.allNames(zones)
	}
	want := w.wanted(index, touched)
	changes, conflicts := plan(sets.List(touched), want, w.state)
	w.report(ctx, touched, conflicts)
	for _, batch := range batches(changes) {
		if err := w.apply(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// zonesOf are the zones that are served and published here.
func (w *writer) zonesOf(index *zone.Index) (names []string) {
	for name := range index.Zones() {
		if dns.IsSubDomain(w.Zone, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (w *writer) readZone(ctx context.Context) error {
	records, err := w.transfer(ctx)
	if err != nil {
		return err
	}
	w.state, w.read = stateOf(records, w.Owner), time.Now()
	w.services, w.names, w.conflicts = make(map[snapshot.Key]*zone.Service), make(map[snapshot.Key][]string), sets.New[setID]()
	return nil
}

// refresh finds out which names services have now, and returns those of all services that have changed, or are gone.
func (w *writer) refresh(index *zone.Index, zones []string) sets.Set[string] {
	touched := sets.New[string]()
	if w.Withdraw {
		return touched
	}
	for key := range w.services {
		if index.Service(key) == nil {
			touched.Insert(w.names[key]...)
			delete(w.services, key)
			delete(w.names, key)
		}
	}
	for _, key := range index.Keys() {
		service := index.Service(key)
		if w.services[key] == service && !key.Hosts { // which service has a host depends on others
			continue
		}
		var names []string
		for _, z := range zones {
			for _, name := range index.Names(z, key) {
				names = append(names, dns.CanonicalName(name))
			}
		}
		touched.Insert(w.names[key]...)
		touched.Insert(names...)
		w.services[key], w.names[key] = service, names
	}
	return touched
}

// allNames are those of all services, and those that were published at some time.
func (w *writer) allNames(zones []string) sets.Set[string] {
	all := sets.New[string]()
	for _, names := range w.names {
		all.Insert(names...)
	}
	for id := range w.state.owned {
		if slices.ContainsFunc(zones, func(z string) bool { return dns.IsSubDomain(z, id.name) }) {
			all.Insert(id.name)
		}
	}
	return all
}

// wanted are the sets that names are to have. A name that is there and has none is given an empty one: then its mark is
// below it, and nobody is told that there is no such name.
func (w *writer) wanted(index *zone.Index, names sets.Set[string]) map[string]map[uint16][]dns.RR {
	declared := sets.New[string]()
	for _, of := range w.names {
		for _, name := range of {
			if names.Has(name) {
				declared.Insert(name)
			}
		}
	}
	want := make(map[string]map[uint16][]dns.RR, len(declared))
	for name := range declared {
		types := make(map[uint16][]dns.RR)
		for id, set := range setsOf(index.RecordsOf(name)) {
			types[id.rrtype] = set
		}
		if len(types) == 0 {
			types[dns.TypeA] = nil
		}
		maps.DeleteFunc(types, func(rrtype uint16, _ []dns.RR) bool {
			_, ok := dns.IsDomainName(markName(setID{name, rrtype}))
			return !ok // too long for a mark
		})
		want[name] = types
	}
	return want
}

// report tells of conflicts once, and counts them.
func (w *writer) report(ctx context.Context, touched sets.Set[string], conflicts []setID) {
	logger := klog.FromContext(ctx)
	for id := range w.conflicts {
		if touched.Has(id.name) && !slices.Contains(conflicts, id) {
			w.conflicts.Delete(id)
		}
	}
	for _, id := range conflicts {
		if !w.conflicts.Has(id) {
			w.conflicts.Insert(id)
			logger.Info("Records are not published: the other server has some there that are not of this owner", "set", id, "server", w.Server, "owner", w.Owner)
		}
	}
	w.metrics.conflicts.WithLabelValues(w.Zone, w.Server).Set(float64(len(w.conflicts)))
}

// apply makes changes. Where one cannot be made because the zone is not as it was seen, the others are made, and the zone
// is read again.
func (w *writer) apply(ctx context.Context, changes []change) error {
	rcode, err := w.update(ctx, changes)
	switch {
	case err != nil:
		return fmt.Errorf("update: %w", err)
	case rcode == dns.RcodeSuccess:
		w.metrics.changes.WithLabelValues(w.Zone, w.Server).Add(float64(len(changes)))
		for _, c := range changes {
			w.state.done(c)
		}
		return nil
	case len(changes) == 1:
		return fmt.Errorf("update of %s: the zone is not as it was read a moment ago (%s)", changes[0].name, dns.RcodeToString[rcode])
	}
	half := len(changes) / 2
	first := w.apply(ctx, changes[:half])
	if second := w.apply(ctx, changes[half:]); second != nil {
		return second
	}
	return first
}
