// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"slices"
	"strings"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/wire"
)

// Records returns a zone, by name with the dot at the end, as a list of records for a transfer: the SOA first and last.
// It is what a client of whom nothing is known is answered; a secondary cannot tell clients apart. It is nil if there
// is no such zone.
func (ix *Index) Records(name string) []dns.RR {
	z := ix.Zones()[name]
	if z == nil {
		return nil
	}
	records := append([]dns.RR{z.soa}, z.ns...)
	records = append(records, z.glue...)
	for _, key := range ix.Keys() {
		for _, owner := range ix.Names(name, key) {
			records = append(records, ix.RecordsOf(owner)...)
		}
	}
	return append(records, z.soa)
}

// Keys are those of all services, in order.
func (ix *Index) Keys() []snapshot.Key { return sortedKeys(ix.services) }

// Service returns a service; nil if there is none. As long as nothing about it changes, it is the same in each index.
func (ix *Index) Service(key snapshot.Key) *Service { return ix.services[key] }

// Names are those under which a service has records in a zone, which is by name with the dot at the end.
func (ix *Index) Names(zone string, key snapshot.Key) []string {
	z, s := ix.Zones()[zone], ix.services[key]
	if z == nil || s == nil {
		return nil
	}
	if s.Key.Hosts {
		return slices.DeleteFunc(slices.Clone(s.Service.Hosts), func(host string) bool {
			packed, _ := wire.Pack(host)
			return ix.zoneOf(packed) != z || ix.hosts[packed].service != s
		})
	}
	scopes := []routing.Scope{{}}
	for _, name := range sortedNames(ix.fleet.regions) {
		scopes = append(scopes, routing.Scope{Region: name})
		for _, zoneName := range sortedNames(ix.fleet.regions[name].zones) {
			scopes = append(scopes, routing.Scope{Region: name, Zone: zoneName})
		}
	}
	var names []string
	for _, scope := range scopes {
		names = append(names, z.nameOf(node{service: s}, scope))
	}
	for i := range s.Service.Backends {
		names = append(names, z.clusterName(s.Key, s.Service.Backends[i].Cluster))
	}
	for _, name := range slices.Clone(names) {
		for i := range s.ports {
			names = append(names, portPrefix(&s.ports[i])+name)
		}
	}
	return names
}

// RecordsOf are the records that are owned by a name, for a client of whom nothing is known.
func (ix *Index) RecordsOf(owner string) (records []dns.RR) {
	var name wire.Name
	if !name.Parse(owner) {
		return nil
	}
	owner = dns.Fqdn(strings.ToLower(owner))
	var a Answer
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV} {
		ix.Answer(&Question{Name: &name, Text: func() string { return owner }, Type: qtype, Client: &routing.Client{}}, &a)
		a.Expand(owner)
		for _, rr := range a.Answer {
			if rr.Header().Name != owner || !packs(rr) {
				continue
			}
			records = append(records, rr)
			if rr.Header().Rrtype == dns.TypeCNAME {
				return records // for every type
			}
		}
	}
	return records
}

// packs reports whether a record can be sent: a name in it may be too long, though its owner is not.
func packs(rr dns.RR) bool {
	_, err := dns.PackRR(rr, make([]byte, dns.Len(rr)), 0, nil, false)
	return err == nil
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
