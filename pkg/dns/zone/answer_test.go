// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/wire"
)

const federation = `
version: 7
zones:
- name: drover.test
  nameServers:
  - {name: ns1.dns.drover.test, addresses: [192.0.2.53, "2001:db8::53"]}
  - {name: ns.elsewhere.test}
- name: apps.drover.test
  federation: fed
  nameServers: [{name: ns.elsewhere.test}]
clusters:
- {name: east, location: {region: us-east1, zone: us-east1-b}}
- {name: eu, location: {region: europe-west1, zone: europe-west1-b}}
- {name: tokyo, location: {region: asia-northeast1}}
services:
- namespace: default
  name: web
  ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP}]
  backends:
  - {cluster: east, addresses: [192.0.2.1, 192.0.2.2, "2001:db8::1"], readyEndpoints: 1}
  - {cluster: eu, addresses: [192.0.2.3], readyEndpoints: 0}
- namespace: default
  name: lb
  ports: [{name: http, port: 80}]
  backends: [{cluster: eu, hostname: lb.example.com, readyEndpoints: 1}]
- namespace: default
  name: down
  ports: [{name: http, port: 80}]
  backends: [{cluster: east, addresses: [192.0.2.9], readyEndpoints: 1, state: Unhealthy}]
- namespace: shop
  name: shop
  hosts: [shop.drover.test, drover.test, "*.wild.drover.test", a.b.drover.test, shop.example.com]
  backends: [{cluster: east, addresses: [192.0.2.5], readyEndpoints: 1}]
- namespace: shop
  name: named
  hosts: [named.drover.test, apps.drover.test]
  backends: [{cluster: eu, hostname: lb.example.com, hostnameAddresses: [203.0.113.1], readyEndpoints: 1}]
- namespace: shop
  name: chain
  hosts: [chain.drover.test]
  backends: [{cluster: eu, hostname: named.drover.test, readyEndpoints: 1}]
- namespace: shop
  name: chained
  hosts: [chained.drover.test]
  backends: [{cluster: eu, hostname: shop.drover.test, readyEndpoints: 1}]
- namespace: shop
  name: broken
  hosts: [broken.drover.test]
  backends: [{cluster: eu, hostname: nope.drover.test, readyEndpoints: 1}]
- namespace: shop
  name: circle
  hosts: [circle.drover.test]
  backends: [{cluster: eu, hostname: circle.drover.test, readyEndpoints: 1}]
`

func index(t testing.TB, text string) *Index {
	t.Helper()
	s, err := snapshot.Parse([]byte(text), time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return NewIndex(s)
}

// ask returns what a client of whom nothing is known is answered: the result, and the records of each section.
func ask(t testing.TB, ix *Index, name, qtype string) (result string) {
	t.Helper()
	var n wire.Name
	if !n.Parse(name) {
		t.Fatalf("%q is not a name", name)
	}
	var a Answer
	ix.Answer(&Question{
		Name: &n, Text: func() string { return dns.Fqdn(name) }, Type: dns.StringToType[qtype], Client: &routing.Client{},
	}, &a)
	if a.Zone == nil {
		return "not ours"
	}
	a.Expand(dns.Fqdn(name))
	lines := []string{dns.RcodeToString[a.Rcode]}
	for _, section := range []struct {
		name    string
		records []dns.RR
	}{{"", a.Answer}, {"authority: ", a.Authority}, {"additional: ", a.Additional}} {
		for _, rr := range section.records {
			lines = append(lines, section.name+short(rr))
		}
	}
	return strings.Join(lines, "\n")
}

// short leaves out the class, and of an SOA all but its name.
func short(rr dns.RR) string {
	h := rr.Header()
	value := strings.TrimPrefix(rr.String(), h.String())
	if h.Rrtype == dns.TypeSOA {
		value = "…"
	}
	return fmt.Sprintf("%s %d %s %s", h.Name, h.Ttl, dns.TypeToString[h.Rrtype], value)
}

func lines(text ...string) string { return strings.Join(text, "\n") }

const (
	soa      = "authority: drover.test. 30 SOA …"
	soaSoon  = "authority: drover.test. 5 SOA …"
	web      = "web.default.federation.svc.drover.test"
	webEast  = "web.default.federation.svc.east.cluster.drover.test"
	webInEU  = "web.default.federation.svc.europe-west1.drover.test"
	webInEUB = "web.default.federation.svc.europe-west1-b.europe-west1.drover.test"
)

func TestAnswers(t *testing.T) {
	ix := index(t, federation)
	for question, want := range map[string]string{
		// Names of a service.
		web + " A":    lines("NOERROR", web+". 20 A 192.0.2.1", web+". 20 A 192.0.2.2"),
		web + " AAAA": lines("NOERROR", web+". 20 AAAA 2001:db8::1"),
		web + " TXT":  lines("NOERROR", soa),
		web + " ANY":  lines("NOERROR", web+`. 20 HINFO "RFC8482" ""`),
		"web.default.federation.svc.us-east1.drover.test A":               lines("NOERROR", "web.default.federation.svc.us-east1.drover.test. 20 A 192.0.2.1", "web.default.federation.svc.us-east1.drover.test. 20 A 192.0.2.2"),
		"web.default.federation.svc.us-east1-b.us-east1.drover.test AAAA": lines("NOERROR", "web.default.federation.svc.us-east1-b.us-east1.drover.test. 20 AAAA 2001:db8::1"),
		webInEU + " A":     lines("NOERROR", webInEU+". 5 CNAME "+web+".", web+". 20 A 192.0.2.1", web+". 20 A 192.0.2.2"),
		webInEU + " CNAME": lines("NOERROR", webInEU+". 5 CNAME "+web+"."),
		webInEU + " TXT":   lines("NOERROR", webInEU+". 5 CNAME "+web+".", soa),
		webInEUB + " AAAA": lines("NOERROR", webInEUB+". 5 CNAME "+webInEU+".", webInEU+". 5 CNAME "+web+".", web+". 20 AAAA 2001:db8::1"),
		"web.default.federation.svc.asia-northeast1.drover.test A": lines("NOERROR", "web.default.federation.svc.asia-northeast1.drover.test. 20 CNAME "+web+".", web+". 20 A 192.0.2.1", web+". 20 A 192.0.2.2"),
		// One cluster, whatever its state.
		"web.default.federation.svc.eu.cluster.drover.test A":    lines("NOERROR", "web.default.federation.svc.eu.cluster.drover.test. 20 A 192.0.2.3"),
		"web.default.federation.svc.eu.cluster.drover.test AAAA": lines("NOERROR", soa),
		"web.default.federation.svc.tokyo.cluster.drover.test A": lines("NOERROR", soa),
		"web.default.federation.svc.mars.cluster.drover.test A":  lines("NXDOMAIN", soa),
		"lb.default.federation.svc.eu.cluster.drover.test A":     lines("NOERROR", "lb.default.federation.svc.eu.cluster.drover.test. 20 CNAME lb.example.com."),
		// A load balancer known by name.
		"lb.default.federation.svc.drover.test A":     lines("NOERROR", "lb.default.federation.svc.drover.test. 20 CNAME lb.example.com."),
		"lb.default.federation.svc.drover.test CNAME": lines("NOERROR", "lb.default.federation.svc.drover.test. 20 CNAME lb.example.com."),
		"lb.default.federation.svc.drover.test TXT":   lines("NOERROR", "lb.default.federation.svc.drover.test. 20 CNAME lb.example.com."),
		"_http._tcp.lb.default.federation.svc.drover.test SRV": lines("NOERROR",
			"_http._tcp.lb.default.federation.svc.drover.test. 20 SRV 0 1 80 lb.example.com."),
		// Ports.
		"_http._tcp." + web + " SRV": lines("NOERROR", "_http._tcp."+web+". 20 SRV 0 1 80 "+webEast+".",
			"additional: "+webEast+". 20 A 192.0.2.1", "additional: "+webEast+". 20 A 192.0.2.2", "additional: "+webEast+". 20 AAAA 2001:db8::1"),
		"_http._tcp." + webInEU + " SRV": lines("NOERROR", "_http._tcp."+webInEU+". 5 CNAME _http._tcp."+web+".",
			"_http._tcp."+web+". 20 SRV 0 1 80 "+webEast+".",
			"additional: "+webEast+". 20 A 192.0.2.1", "additional: "+webEast+". 20 A 192.0.2.2", "additional: "+webEast+". 20 AAAA 2001:db8::1"),
		"_dns._udp." + webEast + " SRV": lines("NOERROR", "_dns._udp."+webEast+". 20 SRV 0 1 53 "+webEast+".",
			"additional: "+webEast+". 20 A 192.0.2.1", "additional: "+webEast+". 20 A 192.0.2.2", "additional: "+webEast+". 20 AAAA 2001:db8::1"),
		"_http._tcp." + web + " A":     lines("NOERROR", soa),
		"_tcp." + web + " SRV":         lines("NOERROR", soa),
		"_sctp." + web + " SRV":        lines("NXDOMAIN", soa),
		"_http._udp." + web + " SRV":   lines("NXDOMAIN", soa),
		"_https._tcp." + web + " SRV":  lines("NXDOMAIN", soa),
		"x._http._tcp." + web + " SRV": lines("NXDOMAIN", soa),
		"x." + web + " A":              lines("NXDOMAIN", soa),
		"_http._tcp.down.default.federation.svc.eu.cluster.drover.test SRV": lines("NOERROR", soa),
		// Nobody is healthy.
		"down.default.federation.svc.drover.test A":              lines("NOERROR", soaSoon),
		"down.default.federation.svc.us-east1.drover.test A":     lines("NOERROR", "down.default.federation.svc.us-east1.drover.test. 5 CNAME down.default.federation.svc.drover.test.", soaSoon),
		"down.default.federation.svc.east.cluster.drover.test A": lines("NOERROR", "down.default.federation.svc.east.cluster.drover.test. 20 A 192.0.2.9"),
		// The apex, and name servers.
		"drover.test NS": lines("NOERROR", "drover.test. 3600 NS ns1.dns.drover.test.", "drover.test. 3600 NS ns.elsewhere.test.",
			"additional: ns1.dns.drover.test. 3600 A 192.0.2.53", "additional: ns1.dns.drover.test. 3600 AAAA 2001:db8::53"),
		"drover.test SOA":                               lines("NOERROR", "drover.test. 3600 SOA …"),
		"drover.test A":                                 lines("NOERROR", "drover.test. 20 A 192.0.2.5"),
		"drover.test AAAA":                              lines("NOERROR", soa),
		"drover.test TXT":                               lines("NOERROR", soa),
		"ns1.dns.drover.test A":                         lines("NOERROR", "ns1.dns.drover.test. 3600 A 192.0.2.53"),
		"ns1.dns.drover.test MX":                        lines("NOERROR", soa),
		"ns2.dns.drover.test A":                         lines("NXDOMAIN", soa),
		"apps.drover.test SOA":                          lines("NOERROR", "apps.drover.test. 3600 SOA …"),
		"apps.drover.test AAAA":                         lines("NOERROR", "authority: apps.drover.test. 30 SOA …"),
		"apps.drover.test DS":                           lines("NOERROR", soa), // that is the parent's to say
		"drover.test DS":                                lines("NOERROR", soa),
		"chain.drover.test A":                           lines("NOERROR", "chain.drover.test. 20 CNAME named.drover.test.", "named.drover.test. 20 CNAME lb.example.com."),
		"chained.drover.test A":                         lines("NOERROR", "chained.drover.test. 20 CNAME shop.drover.test.", "shop.drover.test. 20 A 192.0.2.5"),
		"chained.drover.test TXT":                       lines("NOERROR", "chained.drover.test. 20 CNAME shop.drover.test.", soa),
		"chained.drover.test CNAME":                     lines("NOERROR", "chained.drover.test. 20 CNAME shop.drover.test."),
		"chained.drover.test ANY":                       lines("NOERROR", "chained.drover.test. 20 CNAME shop.drover.test."),
		"broken.drover.test A":                          lines("NXDOMAIN", "broken.drover.test. 20 CNAME nope.drover.test.", soa),
		"apps.drover.test A":                            lines("NOERROR", "apps.drover.test. 20 A 203.0.113.1"), // no alias at an apex
		"web.default.fed.svc.apps.drover.test A":        lines("NOERROR", "web.default.fed.svc.apps.drover.test. 20 A 192.0.2.1", "web.default.fed.svc.apps.drover.test. 20 A 192.0.2.2"),
		"web.default.federation.svc.apps.drover.test A": lines("NXDOMAIN", "authority: apps.drover.test. 30 SOA …"),
		// Hosts.
		"shop.drover.test A":                     lines("NOERROR", "shop.drover.test. 20 A 192.0.2.5"),
		"named.drover.test A":                    lines("NOERROR", "named.drover.test. 20 CNAME lb.example.com."),
		"a.b.drover.test A":                      lines("NOERROR", "a.b.drover.test. 20 A 192.0.2.5"),
		"b.drover.test A":                        lines("NOERROR", soa),
		"any.wild.drover.test A":                 lines("NOERROR", "any.wild.drover.test. 20 A 192.0.2.5"),
		"any.where.wild.drover.test A":           lines("NOERROR", "any.where.wild.drover.test. 20 A 192.0.2.5"),
		"wild.drover.test A":                     lines("NOERROR", soa),
		"shop.shop.federation.svc.drover.test A": lines("NXDOMAIN", soa),
		"shop.example.com A":                     "not ours",
		"example.com A":                          "not ours",
		". NS":                                   "not ours",
		// Names that only have others below them, and names that are not.
		"svc.drover.test A":                                                lines("NOERROR", soa),
		"federation.svc.drover.test A":                                     lines("NOERROR", soa),
		"default.federation.svc.drover.test A":                             lines("NOERROR", soa),
		"us-east1.drover.test A":                                           lines("NOERROR", soa),
		"svc.us-east1.drover.test A":                                       lines("NOERROR", soa),
		"us-east1-b.us-east1.drover.test A":                                lines("NOERROR", soa),
		"svc.us-east1-b.us-east1.drover.test A":                            lines("NOERROR", soa),
		"cluster.drover.test A":                                            lines("NOERROR", soa),
		"east.cluster.drover.test A":                                       lines("NOERROR", soa),
		"svc.east.cluster.drover.test A":                                   lines("NOERROR", soa),
		"dns.drover.test A":                                                lines("NOERROR", soa),
		"nope.drover.test A":                                               lines("NXDOMAIN", soa),
		"nope.svc.drover.test A":                                           lines("NXDOMAIN", soa),
		"nope.federation.svc.drover.test A":                                lines("NXDOMAIN", soa),
		"nope.default.federation.svc.drover.test A":                        lines("NXDOMAIN", soa),
		"nope.default.federation.svc.drover.test ANY":                      lines("NXDOMAIN", soa),
		"web.default.federation.svc.us-east1-b.drover.test A":              lines("NXDOMAIN", soa),
		"web.default.federation.svc.europe-west1-b.us-east1.drover.test A": lines("NXDOMAIN", soa),
		"web.default.federation.svc.mars.drover.test A":                    lines("NXDOMAIN", soa),
		"_explain." + web + " TXT":                                         lines("NXDOMAIN", soa),
	} {
		t.Run(question, func(t *testing.T) {
			name, qtype, _ := strings.Cut(question, " ")
			if diff := cmp.Diff(want, ask(t, ix, name, qtype)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWildcardAtTheApex(t *testing.T) {
	ix := index(t, strings.Replace(federation, `"*.wild.drover.test"`, `"*.drover.test"`, 1))
	for name, want := range map[string]string{
		"any.drover.test":                              "NOERROR\nany.drover.test. 20 A 192.0.2.5",
		"any.where.drover.test":                        "NOERROR\nany.where.drover.test. 20 A 192.0.2.5",
		"nope.default.federation.svc.drover.test":      lines("NXDOMAIN", soa),
		"nope.default.federation.svc.mars.drover.test": "NOERROR\nnope.default.federation.svc.mars.drover.test. 20 A 192.0.2.5",
		"x.east.cluster.drover.test":                   lines("NXDOMAIN", soa),
		"x.dns.drover.test":                            lines("NXDOMAIN", soa),
		"x.b.drover.test":                              lines("NXDOMAIN", soa),
		"x." + web:                                     lines("NXDOMAIN", soa),
		"svc.drover.test":                              lines("NOERROR", soa),
	} {
		if diff := cmp.Diff(want, ask(t, ix, name, "A")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestAnAliasOfItselfEnds(t *testing.T) {
	got := ask(t, index(t, federation), "circle.drover.test", "A")
	if want := "circle.drover.test. 20 CNAME circle.drover.test."; strings.Count(got, want) != 1+maxChain {
		t.Errorf("got %s", got)
	}
}

func TestExplain(t *testing.T) {
	ix := index(t, federation)
	var n wire.Name
	n.Parse("_explain." + webInEU)
	var a Answer
	client := &routing.Client{Network: netip.MustParsePrefix("10.0.0.0/24")}
	ix.Answer(&Question{Name: &n, Text: func() string { return "x." }, Type: dns.TypeTXT, Client: client, Explain: true}, &a)
	if len(a.Answer) != 1 {
		t.Fatalf("%d records", len(a.Answer))
	}
	want := []string{
		"A: east, 192.0.2.1 192.0.2.2",
		"AAAA: east, 2001:db8::1",
		"why: it is the only one",
		"asked for region europe-west1, answered for all clusters",
		"client 10.0.0.0/24 at a place not known",
		"1. east: healthy",
		"not eu: no ready endpoints",
		"for 20 seconds, for everyone",
	}
	if diff := cmp.Diff(want, a.Answer[0].(*dns.TXT).Txt); diff != "" {
		t.Error(diff)
	}
}

func TestExplainByKey(t *testing.T) {
	ix := index(t, federation)
	e, ok := ix.Explain(snapshot.Key{Namespace: "default", Name: "web"}, routing.Scope{Region: "europe-west1"}, &routing.Client{})
	if !ok || e.Service != "default/web" || e.Answers["A"].Cluster != "east" || e.Answered != "all clusters" {
		t.Errorf("got %v %+v", ok, e)
	}
	if _, ok := ix.Explain(snapshot.Key{Namespace: "default", Name: "web", Hosts: true}, routing.Scope{}, &routing.Client{}); ok {
		t.Error("a service that is not there is explained")
	}
}

func TestSerialIsTheVersion(t *testing.T) {
	if got := index(t, federation).Zones()["drover.test."].SOA().Serial; got != 7 {
		t.Errorf("serial %d", got)
	}
}

func TestMailbox(t *testing.T) {
	if got, want := mailbox("dns.admin@example.com"), `dns\.admin.example.com.`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnswersAreCapped(t *testing.T) {
	var addresses []string
	for i := range 200 {
		addresses = append(addresses, fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("'2001:db8::%d'", i))
	}
	ix := index(t, strings.Replace(federation, `192.0.2.1, 192.0.2.2, "2001:db8::1"`, strings.Join(addresses, ", "), 1))
	// The longest query: a name of 255 octets cannot be a service's, so this is more than enough.
	var q wire.Query
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		m := new(dns.Msg).SetQuestion(web+".", qtype)
		m.SetEdns0(1232, false)
		msg, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := q.Read(msg); !ok {
			t.Fatal("not read")
		}
		var a Answer
		ix.Answer(&Question{Name: &q.Name, Text: func() string { return web + "." }, Type: qtype, Client: &routing.Client{}}, &a)
		if _, truncated := q.AppendRecords(nil, a.Records, q.UDPSize(), wire.Options{ServerCookie: make([]byte, 16)}); truncated || a.Records.Len() == 0 {
			t.Errorf("%d records do not fit", a.Records.Len())
		}
	}
}

func TestTransfer(t *testing.T) {
	ix := index(t, federation)
	records := ix.Records("drover.test.")
	if records[0] != records[len(records)-1] || records[0].Header().Rrtype != dns.TypeSOA {
		t.Error("the SOA is not first and last")
	}
	text := ""
	for _, rr := range records {
		if !dns.IsSubDomain("drover.test.", rr.Header().Name) {
			t.Errorf("out of the zone: %s", rr)
		}
		text += short(rr) + "\n"
	}
	for _, want := range []string{
		"ns1.dns.drover.test. 3600 A 192.0.2.53", web + ". 20 A 192.0.2.1", webInEU + ". 5 CNAME " + web + ".",
		"web.default.federation.svc.eu.cluster.drover.test. 20 A 192.0.2.3", "_http._tcp." + web + ". 20 SRV 0 1 80 " + webEast + ".",
		"shop.drover.test. 20 A 192.0.2.5", "*.wild.drover.test. 20 A 192.0.2.5", "drover.test. 20 A 192.0.2.5",
		"named.drover.test. 20 CNAME lb.example.com.",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if ix.Records("example.com.") != nil {
		t.Error("a zone that is not served has records")
	}
}
