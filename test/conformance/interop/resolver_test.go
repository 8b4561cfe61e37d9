// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	codec "github.com/miekg/dns"

	"drover.dev/drover/test/harness"
)

// unbound runs a resolver that validates, that tells its clients' networks, and to which the zone is known by its server
// and a trust anchor. It returns the resolver's address.
func unbound(t *testing.T, s *server, anchor string) string {
	t.Helper()
	path, lab, address := program(t, "unbound"), newLab(t), freeAddress(t)
	dir, err := lab.Directory("unbound")
	if err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer("DIR", dir, "PORT", port(t, address), "SERVER", "127.0.0.1@"+port(t, s.dns), "ANCHOR", anchor).Replace(`
server:
  directory: "DIR"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  verbosity: 1
  interface: 127.0.0.1
  port: PORT
  do-ip6: no
  do-not-query-localhost: no
  local-zone: "test." nodefault
  module-config: "subnetcache validator iterator"
  send-client-subnet: 127.0.0.0/8
  client-subnet-always-forward: yes
  trust-anchor: "ANCHOR"
remote-control:
  control-enable: no
stub-zone:
  name: "drover.test"
  stub-addr: SERVER
`)
	process, err := lab.StartProgram(t.Context(), "unbound", path, dir, "-d", "-c", write(t, filepath.Join(dir, "unbound.conf"), config))
	if err != nil {
		t.Fatal(err)
	}
	harness.ReportOnFailure(t, process)
	harness.Eventually(t, patience, func() error {
		_, err := exchange(t, address, new(codec.Msg).SetQuestion(apex+".", codec.TypeSOA))
		return err
	})
	return address
}

// ask asks a resolver for a client in a network, with DO.
func ask(t *testing.T, address, name string, qtype uint16, network string) *codec.Msg {
	t.Helper()
	m := new(codec.Msg).SetQuestion(name, qtype)
	m.SetEdns0(1232, true)
	if network != "" {
		prefix := netip.MustParsePrefix(network)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &codec.EDNS0_SUBNET{
			Code: codec.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(prefix.Bits()), Address: prefix.Addr().AsSlice(),
		})
	}
	reply, err := exchange(t, address, m)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// said is what an answer says, without signatures.
func said(reply *codec.Msg) string {
	var values []string
	for _, rr := range reply.Answer {
		if rr.Header().Rrtype != codec.TypeRRSIG {
			values = append(values, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	return strings.Join(values, " ")
}

func TestResolverValidates(t *testing.T) {
	s, ds := signed(t, testZone)
	address := unbound(t, s, ds)
	for _, tt := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"web.default.federation.svc.east.cluster.drover.test.", codec.TypeAAAA, "2001:db8::1"},
		{"web.default.federation.svc.west.cluster.drover.test.", codec.TypeA, inWest},
		{"web.default.federation.svc.us-west1.drover.test.", codec.TypeA, inWest},
		{"web.default.federation.svc.us-east1-b.us-east1.drover.test.", codec.TypeAAAA, "2001:db8::1"},
		{"_http._tcp.web.default.federation.svc.west.cluster.drover.test.", codec.TypeSRV, "0 1 80 web.default.federation.svc.west.cluster.drover.test."},
		{"shop.drover.test.", codec.TypeA, "192.0.2.5"},
		{"any.wild.drover.test.", codec.TypeA, "192.0.2.5"},
		{"drover.test.", codec.TypeNS, "ns1.drover.test."},
		{"ns1.drover.test.", codec.TypeA, "127.0.0.1"},
		{webName, codec.TypeMX, ""},
		{"svc.drover.test.", codec.TypeA, ""},
		{"nope.drover.test.", codec.TypeA, ""},
		{"drover.test.", codec.TypeTXT, ""},
	} {
		reply := ask(t, address, tt.name, tt.qtype, "")
		if got := said(reply); got != tt.want || !reply.AuthenticatedData {
			t.Errorf("%s %s: got %q, AD %v, want %q:\n%v", tt.name, codec.TypeToString[tt.qtype], got, reply.AuthenticatedData, tt.want, reply)
		}
	}
}

// Clients of one resolver are told apart by their networks, and each answer validates, from the cache too.
func TestResolverTellsClientsApart(t *testing.T) {
	s, ds := signed(t, testZone)
	address := unbound(t, s, ds)
	for round := range 2 {
		for network, want := range map[string]string{"10.1.7.0/24": inEast, "10.2.7.0/24": inWest, "10.2.8.0/24": inWest} {
			reply := ask(t, address, webName, codec.TypeA, network)
			if got := said(reply); !strings.Contains(got, want) || !reply.AuthenticatedData {
				t.Errorf("round %d: a client in %s: got %q, AD %v, want %q", round, network, got, reply.AuthenticatedData, want)
			}
			if opt := reply.IsEdns0(); opt == nil || !strings.Contains(fmt.Sprint(opt.Option), "/16") {
				t.Errorf("round %d: a client in %s is told no scope: %v", round, network, opt)
			}
		}
	}
}

// What is signed by another key than the parent vouches for is not believed.
func TestResolverWithAnotherAnchor(t *testing.T) {
	s, _ := signed(t, testZone)
	_, other := signed(t, testZone)
	address := unbound(t, s, other)
	if reply := ask(t, address, webName, codec.TypeA, ""); reply.Rcode != codec.RcodeServerFailure {
		t.Errorf("got %v", reply)
	}
}
