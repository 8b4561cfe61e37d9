// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"k8s.io/component-base/metrics"

	"drover.dev/drover/pkg/dns/location"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
)

const testZone = `
version: 1
zones:
- name: drover.test
  nameServers: [{name: ns1.drover.test, addresses: [192.0.2.53]}]
clusters:
- {name: east, location: {region: us-east1}}
- {name: west, location: {region: us-west1}}
services:
- namespace: default
  name: web
  ports: [{name: http, port: 80}]
  backends:
  - {cluster: east, addresses: [192.0.2.1, 192.0.2.2, 192.0.2.3, "2001:db8::1"], readyEndpoints: 1}
- namespace: default
  name: geo
  backends:
  - {cluster: east, addresses: [192.0.2.1], readyEndpoints: 1}
  - {cluster: west, addresses: [198.51.100.1], readyEndpoints: 1}
- namespace: default
  name: big
  ports: [{name: http, port: 80}]
  backends:
  - cluster: east
    readyEndpoints: 1
    addresses: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, 10.0.0.7, 10.0.0.8, 10.0.0.9, 10.0.0.10,
      10.0.0.11, 10.0.0.12, 10.0.0.13, 10.0.0.14, 10.0.0.15, 10.0.0.16, 10.0.0.17, 10.0.0.18, 10.0.0.19, 10.0.0.20,
      10.0.0.21, 10.0.0.22, 10.0.0.23, 10.0.0.24, 10.0.0.25, 10.0.0.26, 10.0.0.27, 10.0.0.28, 10.0.0.29, 10.0.0.30,
      10.0.0.31, 10.0.0.32, 10.0.0.33, 10.0.0.34, 10.0.0.35, 10.0.0.36]
- namespace: default
  name: lb
  backends: [{cluster: east, hostname: lb.example.com, readyEndpoints: 1}]
`

const web = "web.default.federation.svc.drover.test."

const testNetworks = `
networks:
- {cidr: 10.1.0.0/16, region: us-east1}
- {cidr: 10.2.0.0/16, region: us-west1}
- {cidr: "2001:db8:2::/48", region: us-west1}
`

func testConfig(t testing.TB) Config {
	t.Helper()
	s, err := snapshot.Parse([]byte(testZone), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	store := &zone.Store{}
	if err := store.Replace(s); err != nil {
		t.Fatal(err)
	}
	networks, err := location.ParseNetworks([]byte(testNetworks))
	if err != nil {
		t.Fatal(err)
	}
	finder := &location.Finder{}
	finder.SetNetworks(networks)
	return Config{
		Store: store, Finder: finder, Cookies: NewCookies(), Sockets: 2,
		Metrics: NewMetrics(metrics.NewKubeRegistry(), store, time.Minute),
	}
}

// start runs a server until the test ends, and returns its address.
func start(t testing.TB, config Config) (*Server, string) {
	t.Helper()
	s := New(config)
	address, err := s.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	return s, address
}

func run(t testing.TB, s *Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func query(name string, qtype uint16) *dns.Msg { return new(dns.Msg).SetQuestion(name, qtype) }

// exchange asks over UDP, or over the network that the client says.
func exchange(t testing.TB, client *dns.Client, m *dns.Msg, address string) *dns.Msg {
	t.Helper()
	reply, _, err := client.Exchange(m, address)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// direct asks a worker, without a network.
func direct(t testing.TB, w *worker, m *dns.Msg, from string, transport Transport) *dns.Msg {
	t.Helper()
	packed, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	answered := w.reply(nil, packed, netip.MustParseAddr(from), transport)
	if answered == nil {
		return nil
	}
	var reply dns.Msg
	if err := reply.Unpack(answered); err != nil {
		t.Fatal(err)
	}
	return &reply
}

func withSubnet(m *dns.Msg, address string, family uint16, bits uint8) *dns.Msg {
	m.SetEdns0(1232, false)
	opt := m.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: bits, Address: netip.MustParseAddr(address).AsSlice(),
	})
	return m
}

func withCookie(m *dns.Msg, cookie string) *dns.Msg {
	m.SetEdns0(1232, false)
	opt := m.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
	return m
}

func cookieOf(m *dns.Msg) string {
	if opt := m.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if cookie, ok := option.(*dns.EDNS0_COOKIE); ok {
				return cookie.Cookie
			}
		}
	}
	return ""
}

func subnetOf(m *dns.Msg) string {
	if opt := m.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if subnet, ok := option.(*dns.EDNS0_SUBNET); ok {
				return subnet.String()
			}
		}
	}
	return ""
}
