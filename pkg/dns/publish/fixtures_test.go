// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package publish

import (
	"slices"
	"testing"

	"github.com/miekg/dns"
)

const testOwner = "fed.example.com"

func rr(t testing.TB, text string) dns.RR {
	t.Helper()
	record, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return record
}

func rrs(t testing.TB, texts ...string) (out []dns.RR) {
	t.Helper()
	for _, text := range texts {
		out = append(out, rr(t, text))
	}
	return out
}

// typed are the sets at one name.
func typed(records []dns.RR) map[uint16][]dns.RR {
	out := make(map[uint16][]dns.RR)
	for _, record := range records {
		out[record.Header().Rrtype] = append(out[record.Header().Rrtype], record)
	}
	return out
}

// primary is a zone that takes updates as RFC 2136, section 3, says.
type primary struct{ records []dns.RR }

func (p *primary) set(name string, rrtype uint16) (set []dns.RR) {
	for _, record := range p.records {
		if h := record.Header(); h.Name == name && (rrtype == dns.TypeANY || h.Rrtype == rrtype) {
			set = append(set, record)
		}
	}
	return set
}

// update returns the result's code.
func (p *primary) update(require, update []dns.RR) int {
	for _, r := range require {
		h := r.Header()
		set := p.set(h.Name, h.Rrtype)
		switch {
		case h.Class == dns.ClassNONE && len(set) > 0 && h.Rrtype == dns.TypeANY:
			return dns.RcodeYXDomain
		case h.Class == dns.ClassNONE && len(set) > 0:
			return dns.RcodeYXRrset
		case h.Class == dns.ClassINET && (len(set) != 1 || !dns.IsDuplicate(set[0], r)):
			return dns.RcodeNXRrset
		}
	}
	for _, u := range update {
		p.apply(u)
	}
	return dns.RcodeSuccess
}

func (p *primary) apply(u dns.RR) {
	h := u.Header()
	switch h.Class {
	case dns.ClassANY:
		p.records = slices.DeleteFunc(p.records, func(r dns.RR) bool {
			return r.Header().Name == h.Name && r.Header().Rrtype == h.Rrtype
		})
	case dns.ClassNONE:
		removed := dns.Copy(u)
		removed.Header().Class = dns.ClassINET
		p.records = slices.DeleteFunc(p.records, func(r dns.RR) bool { return dns.IsDuplicate(r, removed) })
	default:
		others := slices.DeleteFunc(p.set(h.Name, dns.TypeANY), func(r dns.RR) bool { return madeBySigning(r.Header().Rrtype) })
		aliases := p.set(h.Name, dns.TypeCNAME)
		if (h.Rrtype == dns.TypeCNAME && len(others) > len(aliases)) || (h.Rrtype != dns.TypeCNAME && len(aliases) > 0) {
			return // passed over
		}
		p.records = append(p.records, dns.Copy(u))
	}
}
