// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"strings"
	"testing"

	"drover.dev/drover/pkg/dns"
	"drover.dev/drover/pkg/dns/dnssec"
)

// signed serves a zone that is signed, and returns its DS record.
func signed(t *testing.T, zone string) (*server, string) {
	t.Helper()
	keys := t.TempDir()
	_, ds, err := dnssec.Generate(apex, keys)
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, zone, func(_ *server, o *dns.Options) { o.DNSSECKeys = keys }), ds.String()
}

// question is what a client is told to ask, and what its output must have and not have.
type question struct {
	args          []string
	want, without []string
}

func (s *server) try(t *testing.T, path string, common []string, questions map[string]question) {
	t.Helper()
	for name, q := range questions {
		t.Run(name, func(t *testing.T) {
			out := run(t, path, append(append([]string(nil), common...), q.args...)...)
			for _, want := range q.want {
				if !strings.Contains(out, want) {
					t.Errorf("%v prints\n%s\nwithout %q", q.args, out, want)
				}
			}
			for _, text := range append(q.without, "WARNING", "Malformed", "malformed") {
				if strings.Contains(out, text) {
					t.Errorf("%v prints\n%s\nwith %q", q.args, out, text)
				}
			}
		})
	}
}

const (
	inEast = "192.0.2.1"
	inWest = "198.51.100.1"
)

func TestDig(t *testing.T) {
	path := program(t, "dig")
	s, _ := signed(t, testZone)
	s.try(t, path, []string{"@127.0.0.1", "-p", port(t, s.dns), "+norecurse", "+tries=1"}, map[string]question{
		"address":        {args: []string{webName}, want: []string{"status: NOERROR", "flags: qr aa;", inEast}},
		"TCP":            {args: []string{"+tcp", webName}, want: []string{"(TCP)", inEast}},
		"by subnet":      {args: []string{"+subnet=10.2.3.0/24", webName}, want: []string{"CLIENT-SUBNET: 10.2.3.0/24/16", inWest}},
		"no subnet":      {args: []string{"+subnet=0.0.0.0/0", webName}, want: []string{"CLIENT-SUBNET: 0.0.0.0/0/0"}},
		"cookie":         {args: []string{"+cookie=0102030405060708", webName}, want: []string{"COOKIE: 0102030405060708", "(good)"}},
		"no EDNS":        {args: []string{"+noedns", webName}, want: []string{inEast}, without: []string{"EDNS:"}},
		"EDNS version 1": {args: []string{"+edns=1", "+noednsnegotiation", webName}, want: []string{"status: BADVERS"}},
		"signatures":     {args: []string{"+dnssec", webName}, want: []string{"RRSIG", inEast}},
		"denial":         {args: []string{"+dnssec", "nope." + apex}, want: []string{"status: NOERROR", "NSEC", "SOA"}},
		"ANY":            {args: []string{webName, "ANY"}, want: []string{"HINFO", "RFC8482"}, without: []string{inEast}},
		"SRV":            {args: []string{"_http._tcp." + webName, "SRV"}, want: []string{"east.cluster." + apex, "ADDITIONAL SECTION"}},
		"a transfer":     {args: []string{apex, "AXFR"}, want: []string{"Transfer failed"}},
		"not ours":       {args: []string{"example.com"}, want: []string{"status: REFUSED"}},
	})
}

func TestKdig(t *testing.T) {
	path := program(t, "kdig")
	s, _ := signed(t, testZone)
	s.try(t, path, []string{"@127.0.0.1", "-p", port(t, s.dns), "+norecurse", "+retry=0"}, map[string]question{
		"address":       {args: []string{webName}, want: []string{"status: NOERROR", "Flags: qr aa;", inEast}},
		"TCP":           {args: []string{"+tcp", "+keepopen", webName, webName}, want: []string{"(TCP)", inEast}},
		"by subnet":     {args: []string{"+subnet=10.2.3.0/24", webName}, want: []string{"CLIENT-SUBNET: 10.2.3.0/24/16", inWest}},
		"cookie":        {args: []string{"+cookie", webName}, want: []string{"COOKIE", inEast}},
		"signatures":    {args: []string{"+dnssec", webName, "AAAA"}, want: []string{"RRSIG", "2001:db8::1"}},
		"keys":          {args: []string{"+dnssec", apex, "DNSKEY"}, want: []string{"DNSKEY\t257 3 13", "RRSIG"}},
		"no such name":  {args: []string{"nope." + apex}, want: []string{"status: NXDOMAIN", "SOA"}},
		"empty between": {args: []string{"svc." + apex}, want: []string{"status: NOERROR", "SOA"}},
	})
}

func TestDrill(t *testing.T) {
	path := program(t, "drill")
	s, _ := signed(t, testZone)
	s.try(t, path, []string{"-p", port(t, s.dns), "-o", "rd", "@127.0.0.1"}, map[string]question{
		"address":      {args: []string{webName, "A"}, want: []string{"rcode: NOERROR", "flags: qr aa", inEast}},
		"TCP":          {args: []string{"-t", webName, "A"}, want: []string{"rcode: NOERROR", inEast}},
		"signatures":   {args: []string{"-D", webName, "A"}, want: []string{"RRSIG", inEast}},
		"alias":        {args: []string{"web.default.federation.svc.us-east1-b.us-east1." + apex, "AAAA"}, want: []string{"2001:db8::1"}},
		"no such name": {args: []string{"nope." + apex, "A"}, want: []string{"rcode: NXDOMAIN", "SOA"}},
	})
}
