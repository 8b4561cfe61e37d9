// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/wire"
)

// Whatever snapshot is accepted can be served, and whatever is asked of it is answered.
func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(federation), web)
	f.Add([]byte(federation), "any.wild.drover.test")
	f.Add([]byte(`{"zones":[{"name":"a","nameServers":[{"name":"b"}]}],"services":[{"namespace":"n","name":"s"}]}`), "s.n.federation.svc.a")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		s, err := snapshot.Parse(data, epoch)
		if err != nil {
			return
		}
		ix := NewIndex(s)
		for zoneName := range ix.Zones() {
			ix.Records(zoneName)
		}
		var n wire.Name
		if !n.Parse(name) {
			return
		}
		client := &routing.Client{Network: netip.MustParsePrefix("10.0.0.0/24")}
		var a Answer
		for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeANY, dns.TypeDS, dns.TypeTXT, dns.TypeNS} {
			ix.Answer(&Question{Name: &n, Text: func() string { return dns.Fqdn(name) }, Type: qtype, Client: client, Explain: true}, &a)
			if a.Zone == nil {
				continue
			}
			negative := len(a.Authority) == 1 && a.Owner != ""
			if positive := a.Records.Len() > 0 || len(a.Answer) > 0; !positive && !negative {
				t.Errorf("%s: neither an answer nor a denial: %+v", dns.TypeToString[qtype], a)
			}
		}
	})
}
