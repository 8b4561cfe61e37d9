// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dnssec

import (
	"slices"
	"time"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/zone"
)

const (
	// validity is how long a signature is good; renewal is how old it may be when it is given out again.
	validity = 7 * 24 * time.Hour
	renewal  = validity / 2
	// skew is how far a client's clock may be behind.
	skew = time.Hour
)

// Answer replaces the answer that there are no keys, where there are: DNSKEY at the apex of a zone, and DS in the zone
// above it, if that is served here, too.
func (k *Keys) Answer(a *zone.Answer, qtype uint16) {
	if (qtype != dns.TypeDNSKEY && qtype != dns.TypeDS) || a.Rcode != dns.RcodeSuccess || a.Owner == "" || len(a.Answer) > 0 {
		return
	}
	owner := dns.CanonicalName(a.Owner)
	if (qtype == dns.TypeDNSKEY) != (owner == a.Zone.Name) {
		return
	}
	for _, key := range k.of(owner) {
		rr := dns.Copy(key.public)
		if qtype == dns.TypeDS {
			rr = key.public.ToDS(dns.SHA256)
		}
		rr.Header().Name = a.Owner
		a.Answer = append(a.Answer, rr)
	}
	if len(a.Answer) > 0 {
		a.Authority, a.Owner, a.Types = a.Authority[:0], "", nil
	}
}

// Sign adds to an answer, whose records are expanded, a signature of each set, and the proof of what there is not. For
// clients that do not say that they understand compact answers, a name that does not exist is one without records
// (RFC 9824, section 3.1).
func (k *Keys) Sign(a *zone.Answer, qtype uint16, compactOK bool, now time.Time) error {
	keys := k.of(a.Zone.Name)
	if a.Owner != "" {
		denial := deny(a)
		if qtype == dns.TypeNSEC && a.Rcode == dns.RcodeSuccess {
			a.Answer, a.Authority = append(a.Answer, denial), a.Authority[:0] // it is what was asked for
		} else {
			a.Authority = append(a.Authority, denial)
		}
		if !compactOK {
			a.Rcode = dns.RcodeSuccess
		}
	}
	var err error
	for _, section := range []*[]dns.RR{&a.Answer, &a.Authority, &a.Additional} {
		if *section, err = k.section(*section, keys, now); err != nil {
			return err
		}
	}
	return nil
}

// deny makes the NSEC record that says which types a name has, and that none lies between it and its first child.
func deny(a *zone.Answer) *dns.NSEC {
	types := append([]uint16{dns.TypeRRSIG, dns.TypeNSEC}, a.Types...)
	if a.Rcode == dns.RcodeNameError {
		types = append(types, dns.TypeNXNAME)
	} else if dns.CanonicalName(a.Owner) == a.Zone.Name {
		types = append(types, dns.TypeDNSKEY)
	}
	slices.Sort(types)
	return &dns.NSEC{
		Hdr: dns.RR_Header{
			Name: a.Owner, Rrtype: dns.TypeNSEC, Class: dns.ClassINET,
			Ttl: a.Authority[0].Header().Ttl, // that of the SOA, which is there for its TTL (RFC 9077)
		},
		NextDomain: `\000.` + a.Owner,
		TypeBitMap: slices.Compact(types),
	}
}

// section returns the records of a section, each set followed by its signatures.
func (k *Keys) section(records []dns.RR, keys []*key, now time.Time) ([]dns.RR, error) {
	var signed []dns.RR
	for len(records) > 0 {
		size := setSize(records)
		set := records[:size]
		signed = append(signed, set...)
		for _, key := range keys {
			signature, err := k.cache.get(set, key, now)
			if err != nil {
				return nil, err
			}
			signed = append(signed, signature)
		}
		records = records[size:]
	}
	return signed, nil
}

// setSize is the number of records at the start that are one set: of one name and type.
func setSize(records []dns.RR) int {
	first := records[0].Header()
	for i, rr := range records {
		if rr.Header().Rrtype != first.Rrtype || rr.Header().Name != first.Name {
			return i
		}
	}
	return len(records)
}
