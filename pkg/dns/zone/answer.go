// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/wire"
)

// Question is what is asked, and by whom.
type Question struct {
	Name *wire.Name
	// Text returns the name as it was asked, in its case. It is the owner of what is answered.
	Text func() string
	// Type is a type of data; ANY is one.
	Type   uint16
	Client *routing.Client
	// Explain lets the names of explanations be.
	Explain bool
}

// Answer is what is answered to a question. It is used again for the next.
type Answer struct {
	// Zone is the zone in which the name lies; nil if none is served: all else is then empty.
	Zone *Zone
	// Rcode is success or NXDOMAIN.
	Rcode int
	// Records are the answer if it is a set of addresses of the name in the question, and nothing else; then Answer,
	// Authority and Additional are empty, and Expand fills them.
	Records wire.Records
	// Answer, Authority and Additional are the sections in all other cases.
	Answer, Authority, Additional []dns.RR
	// Owner is the name that has no such records, if the answer says so, and Types are those that it has; for proofs.
	Owner string
	Types []uint16
	// Bits is the length of the client's prefix to which the answer applies.
	Bits int
	// Service is whose addresses are answered, if any.
	Service *Service

	led     bool // to a cluster
	backend int  // of Service, that it is
	made    source
	order   routing.Order
}

// source is what Records were made of.
type source struct {
	backend int
	family  routing.Family
}

func (a *Answer) reset() {
	a.Zone, a.Rcode, a.Records, a.Bits = nil, dns.RcodeSuccess, wire.Records{}, 0
	a.Answer, a.Authority, a.Additional = a.Answer[:0], a.Authority[:0], a.Additional[:0]
	a.Owner, a.Types, a.Service, a.led = "", nil, nil, false
}

// Expand makes records of addresses an answer section, owned by the name as it was asked.
func (a *Answer) Expand(owner string) {
	if a.Records.Len() == 0 {
		return
	}
	a.Records = wire.Records{}
	a.Answer = append(a.Answer, a.Service.addressRecords(owner, a.made.backend, a.made.family)...)
}

func (s *Service) addressRecords(owner string, backend int, family routing.Family) []dns.RR {
	var records []dns.RR
	set := s.sets[backend].records[family]
	for i := range set.Len() {
		records = append(records, addressRecord(owner, set.Addr(i), s.TTL))
	}
	return records
}

// Answer answers a question.
func (ix *Index) Answer(q *Question, a *Answer) {
	a.reset()
	z, n := ix.find(q.Name, q.Type)
	a.Zone = z
	if z == nil {
		return
	}
	ix.answer(q, n, a)
	ix.follow(q, a)
}

// maxChain is how many aliases in the zone are followed after the first.
const maxChain = 8

// follow adds to an alias what it leads to, as far as that lies in the same zone.
func (ix *Index) follow(q *Question, a *Answer) {
	for range maxChain {
		if len(a.Answer) == 0 || a.Owner != "" || q.Type == dns.TypeCNAME || minimal(q.Type) {
			return
		}
		alias, ok := a.Answer[len(a.Answer)-1].(*dns.CNAME)
		if !ok {
			return
		}
		next := Question{Name: &wire.Name{}, Text: func() string { return alias.Target }, Type: q.Type, Client: q.Client}
		if !next.Name.Parse(alias.Target) {
			return
		}
		z, n := ix.find(next.Name, q.Type)
		if z != a.Zone {
			return
		}
		ix.answer(&next, n, a)
		a.Expand(alias.Target)
	}
}

// minimal reports whether a type asks for all there is, which is answered by little.
func minimal(qtype uint16) bool { return qtype == dns.TypeANY || qtype == dns.TypeRRSIG }

// answer answers from what stands under the name.
func (ix *Index) answer(q *Question, n node, a *Answer) {
	z := a.Zone
	if n.explain && !q.Explain {
		n = node{}
	}
	switch {
	case n.kind == absent:
		a.Rcode = dns.RcodeNameError
		a.nothing(q.Text(), nil, z.negative)
	case n.kind == empty:
		a.nothing(q.Text(), nil, z.negative)
	case minimal(q.Type):
		ix.answerAny(q, n, a)
	case n.kind == child:
		a.nothing(q.Text(), []uint16{dns.TypeNS}, z.negative)
	case n.kind == apex:
		ix.answerApex(q, n, a)
	case n.kind == server:
		a.pick(q.Text(), q.Type, z.at(z.glue, q))
	case n.explain:
		a.explain(q, n)
	default:
		ix.answerService(q, n, a)
	}
}

// nothing answers that there are no records of a type under a name which has those of other types.
func (a *Answer) nothing(owner string, types []uint16, ttl uint32) {
	a.Owner, a.Types = owner, types
	a.Authority = append(a.Authority, a.Zone.negativeSOA(ttl))
	if len(a.Answer) == 0 {
		a.Bits = 0
	}
}

// answerAny answers an alias if there is one, or else one small set instead of all (RFC 8482, section 4.2).
func (ix *Index) answerAny(q *Question, n node, a *Answer) {
	if n.service != nil && !n.alone {
		alias := *q
		alias.Type = dns.TypeCNAME
		ix.answerService(&alias, n, a)
		if len(a.Answer) > 0 {
			return
		}
		a.Authority, a.Owner, a.Types = a.Authority[:0], "", nil
	}
	hinfo := &dns.HINFO{Hdr: header(q.Text(), dns.TypeHINFO, a.Zone.soa.Hdr.Ttl), Cpu: "RFC8482"}
	if n.service != nil {
		hinfo.Hdr.Ttl = n.service.TTL
	}
	a.Answer = append(a.Answer, hinfo)
}

// pick answers those records of a name that are of a type.
func (a *Answer) pick(owner string, qtype uint16, records []dns.RR) {
	var types []uint16
	for _, rr := range records {
		if rr.Header().Rrtype == qtype {
			a.Answer = append(a.Answer, rr)
		}
		types = append(types, rr.Header().Rrtype)
	}
	if len(a.Answer) == 0 {
		a.nothing(owner, types, a.Zone.negative)
	}
}

// at returns the records that are owned by the name asked for, with that name in its case.
func (z *Zone) at(records []dns.RR, q *Question) []dns.RR {
	var own []dns.RR
	for _, rr := range records {
		if packed, _ := wire.Pack(rr.Header().Name); packed == string(q.Name.Wire()) {
			rr = dns.Copy(rr)
			rr.Header().Name = q.Text()
			own = append(own, rr)
		}
	}
	return own
}

// answerApex answers from the zone's own records, and for addresses from the host that is called like the zone.
func (ix *Index) answerApex(q *Question, n node, a *Answer) {
	z := a.Zone
	records := z.at(append(append([]dns.RR{z.soa}, z.ns...), z.glue...), q)
	if _, ok := familyOf(q.Type); ok && n.service != nil {
		ix.answerService(q, n, a)
		a.Types = append(a.Types, dns.TypeSOA, dns.TypeNS)
		return
	}
	a.pick(q.Text(), q.Type, records)
	if q.Type == dns.TypeNS {
		a.Additional = append(a.Additional, z.glue...)
	}
}
