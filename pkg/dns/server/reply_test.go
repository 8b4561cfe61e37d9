// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/zone"
)

func TestHeaders(t *testing.T) {
	w := New(testConfig(t)).newWorker()
	for name, test := range map[string]struct {
		m     *dns.Msg
		rcode int
		aa    bool
	}{
		"an address":       {query(web, dns.TypeA), dns.RcodeSuccess, true},
		"no data":          {query(web, dns.TypeMX), dns.RcodeSuccess, true},
		"no such name":     {query("nope.drover.test.", dns.TypeA), dns.RcodeNameError, true},
		"out of the zones": {query("example.com.", dns.TypeA), dns.RcodeRefused, false},
		"a transfer":       {query("drover.test.", dns.TypeAXFR), dns.RcodeRefused, false},
		"version.bind":     {chaos("version.bind."), dns.RcodeRefused, false},
		"class HS":         {&dns.Msg{Question: []dns.Question{{Name: web, Qtype: dns.TypeA, Qclass: dns.ClassHESIOD}}}, dns.RcodeRefused, false},
		"a notification":   {new(dns.Msg).SetNotify("drover.test."), dns.RcodeNotImplemented, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, bits := range []bool{false, true} {
				test.m.RecursionDesired, test.m.CheckingDisabled = bits, bits
				reply := direct(t, w, test.m, "192.0.2.9", UDP)
				if reply.Rcode != test.rcode || reply.Authoritative != test.aa || reply.RecursionAvailable || !reply.Response {
					t.Errorf("got %+v", reply.MsgHdr)
				}
				if reply.RecursionDesired != bits || reply.CheckingDisabled != bits || reply.Opcode != test.m.Opcode {
					t.Errorf("RD, CD or opcode is not that of the query: %+v", reply.MsgHdr)
				}
				if reply.IsEdns0() != nil {
					t.Error("OPT was not asked for")
				}
			}
			test.m.SetEdns0(4096, true)
			if opt := direct(t, w, test.m, "192.0.2.9", UDP).IsEdns0(); opt == nil || opt.UDPSize() != 1232 || !opt.Do() || opt.Version() != 0 {
				t.Errorf("OPT: %v", opt)
			}
		})
	}
}

func chaos(name string) *dns.Msg {
	return &dns.Msg{Question: []dns.Question{{Name: name, Qtype: dns.TypeTXT, Qclass: dns.ClassCHAOS}}}
}

func TestVersionIsToldIfItMayBe(t *testing.T) {
	config := testConfig(t)
	config.Version = "drover 1"
	reply := direct(t, New(config).newWorker(), chaos("Version.BIND."), "192.0.2.9", UDP)
	if len(reply.Answer) != 1 || reply.Answer[0].(*dns.TXT).Txt[0] != "drover 1" {
		t.Errorf("got %v", reply)
	}
}

func TestBadVersion(t *testing.T) {
	m := query(web, dns.TypeA)
	m.SetEdns0(1232, false)
	m.IsEdns0().SetVersion(1)
	reply := direct(t, New(testConfig(t)).newWorker(), m, "192.0.2.9", UDP)
	if reply.Rcode != dns.RcodeBadVers || len(reply.Answer) != 0 || reply.IsEdns0().Version() != 0 {
		t.Errorf("got %v", reply)
	}
}

func TestWithoutASnapshotItFails(t *testing.T) {
	config := testConfig(t)
	config.Store = &zone.Store{}
	if reply := direct(t, New(config).newWorker(), query(web, dns.TypeA), "192.0.2.9", UDP); reply.Rcode != dns.RcodeServerFailure {
		t.Errorf("got %v", reply)
	}
}

func TestCaseIsKept(t *testing.T) {
	w := New(testConfig(t)).newWorker()
	for _, name := range []string{"WeB.dEfAuLt.FeDeRaTiOn.SvC.dRoVeR.tEsT.", "LB.Default.federation.svc.drover.TEST."} {
		reply := direct(t, w, query(name, dns.TypeA), "192.0.2.9", UDP)
		if reply.Question[0].Name != name || reply.Answer[0].Header().Name != name {
			t.Errorf("%s became %v", name, reply)
		}
	}
	odd := `a\.b\000\255.drover.test.`
	if reply := direct(t, w, query(odd, dns.TypeA), "192.0.2.9", UDP); reply.Rcode != dns.RcodeNameError || reply.Question[0].Name != odd {
		t.Errorf("got %v", reply)
	}
}

func TestTruncation(t *testing.T) {
	w := New(testConfig(t)).newWorker()
	big := strings.Replace(web, "web.", "big.", 1)
	for name, test := range map[string]struct {
		size      uint16 // of EDNS; 0: none
		transport Transport
		truncated bool
	}{
		"no EDNS":   {0, UDP, true},
		"512":       {512, UDP, true},
		"1232":      {1232, UDP, false},
		"65535":     {65535, UDP, false},
		"TCP":       {0, TCP, false},
		"TCP, EDNS": {512, TCP, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := query(big, dns.TypeA)
			if test.size > 0 {
				m.SetEdns0(test.size, false)
			}
			reply := direct(t, w, m, "192.0.2.9", test.transport)
			want := 36
			if test.truncated {
				want = 0
			}
			if reply.Truncated != test.truncated || len(reply.Answer) != want {
				t.Errorf("TC %v, %d records", reply.Truncated, len(reply.Answer))
			}
		})
	}
}

func TestAdditionalRecordsAreLeftOutFirst(t *testing.T) {
	w := New(testConfig(t)).newWorker()
	m := query(strings.Replace(web, "web.", "_http._tcp.big.", 1), dns.TypeSRV)
	for transport, want := range map[Transport]int{UDP: 0, TCP: 36} {
		reply := direct(t, w, m, "192.0.2.9", transport)
		if reply.Truncated || len(reply.Answer) != 1 || len(reply.Extra) != want {
			t.Errorf("%s: TC %v, %d answers, %d additional", transport, reply.Truncated, len(reply.Answer), len(reply.Extra))
		}
	}
}

func TestClientSubnet(t *testing.T) {
	w := New(testConfig(t)).newWorker()
	geo := strings.Replace(web, "web.", "geo.", 1)
	const east, west = "192.0.2.1", "198.51.100.1"
	for name, test := range map[string]struct {
		m    *dns.Msg
		want string // address, or empty
		echo string
	}{
		"east":                     {withSubnet(query(geo, dns.TypeA), "10.1.2.0", 1, 24), east, "10.1.2.0/24/16"},
		"west":                     {withSubnet(query(geo, dns.TypeA), "10.2.0.0", 1, 16), west, "10.2.0.0/16/16"},
		"IPv6":                     {withSubnet(query(geo, dns.TypeA), "2001:db8:2::", 2, 56), west, "[2001:db8:2::]/56/48"},
		"one for all":              {withSubnet(query(web, dns.TypeAAAA), "10.1.2.0", 1, 24), "2001:db8::1", "10.1.2.0/24/0"},
		"none on purpose":          {withSubnet(query(geo, dns.TypeMX), "0.0.0.0", 1, 0), "", "0.0.0.0/0/0"},
		"no data":                  {withSubnet(query(geo, dns.TypeMX), "10.1.2.0", 1, 24), "", "10.1.2.0/24/0"},
		"no such name":             {withSubnet(query("nope.drover.test.", dns.TypeA), "10.1.2.0", 1, 24), "", "10.1.2.0/24/0"},
		"not ours":                 {withSubnet(query("example.com.", dns.TypeA), "10.1.2.0", 1, 24), "", "10.1.2.0/24/0"},
		"of the zone itself":       {withSubnet(query("drover.test.", dns.TypeSOA), "10.1.2.0", 1, 24), "", "10.1.2.0/24/0"},
		"a place that nobody told": {withSubnet(query(geo, dns.TypeMX), "10.9.2.0", 1, 24), "", "10.9.2.0/24/0"},
	} {
		t.Run(name, func(t *testing.T) {
			reply := direct(t, w, test.m, "10.2.0.9", UDP)
			got := ""
			for _, rr := range reply.Answer {
				switch rr := rr.(type) {
				case *dns.A:
					got = rr.A.String()
				case *dns.AAAA:
					got = rr.AAAA.String()
				}
			}
			if got != test.want || subnetOf(reply) != test.echo {
				t.Errorf("got %q %s, want %q %s", got, subnetOf(reply), test.want, test.echo)
			}
		})
	}
	t.Run("the resolver's own address counts without one", func(t *testing.T) {
		reply := direct(t, w, query(geo, dns.TypeA), "10.2.0.9", UDP)
		if got := reply.Answer[0].(*dns.A).A.String(); got != west || subnetOf(reply) != "" {
			t.Errorf("got %s, subnet %q", got, subnetOf(reply))
		}
	})
	t.Run("source 0 is made for nobody", func(t *testing.T) {
		answers := make(map[string]bool)
		for _, from := range []string{"10.1.0.9", "10.2.0.9", "10.77.0.9", "192.0.2.77", "203.0.113.4", "2001:db8:2::1"} {
			reply := direct(t, w, withSubnet(query(geo, dns.TypeA), "0.0.0.0", 1, 0), from, UDP)
			answers[reply.Answer[0].(*dns.A).A.String()] = true
			if got := subnetOf(reply); got != "0.0.0.0/0/0" {
				t.Errorf("subnet %s", got)
			}
		}
		if len(answers) != 1 {
			t.Errorf("the resolver's address made a difference: %v", answers)
		}
	})
}

func TestNegativeAnswersCarryTheSOA(t *testing.T) {
	w := New(testConfig(t)).newWorker()
	for _, name := range []string{"nope.drover.test.", "svc.drover.test.", web} {
		reply := direct(t, w, query(name, dns.TypeMX), "192.0.2.9", UDP)
		if len(reply.Ns) != 1 || reply.Ns[0].Header().Rrtype != dns.TypeSOA || reply.Ns[0].Header().Name != "drover.test." {
			t.Errorf("%s: %v", name, reply)
		}
	}
}

// Whatever comes, over any transport, nothing breaks, and what goes out is a message of its size.
func FuzzReply(f *testing.F) {
	config := testConfig(f)
	config.Limiter = NewLimiter(1000, 2)
	config.Keys = testKeys(f)
	config.Transfers = testTransfers(f)
	config.Version, config.Explain = "x", true
	w := New(config).newWorker()
	signed := query("drover.test.", dns.TypeSOA)
	signed.SetTsig("secondary.test.", dns.HmacSHA256, 300, 1)
	explain := query("_explain."+web, dns.TypeTXT)
	dnssec := query("nope.drover.test.", dns.TypeA)
	dnssec.SetEdns0(1232, true)
	for _, m := range []*dns.Msg{
		query(web, dns.TypeA), query("_http._tcp."+web, dns.TypeSRV), chaos("version.bind."), signed, explain, dnssec,
		withSubnet(query(web, dns.TypeA), "10.1.2.0", 1, 24), withCookie(query(web, dns.TypeA), "0102030405060708"),
	} {
		packed, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		for _, transport := range []Transport{UDP, TCP} {
			w.read(0, msg, clientAddr)
			w.warm(1)
			reply := w.reply(nil, msg, clientAddr, transport)
			if reply == nil {
				continue
			}
			if len(msg) < headerLen || msg[2]&0x80 != 0 {
				t.Fatalf("what is no query is answered: %x", reply)
			}
			if [2]byte(reply) != [2]byte(msg) || reply[2]&0x80 == 0 || reply[3]&0x80 != 0 {
				t.Fatalf("that is no reply of ours to the query: %x", reply)
			}
			var m dns.Msg
			if err := m.Unpack(reply); err != nil {
				t.Fatalf("the reply is no message: %v", err)
			}
			if transport == UDP && len(reply) > w.query.UDPSize() {
				t.Errorf("%d octets, the client takes %d", len(reply), w.query.UDPSize())
			}
		}
	})
}
