// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/dnssec"
	"drover.dev/drover/pkg/dns/transfer"
)

func testKeys(t testing.TB) *dnssec.Keys {
	t.Helper()
	dir := t.TempDir()
	if _, _, err := dnssec.Generate("drover.test", dir); err != nil {
		t.Fatal(err)
	}
	keys := &dnssec.Keys{}
	if err := keys.Load(dir); err != nil {
		t.Fatal(err)
	}
	return keys
}

// verify checks that every set of a section is signed by a key of the zone.
func verify(t *testing.T, keys []dns.RR, section []dns.RR) {
	t.Helper()
	sets := make(map[string][]dns.RR)
	signatures := make(map[string][]*dns.RRSIG)
	for _, rr := range section {
		h := rr.Header()
		if signature, ok := rr.(*dns.RRSIG); ok {
			id := h.Name + dns.TypeToString[signature.TypeCovered]
			signatures[id] = append(signatures[id], signature)
			continue
		}
		sets[h.Name+dns.TypeToString[h.Rrtype]] = append(sets[h.Name+dns.TypeToString[h.Rrtype]], rr)
	}
	for id, set := range sets {
		if len(signatures[id]) != len(keys) {
			t.Errorf("%s has %d signatures", id, len(signatures[id]))
		}
		for _, signature := range signatures[id] {
			if err := signature.Verify(keys[0].(*dns.DNSKEY), set); err != nil || !signature.ValidityPeriod(time.Now()) {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
}

func TestAnswersAreSigned(t *testing.T) {
	config := testConfig(t)
	config.Keys = testKeys(t)
	w := New(config).newWorker()
	ask := func(name string, qtype uint16, co bool) *dns.Msg {
		m := query(name, qtype)
		m.SetEdns0(1232, true)
		m.IsEdns0().SetCo(co)
		return direct(t, w, m, "192.0.2.9", UDP)
	}
	keys := config.Keys.DNSKEYs("drover.test.")
	for question, want := range map[string]string{ // the record that denies, if one does
		web + " A":                  "",
		web + " AAAA":               "",
		strings.ToUpper(web) + " A": "",
		"web.default.federation.svc.us-west1.drover.test. A": "",
		"_http._tcp." + web + " SRV":                         "",
		"lb.default.federation.svc.drover.test. A":           "",
		"drover.test. SOA":                                   "",
		"drover.test. NS":                                    "",
		"drover.test. DNSKEY":                                "",
		web + " ANY":                                         "",
		web + " RRSIG":                                       "",
		web + " MX":                                          `\000.` + web + " A AAAA RRSIG NSEC",
		"svc.drover.test. A":                                 `\000.svc.drover.test. RRSIG NSEC`,
		"nope.drover.test. A":                                `\000.nope.drover.test. RRSIG NSEC NXNAME`,
		"drover.test. A":                                     `\000.drover.test. NS SOA RRSIG NSEC DNSKEY`,
		"_http._tcp." + web + " A":                           `\000._http._tcp.` + web + " SRV RRSIG NSEC",
		"web.default.federation.svc.us-west1.drover.test. MX": `\000.` + web + " A AAAA RRSIG NSEC",
	} {
		t.Run(question, func(t *testing.T) {
			name, qtype, _ := strings.Cut(question, " ")
			reply := ask(name, dns.StringToType[qtype], false)
			if reply.Rcode != dns.RcodeSuccess || reply.Truncated {
				t.Fatalf("got %v", reply)
			}
			verify(t, keys, reply.Answer)
			verify(t, keys, reply.Ns)
			got := ""
			for _, rr := range reply.Ns {
				if nsec, ok := rr.(*dns.NSEC); ok {
					got = nsec.NextDomain
					for _, present := range nsec.TypeBitMap {
						got += " " + dns.Type(present).String()
					}
					if nsec.Hdr.Ttl != 30 {
						t.Errorf("TTL %d of the denial, want that of the SOA", nsec.Hdr.Ttl)
					}
				}
			}
			if got != want {
				t.Errorf("denied by %q, want %q", got, want)
			}
		})
	}
	if got := ask("nope.drover.test.", dns.TypeA, true); got.Rcode != dns.RcodeNameError || !got.IsEdns0().Co() {
		t.Errorf("a client that understands compact answers: %v", got)
	}
	if got := ask(web, dns.TypeNSEC, false); len(got.Answer) != 2 || got.Answer[0].Header().Rrtype != dns.TypeNSEC {
		t.Errorf("the denial itself: %v", got)
	}
	if got := direct(t, w, query("nope.drover.test.", dns.TypeA), "192.0.2.9", UDP); got.Rcode != dns.RcodeNameError || len(got.Ns) != 1 {
		t.Errorf("a client that asks for no signatures: %v", got)
	}
	if got := direct(t, w, query("drover.test.", dns.TypeDNSKEY), "192.0.2.9", UDP); len(got.Answer) != 1 {
		t.Errorf("the key, without signatures: %v", got)
	}
}

func TestTheParentVouchesForAZoneServedHere(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"drover.test", "apps.drover.test"} {
		if _, _, err := dnssec.Generate(name, dir); err != nil {
			t.Fatal(err)
		}
	}
	config := testConfig(t)
	config.Keys = &dnssec.Keys{}
	if err := config.Keys.Load(dir); err != nil {
		t.Fatal(err)
	}
	both := config.Store.Load().Snapshot()
	both.Zones = append(both.Zones, both.Zones[0])
	both.Zones[1].Name = "apps.drover.test"
	if err := config.Store.Replace(both); err != nil {
		t.Fatal(err)
	}
	m := query("Apps.drover.test.", dns.TypeDS)
	m.SetEdns0(1232, true)
	reply := direct(t, New(config).newWorker(), m, "192.0.2.9", UDP)
	verify(t, config.Keys.DNSKEYs("drover.test."), reply.Answer)
	if len(reply.Answer) != 2 || reply.Answer[0].(*dns.DS).Digest != config.Keys.Zones()["apps.drover.test."][0].Digest {
		t.Errorf("got %v", reply)
	}
}

// A set that has another variant for another client is signed for each.
func TestEveryVariantIsSigned(t *testing.T) {
	config := testConfig(t)
	config.Keys = testKeys(t)
	w := New(config).newWorker()
	geo := strings.Replace(web, "web.", "geo.", 1)
	seen := make(map[string]bool)
	for _, from := range []string{"10.1.0.1", "10.2.0.1", "10.1.0.2"} {
		m := query(geo, dns.TypeA)
		m.SetEdns0(1232, true)
		reply := direct(t, w, m, from, UDP)
		verify(t, config.Keys.DNSKEYs("drover.test."), reply.Answer)
		seen[reply.Answer[0].String()] = true
	}
	if len(seen) != 2 {
		t.Errorf("got %v", seen)
	}
}

const testSecret = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"

func testTransfers(t testing.TB) *transfer.Policy {
	t.Helper()
	policy := &transfer.Policy{}
	err := policy.Set(fmt.Appendf(nil, `keys:
- {name: secondary.test, secret: %s, zones: [drover.test]}
- {name: other.test, algorithm: hmac-sha512, secret: %s, zones: [other.test]}
`, testSecret, testSecret))
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func TestTransfer(t *testing.T) {
	config := testConfig(t)
	config.Transfers = testTransfers(t)
	many := config.Store.Load().Snapshot() // more than one message
	for i := range 500 {
		service := many.Services[0]
		service.Namespace = fmt.Sprintf("ns%d", i)
		many.Services = append(many.Services, service)
	}
	if err := config.Store.Replace(many); err != nil {
		t.Fatal(err)
	}
	_, address := start(t, config)
	for _, qtype := range []uint16{dns.TypeAXFR, dns.TypeIXFR} {
		m := query("drover.test.", qtype)
		if qtype == dns.TypeIXFR {
			m.Ns = []dns.RR{&dns.SOA{Hdr: dns.RR_Header{Name: "drover.test.", Rrtype: dns.TypeSOA, Class: dns.ClassINET}, Ns: ".", Mbox: "."}}
		}
		records, err := receive(m, "secondary.test.", dns.HmacSHA256, address)
		if err != nil {
			t.Fatal(err)
		}
		want := config.Store.Load().Records("drover.test.")
		if len(records) != len(want) {
			t.Errorf("%s: %d records, want %d", dns.TypeToString[qtype], len(records), len(want))
		}
	}
}

// receive transfers a zone, and checks the signatures.
func receive(m *dns.Msg, key, algorithm, address string) (records []dns.RR, err error) {
	in := &dns.Transfer{}
	if key != "" {
		in.TsigSecret = map[string]string{key: testSecret}
		m.SetTsig(key, algorithm, 300, time.Now().Unix())
	}
	envelopes, err := in.In(m, address)
	if err != nil {
		return nil, err
	}
	for envelope := range envelopes {
		if envelope.Error != nil {
			return nil, envelope.Error
		}
		records = append(records, envelope.RR...)
	}
	return records, nil
}

func TestTransferIsRefused(t *testing.T) {
	config := testConfig(t)
	config.Transfers = testTransfers(t)
	_, address := start(t, config)
	for name, test := range map[string]struct{ zone, key, algorithm string }{
		"no key":                {"drover.test.", "", ""},
		"a key of other zones":  {"drover.test.", "other.test.", dns.HmacSHA512},
		"a key nobody knows":    {"drover.test.", "nobody.test.", dns.HmacSHA256},
		"another algorithm":     {"drover.test.", "secondary.test.", dns.HmacSHA512},
		"a name in the zone":    {"svc.drover.test.", "secondary.test.", dns.HmacSHA256},
		"a zone not served":     {"other.test.", "other.test.", dns.HmacSHA512},
		"a weak one, if listed": {"drover.test.", "secondary.test.", dns.HmacSHA1},
	} {
		t.Run(name, func(t *testing.T) {
			if records, err := receive(query(test.zone, dns.TypeAXFR), test.key, test.algorithm, address); err == nil {
				t.Errorf("%d records were sent", len(records))
			}
		})
	}
	udp := query("drover.test.", dns.TypeAXFR)
	udp.SetTsig("secondary.test.", dns.HmacSHA256, 300, time.Now().Unix())
	client := &dns.Client{TsigSecret: map[string]string{"secondary.test.": testSecret}}
	if reply := exchange(t, client, udp, address); reply.Rcode != dns.RcodeRefused {
		t.Errorf("over UDP: %v", reply)
	}
}

func TestSignedQueries(t *testing.T) {
	config := testConfig(t)
	config.Transfers = testTransfers(t)
	_, address := start(t, config)
	for _, network := range []string{"udp", "tcp"} {
		m := query(web, dns.TypeA)
		m.SetTsig("secondary.test.", dns.HmacSHA256, 300, time.Now().Unix())
		client := &dns.Client{Net: network, TsigSecret: map[string]string{"secondary.test.": testSecret}}
		if reply := exchange(t, client, m, address); len(reply.Answer) != 3 || reply.IsTsig() == nil {
			t.Errorf("%s: %v", network, reply)
		}
	}
	for name, test := range map[string]struct {
		key, secret string
		time        time.Time
		want        uint16
	}{
		"a key nobody knows": {"nobody.test.", testSecret, time.Now(), dns.RcodeBadKey},
		"another secret":     {"secondary.test.", "b3RoZXJvdGhlcm90aGVyb3RoZXI=", time.Now(), dns.RcodeBadSig},
		"an hour ago":        {"secondary.test.", testSecret, time.Now().Add(-time.Hour), dns.RcodeBadTime},
	} {
		t.Run(name, func(t *testing.T) {
			m := query(web, dns.TypeA)
			m.SetTsig(test.key, dns.HmacSHA256, 300, test.time.Unix())
			packed, _, err := dns.TsigGenerate(m, test.secret, "", false)
			if err != nil {
				t.Fatal(err)
			}
			var reply dns.Msg
			if err := reply.Unpack(New(config).newWorker().reply(nil, packed, clientAddr, UDP)); err != nil {
				t.Fatal(err)
			}
			if reply.Rcode != dns.RcodeNotAuth || len(reply.Answer) != 0 || reply.IsTsig() == nil || reply.IsTsig().Error != test.want {
				t.Errorf("got %v", &reply)
			}
		})
	}
}
