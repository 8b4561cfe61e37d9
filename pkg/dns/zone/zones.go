// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/wire"
)

// Timers of the SOA, in seconds, for secondaries that transfer the zone.
const (
	soaRefresh = 60
	soaRetry   = 15
	soaExpire  = 7 * 24 * 3600
)

func (ix *Index) setZones(s *snapshot.Snapshot) {
	ix.zones, ix.depths = make(map[string]*Zone, len(s.Zones)), nil
	for i := range s.Zones {
		z := newZone(&s.Zones[i], ix.serial)
		ix.zones[z.wire] = z
		ix.depths = append(ix.depths, z.labels)
	}
	slices.Sort(ix.depths)
	ix.depths = slices.Compact(ix.depths)
	slices.Reverse(ix.depths)
}

func newZone(s *snapshot.Zone, serial int64) *Zone {
	z := &Zone{
		Name:       dns.Fqdn(s.Name),
		labels:     dns.CountLabel(s.Name),
		federation: s.Federation,
		negative:   s.NegativeTTLSeconds,
		servers:    make(map[string]bool),
	}
	z.wire, _ = wire.Pack(s.Name)
	z.soa = &dns.SOA{
		Hdr:     header(z.Name, dns.TypeSOA, s.TTLSeconds),
		Ns:      dns.Fqdn(s.NameServers[0].Name),
		Mbox:    mailbox(s.Mailbox),
		Serial:  uint32(serial), // serial numbers wrap around (RFC 1982)
		Refresh: soaRefresh,
		Retry:   soaRetry,
		Expire:  soaExpire,
		Minttl:  s.NegativeTTLSeconds,
	}
	for _, server := range s.NameServers {
		name := dns.Fqdn(server.Name)
		z.ns = append(z.ns, &dns.NS{Hdr: header(z.Name, dns.TypeNS, s.TTLSeconds), Ns: name})
		if !snapshot.Within(server.Name, s.Name) {
			continue
		}
		for _, text := range server.Addresses {
			z.glue = append(z.glue, addressRecord(name, netip.MustParseAddr(text), s.TTLSeconds))
		}
		z.addServer(server.Name)
	}
	return z
}

func (z *Zone) addServer(name string) {
	wireName, _ := wire.Pack(name)
	z.servers[wireName] = true
	for parent := parentOf(wireName); len(parent) > len(z.wire); parent = parentOf(parent) {
		if _, known := z.servers[parent]; !known {
			z.servers[parent] = false
		}
	}
}

// SOA returns the zone's SOA record.
func (z *Zone) SOA() *dns.SOA { return z.soa }

// negativeSOA returns the SOA for the authority section of an answer that there is nothing, to be kept for at most ttl
// (RFC 2308, section 3).
func (z *Zone) negativeSOA(ttl uint32) *dns.SOA {
	soa := *z.soa
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl, ttl)
	return &soa
}

func header(name string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: name, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

func addressRecord(name string, addr netip.Addr, ttl uint32) dns.RR {
	if addr.Is4() {
		return &dns.A{Hdr: header(name, dns.TypeA, ttl), A: addr.AsSlice()}
	}
	return &dns.AAAA{Hdr: header(name, dns.TypeAAAA, ttl), AAAA: addr.AsSlice()}
}

func familyOf(qtype uint16) (family routing.Family, ok bool) {
	switch qtype {
	case dns.TypeA:
		return routing.IPv4, true
	case dns.TypeAAAA:
		return routing.IPv6, true
	}
	return 0, false
}

func sortKeys(keys []snapshot.Key) {
	slices.SortFunc(keys, func(a, b snapshot.Key) int {
		hosts := 0
		if a.Hosts != b.Hosts {
			hosts = 1
			if b.Hosts {
				hosts = -1
			}
		}
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), hosts)
	})
}

// portPrefix is what goes before the name of a service for the name of its port.
func portPrefix(port *snapshot.Port) string {
	return "_" + port.Name + "._" + strings.ToLower(port.Protocol) + "."
}
