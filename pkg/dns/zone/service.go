// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"fmt"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
)

// answerService answers for a service in a scope. Where nobody is eligible, that is an alias of the next wider one.
func (ix *Index) answerService(q *Question, n node, a *Answer) {
	if n.kind == single {
		a.Service = n.service
		if n.backend < 0 {
			a.nothing(q.Text(), nil, a.Zone.negative)
			return
		}
		a.answerBackend(q, n, "")
		return
	}
	table, owner := a.widen(q, &n)
	if table == nil {
		return
	}
	table.Order(q.Client, &a.order)
	a.Bits = max(a.Bits, a.order.Bits)
	a.Service = n.service
	if len(a.order.Backends) == 0 {
		a.nothing(orAsked(owner, q), nil, routing.MinTTLSeconds)
		return
	}
	n.backend = a.order.Backends[0]
	if family, isAddress := familyOf(q.Type); isAddress && n.port == nil {
		backend, ok := a.order.Pick(family, !n.alone)
		n.backend = backend
		if !ok {
			a.nothing(orAsked(owner, q), []uint16{otherFamily(q.Type)}, a.Zone.negative)
			return
		}
	}
	a.answerBackend(q, n, owner)
}

// widen adds aliases of wider names, up to the scope in which somebody is eligible. It returns what was decided there, and
// the last alias's target, empty if there is none. If nothing but the first alias was asked for, the table is nil.
func (a *Answer) widen(q *Question, n *node) (table *routing.Table, owner string) {
	table, ok := n.service.Table(n.scope)
	for !ok {
		wider := n.scope.Wider()
		target, ttl := a.Zone.nameOf(*n, wider), n.service.TTL
		if table != nil {
			ttl = min(ttl, routing.MinTTLSeconds) // those here may be back soon
		}
		a.Answer = append(a.Answer, &dns.CNAME{Hdr: header(orAsked(owner, q), dns.TypeCNAME, ttl), Target: target})
		if q.Type == dns.TypeCNAME {
			return nil, ""
		}
		owner, n.scope = target, wider
		table, ok = n.service.Table(n.scope)
	}
	return table, owner
}

// orAsked is the owner, or the name in the question where there is none.
func orAsked(owner string, q *Question) string {
	if owner == "" {
		return q.Text()
	}
	return owner
}

func otherFamily(qtype uint16) uint16 {
	if qtype == dns.TypeA {
		return dns.TypeAAAA
	}
	return dns.TypeA
}

// answerBackend answers from one cluster. The owner is empty if it is the name in the question.
func (a *Answer) answerBackend(q *Question, n node, owner string) {
	a.Service = n.service
	set := &n.service.sets[n.backend]
	family, isAddress := familyOf(q.Type)
	switch {
	case n.port != nil:
		a.answerPort(q, n, orAsked(owner, q))
	case set.alias != "" && !n.alone:
		a.leads(n.backend)
		a.Answer = append(a.Answer, &dns.CNAME{
			Hdr:    header(orAsked(owner, q), dns.TypeCNAME, n.service.TTL),
			Target: set.alias,
		})
	case isAddress && set.records[family].Len() > 0:
		a.leads(n.backend)
		if owner == "" {
			a.Records, a.made = set.records[family], source{n.backend, family}
			return
		}
		a.Answer = append(a.Answer, n.service.addressRecords(owner, n.backend, family)...)
	case isAddress:
		a.nothing(orAsked(owner, q), []uint16{otherFamily(q.Type)}, a.Zone.negative)
	default:
		a.nothing(orAsked(owner, q), []uint16{dns.TypeA, dns.TypeAAAA}, a.Zone.negative)
	}
}

// answerPort answers where a port is: at the service's name in the one cluster that was picked, whose addresses come
// along.
func (a *Answer) answerPort(q *Question, n node, owner string) {
	if q.Type != dns.TypeSRV {
		a.nothing(owner, []uint16{dns.TypeSRV}, a.Zone.negative)
		return
	}
	set := &n.service.sets[n.backend]
	if set.alias == "" && set.records[routing.IPv4].Len()+set.records[routing.IPv6].Len() == 0 {
		a.nothing(owner, nil, routing.MinTTLSeconds)
		return
	}
	a.leads(n.backend)
	target := set.alias
	if target == "" {
		target = a.Zone.clusterName(n.service.Key, a.Cluster())
		for family := range set.records {
			a.Additional = append(a.Additional, n.service.addressRecords(target, n.backend, routing.Family(family))...)
		}
	}
	a.Answer = append(a.Answer, &dns.SRV{
		Hdr:    header(owner, dns.TypeSRV, n.service.TTL),
		Weight: 1,
		Port:   n.port.Port,
		Target: target,
	})
}

// nameOf is the name of a service, or of its port, in a scope.
func (z *Zone) nameOf(n node, scope routing.Scope) string {
	name := fmt.Sprintf("%s.%s.%s.%s.", n.service.Key.Name, n.service.Key.Namespace, z.federation, labelService)
	if n.port != nil {
		name = portPrefix(n.port) + name
	}
	if scope.Zone != "" {
		name += scope.Zone + "."
	}
	if scope.Region != "" {
		name += scope.Region + "."
	}
	return name + z.Name
}

// clusterName is the name of a service in one cluster.
func (z *Zone) clusterName(key snapshot.Key, cluster string) string {
	return fmt.Sprintf("%s.%s.%s.%s.%s.%s.%s", key.Name, key.Namespace, z.federation, labelService, cluster, labelCluster, z.Name)
}

// maxString is the number of octets that a string of a TXT record has at most.
const maxString = 255

// explain answers why the client is answered as it is, in lines for a person.
func (a *Answer) explain(q *Question, n node) {
	if q.Type != dns.TypeTXT || n.kind == single {
		a.nothing(q.Text(), []uint16{dns.TypeTXT}, a.Zone.negative)
		return
	}
	explanation := n.service.Explain(n.scope, q.Client)
	a.Bits = explanation.ScopeBits
	lines := explanation.Lines()
	for i := range lines {
		lines[i] = lines[i][:min(len(lines[i]), maxString)]
	}
	a.Answer = append(a.Answer, &dns.TXT{Hdr: header(q.Text(), dns.TypeTXT, 0), Txt: lines})
}
