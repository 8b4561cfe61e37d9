// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"net/netip"
	"slices"
	"time"

	"drover.dev/drover/pkg/dns/snapshot"
)

// Router has the decisions about a service in every scope where it has clusters. It is safe for concurrent use.
type Router struct {
	all     Table // first, and in place: it is read for nearly every query
	Service *snapshot.Service
	// TTL is that of the service's records, in seconds.
	TTL uint32
	// Expires is the time from which on all this is to be decided anew, though nothing was changed; zero if never.
	Expires time.Time

	narrow []*Table // of the regions and zones where it has clusters
}

// NewRouter decides about a service, which must be complete and valid among the clusters.
func NewRouter(service *snapshot.Service, clusters Clusters, clock Clock) *Router {
	r := &Router{}
	r.Decide(service, clusters, clock)
	return r
}

// Decide is NewRouter for a router that is part of something larger, and has decided nothing yet.
func (r *Router) Decide(service *snapshot.Service, clusters Clusters, clock Clock) {
	r.Service, r.TTL = service, TTL(service, clusters, clock)
	all := judgeAll(service, clusters, clock)
	r.all.decide(service, all, Scope{})
	for i := range service.Backends {
		cluster := clusters[service.Backends[i].Cluster]
		for _, health := range []*snapshot.Health{&service.Backends[i].Health, &cluster.Health} {
			r.Expires = sooner(r.Expires, clock.next(health), clock.At)
		}
		at := &cluster.Location
		for _, scope := range []Scope{{Region: at.Region}, {Region: at.Region, Zone: at.Zone}} {
			if scope != (Scope{}) && r.table(scope) == nil {
				narrow := &Table{}
				narrow.decide(service, all, scope)
				r.narrow = append(r.narrow, narrow)
			}
		}
	}
	r.narrow = slices.Clip(r.narrow)
}

// Table returns the decision for a scope. If there is nobody to answer in it, the answer is the name of a wider scope
// instead, and ok is false: see Wider. For the scope of all clusters it is always true.
func (r *Router) Table(scope Scope) (table *Table, ok bool) {
	if scope == (Scope{}) {
		return &r.all, true
	}
	table = r.table(scope)
	return table, table != nil && table.Eligible()
}

// table is that of a part of the fleet; nil if the service has no cluster there. There are a handful.
func (r *Router) table(scope Scope) *Table {
	for _, t := range r.narrow {
		if t.scope == scope {
			return t
		}
	}
	return nil
}

// Candidates is how many clusters may be answered in the scope of all.
func (r *Router) Candidates() uint64 { return uint64(len(r.all.candidates)) }

// Warm reads what the decision in the scope of all clusters is made from, to have it in the processor's cache.
func (r *Router) Warm() (read uint64) {
	for i := range r.all.candidates {
		read += uint64(r.all.candidates[i].draw)
	}
	return read
}

// Wider is the scope that is asked instead of one in which nobody is eligible: zone, region, all.
func (s Scope) Wider() Scope {
	if s.Zone != "" {
		return Scope{Region: s.Region}
	}
	return Scope{}
}

// Family is a kind of address.
type Family uint8

const (
	IPv4 Family = iota
	IPv6
)

// families says what a backend is reached by.
type families struct {
	address [2]bool // of an alias: where no alias may stand
	alias   bool    // by a host name only
}

func familiesOf(b *snapshot.Backend) families {
	f := families{alias: len(b.Addresses) == 0 && b.Hostname != ""}
	for _, text := range b.AnswerAddresses() {
		if netip.MustParseAddr(text).Is4() {
			f.address[IPv4] = true
		} else {
			f.address[IPv6] = true
		}
	}
	return f
}

// Pick returns the index of the backend to answer for a family, the first of the order that has it. If the first of all
// is known by a host name only, it is answered for every family, unless aliases are forbidden; after another it is
// not answered, because a name has either an alias or addresses.
func (o *Order) Pick(family Family, aliases bool) (backend int, ok bool) {
	for position, i := range o.Backends {
		switch has := o.has[position]; {
		case has.alias && aliases:
			if position == 0 {
				return i, true
			}
		case has.address[family]:
			return i, true
		}
	}
	return 0, false
}
