// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"
)

// once is a socket with one batch of packets.
type once struct {
	packets [][]byte
	from    netip.Addr
	done    bool
	replies map[int][]byte
}

func (o *once) read() (int, error) {
	if o.done {
		return 0, net.ErrClosed
	}
	o.done = true
	return len(o.packets), nil
}

func (o *once) query(i int) (msg []byte, from netip.Addr) { return o.packets[i], o.from }

func (o *once) room(int) []byte { return nil }

func (o *once) reply(i int, msg []byte) { o.replies[i] = msg }

func (o *once) flush() error { return nil }

// What comes in one batch is answered each by itself: what one packet is does not show in the reply to the next.
func TestBatch(t *testing.T) {
	config := testConfig(t)
	registry := metrics.NewKubeRegistry()
	config.Metrics = NewMetrics(registry, config.Store, time.Minute)
	subnet := withSubnet(query(strings.Replace(web, "web.", "geo.", 1), dns.TypeA), "10.2.2.0", 1, 24)
	messages := []*dns.Msg{
		query(web, dns.TypeA), nil, subnet, query("nope.drover.test.", dns.TypeA), query(web, dns.TypeAAAA),
		query("example.com.", dns.TypeA), nil, query(web, dns.TypeA).SetEdns0(1232, false),
	}
	packets := &once{from: clientAddr, replies: map[int][]byte{}}
	for _, m := range messages {
		var packed []byte
		if m != nil {
			var err error
			if packed, err = m.Pack(); err != nil {
				t.Fatal(err)
			}
		}
		packets.packets = append(packets.packets, packed)
	}
	New(config).serveUDP(t.Context(), packets)
	var got []string
	for i := range messages {
		reply := &dns.Msg{}
		if packed := packets.replies[i]; packed == nil {
			got = append(got, "none")
			continue
		} else if err := reply.Unpack(packed); err != nil {
			t.Fatal(err)
		}
		if reply.Id != messages[i].Id || reply.Question[0] != messages[i].Question[0] {
			t.Errorf("%d: %v is no reply to %v", i, reply, messages[i])
		}
		got = append(got, fmt.Sprintf("%s %d %v %s", dns.RcodeToString[reply.Rcode], len(reply.Answer), reply.IsEdns0() != nil, subnetOf(reply)))
	}
	want := []string{
		"NOERROR 3 false ", "none", "NOERROR 1 true 10.2.2.0/24/16", "NXDOMAIN 0 false ", "NOERROR 1 false ", "REFUSED 0 false ", "none",
		"NOERROR 3 true ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	counted := `
# HELP drover_dns_dropped_total [ALPHA] Queries and connections that were not answered, by reason; rate_limit_slip were told to come over TCP.
# TYPE drover_dns_dropped_total counter
drover_dns_dropped_total{reason="no_query"} 2
# HELP drover_dns_queries_total [ALPHA] Queries that were answered. Zone is empty for what is in no zone; type is other for those that are rare.
# TYPE drover_dns_queries_total counter
drover_dns_queries_total{rcode="NOERROR",transport="udp",type="A",zone="drover.test."} 3
drover_dns_queries_total{rcode="NOERROR",transport="udp",type="AAAA",zone="drover.test."} 1
drover_dns_queries_total{rcode="NXDOMAIN",transport="udp",type="A",zone="drover.test."} 1
drover_dns_queries_total{rcode="REFUSED",transport="udp",type="A",zone=""} 1
`
	if err := testutil.GatherAndCompare(registry.Gatherer(), strings.NewReader(counted), "drover_dns_queries_total", "drover_dns_dropped_total"); err != nil {
		t.Error(err)
	}
}

func TestDurations(t *testing.T) {
	m := NewMetrics(metrics.NewKubeRegistry(), testConfig(t).Store, time.Minute)
	for _, took := range []time.Duration{0, time.Microsecond, 2 * time.Microsecond, 2*time.Microsecond + 1, time.Hour} {
		m.durations.observe(UDP, took, 2)
	}
	of := &m.durations[UDP]
	for bucket, want := range map[int]uint64{0: 4, 1: 2, 2: 2, 3: 0, durationBounds: 2} {
		if got := of.buckets[bucket].Load(); got != want {
			t.Errorf("bucket %d: got %d, want %d", bucket, got, want)
		}
	}
	if got, want := of.nanos.Load(), uint64(2*(5*time.Microsecond+1+time.Hour)); got != want {
		t.Errorf("all of it took %d ns, want %d", got, want)
	}
}
