// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"drover.dev/drover/pkg/dns/snapshot"
)

// Explanation says what a client is answered, and why.
type Explanation struct {
	Service string `json:"service"` // namespace/name
	// Asked is the scope of the name; Answered is the one that has somebody to answer: the same, or a wider one.
	Asked    string `json:"asked"`
	Answered string `json:"answered"`
	// Client is the network the draw is made from; Place what is known of where it is.
	Client string `json:"client,omitempty"`
	Place  string `json:"place,omitempty"`
	// Clusters are all that run the service, the one to answer first, those that may not be answered last.
	Clusters []Judged `json:"clusters"`
	// Answers are the cluster and the addresses, or host name, by record type: A, AAAA.
	Answers map[string]Answer `json:"answers"`
	TTL     uint32            `json:"ttlSeconds"`
	// ScopeBits is the length of the client's prefix to which all this applies. 0: to everyone.
	ScopeBits int `json:"scopeBits"`
	// Why says by what the first was chosen.
	Why string `json:"why"`
}

// Judged is a cluster with its place in the order: 1 is answered first, 0 not at all.
type Judged struct {
	Judgement
	Position int `json:"position,omitempty"`
}

// Answer is what is in the records of one type.
type Answer struct {
	Cluster   string   `json:"cluster"`
	Addresses []string `json:"addresses,omitempty"`
	Hostname  string   `json:"hostname,omitempty"`
}

// Explain says what a client is answered for a service in a scope, and why. It decides as the name server does.
func (r *Router) Explain(scope Scope, client *Client) Explanation {
	e := Explanation{Service: r.Service.Key().String(), Asked: scope.String(), TTL: r.TTL, Answers: make(map[string]Answer)}
	table, ok := r.Table(scope)
	for !ok {
		scope = scope.Wider()
		table, ok = r.Table(scope)
	}
	e.Answered = scope.String()
	if client.Network.IsValid() {
		e.Client = client.Network.String()
	}
	if client.Place != nil {
		e.Place = client.Place.String()
	}
	var order Order
	table.Order(client, &order)
	e.ScopeBits = order.Bits
	e.Why = table.why(client, &order)
	e.Clusters = table.positions(&order)
	for family, name := range map[Family]string{IPv4: "A", IPv6: "AAAA"} {
		if i, ok := order.Pick(family, true); ok {
			e.Answers[name] = answerOf(&r.Service.Backends[i], family)
		}
	}
	return e
}

// Lines says the same for a person to read, the answer first.
func (e Explanation) Lines() []string {
	var lines []string
	for _, rrtype := range []string{"A", "AAAA"} {
		answer, ok := e.Answers[rrtype]
		switch {
		case !ok:
			lines = append(lines, rrtype+": nothing")
		case answer.Hostname != "":
			lines = append(lines, fmt.Sprintf("%s: %s, by the name %s", rrtype, answer.Cluster, answer.Hostname))
		default:
			lines = append(lines, fmt.Sprintf("%s: %s, %s", rrtype, answer.Cluster, strings.Join(answer.Addresses, " ")))
		}
	}
	asked := "asked for " + e.Asked
	if e.Answered != e.Asked {
		asked += ", answered for " + e.Answered
	}
	client := "client " + cmp.Or(e.Client, "not told")
	lines = append(lines, "why: "+e.Why, asked, client+" at "+cmp.Or(e.Place, "a place not known"))
	for _, c := range e.Clusters {
		if c.Position > 0 {
			lines = append(lines, fmt.Sprintf("%d. %s: %s", c.Position, c.Cluster, c.Reason))
		} else {
			lines = append(lines, fmt.Sprintf("not %s: %s", c.Cluster, c.Reason))
		}
	}
	applies := "for everyone"
	if e.ScopeBits > 0 {
		applies = fmt.Sprintf("for the first %d bits of the client's address", e.ScopeBits)
	}
	return append(lines, fmt.Sprintf("for %d seconds, %s", e.TTL, applies))
}

func answerOf(b *snapshot.Backend, family Family) Answer {
	a := Answer{Cluster: b.Cluster}
	for _, text := range b.Addresses {
		if netip.MustParseAddr(text).Is4() == (family == IPv4) {
			a.Addresses = append(a.Addresses, text)
		}
	}
	if len(b.Addresses) == 0 {
		a.Hostname = b.Hostname
	}
	return a
}

func (t *Table) positions(o *Order) []Judged {
	list := make([]Judged, 0, len(t.judged))
	for _, i := range o.Backends {
		list = append(list, Judged{t.judged[i].Judgement, len(list) + 1})
	}
	for i := range t.judged {
		if !slices.Contains(o.Backends, i) {
			list = append(list, Judged{Judgement: t.judged[i].in(t.scope)})
		}
	}
	return list
}

// why says by what the first of the order was chosen.
func (t *Table) why(client *Client, o *Order) string {
	if len(o.Backends) == 0 {
		return "no cluster may be answered"
	}
	var reasons []string
	if t.lastKnown {
		reasons = append(reasons, "no cluster is eligible, so the last known are answered")
	}
	if len(o.Backends) == 1 {
		return strings.Join(append(reasons, "it is the only one"), "; ")
	}
	switch {
	case t.weighted:
		reasons = append(reasons, "drawn by weight")
	case client.Place == nil:
		reasons = append(reasons, "where the client is, is not known: drawn by weight")
	default:
		reasons = append(reasons, "nearest to the client")
	}
	if t.service.Mode == snapshot.Failover {
		reasons = append(reasons, "among those of the highest priority")
	}
	// What would the order be without the later steps?
	plain := Order{list: make([]int, 0, len(t.candidates))}
	for i := range t.candidates {
		plain.list = append(plain.list, i)
	}
	t.rank(client, &plain)
	before := plain.list[0]
	t.move(client, &plain)
	switch {
	case plain.list[0] == before:
	case t.candidates[before].spare:
		reasons = append(reasons, t.cluster(before).Name+" takes only who is moved to it")
	default:
		reasons = append(reasons, fmt.Sprintf("moved from %s by the move that is under way", t.cluster(before).Name))
	}
	if before = plain.list[0]; int(t.candidates[before].backend) != o.Backends[0] {
		reasons = append(reasons, t.passesOn(before))
	}
	return strings.Join(reasons, "; ")
}

// passesOn says why a candidate passes clients on.
func (t *Table) passesOn(candidate int) string {
	name := t.cluster(candidate).Name
	if part := comes(&t.service.Backends[t.candidates[candidate].backend]); part < 1 {
		return fmt.Sprintf("%s is coming or leaving, and takes %.0f %% of its clients", name, part*100)
	}
	return name + " is too full to take this client"
}

// String is "all clusters", "region r" or "zone z".
func (s Scope) String() string {
	switch {
	case s.Zone != "":
		return "zone " + s.Zone
	case s.Region != "":
		return "region " + s.Region
	}
	return "all clusters"
}

// String lists what is known, the smallest first.
func (p *Place) String() string {
	var parts []string
	if len(p.Clusters) > 0 {
		parts = append(parts, "clusters "+strings.Join(p.Clusters, ","))
	}
	for _, part := range []struct{ name, value string }{
		{"zone", p.Zone}, {"region", p.Region}, {"country", p.Country}, {"continent", p.Continent},
	} {
		if part.value != "" {
			parts = append(parts, part.name+" "+part.value)
		}
	}
	if p.Latitude != nil && p.Longitude != nil {
		parts = append(parts, fmt.Sprintf("%.2f,%.2f", *p.Latitude, *p.Longitude))
	}
	return strings.Join(parts, ", ")
}
