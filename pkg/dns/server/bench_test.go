// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"

	"drover.dev/drover/pkg/dns/wire"
)

// Of each kind of question, the time to an answer without a network.
func BenchmarkReply(b *testing.B) {
	geo := strings.Replace(web, "web.", "geo.", 1)
	edns := func(m *dns.Msg, do bool) *dns.Msg { return m.SetEdns0(1232, do) }
	for name, m := range map[string]*dns.Msg{
		"address":            query(web, dns.TypeA),
		"address, EDNS":      edns(query(web, dns.TypeA), false),
		"address, cookie":    withCookie(query(web, dns.TypeA), "0102030405060708"),
		"by place":           query(geo, dns.TypeA),
		"by client subnet":   withSubnet(query(geo, dns.TypeA), "10.1.2.0", 1, 24),
		"by draw":            withSubnet(query(geo, dns.TypeA), "10.9.2.0", 1, 24),
		"in a region, CNAME": query("web.default.federation.svc.us-west1.drover.test.", dns.TypeA),
		"SRV":                query("_http._tcp."+web, dns.TypeSRV),
		"NXDOMAIN":           query("nope.drover.test.", dns.TypeA),
		"REFUSED":            query("example.com.", dns.TypeA),
		"signed":             edns(query(web, dns.TypeA), true),
	} {
		b.Run(name, func(b *testing.B) {
			config := testConfig(b)
			config.Keys = testKeys(b)
			w := New(config).newWorker()
			msg, err := m.Pack()
			if err != nil {
				b.Fatal(err)
			}
			buffer := make([]byte, 0, wire.MaxUDPSize)
			from := netip.MustParseAddr("10.1.2.3")
			b.ReportAllocs()
			for b.Loop() {
				if w.reply(buffer, msg, from, UDP) == nil {
					b.Fatal("no reply")
				}
			}
		})
	}
}

// Queries a second over loopback, clients in the same process and on the same cores; and the processor's time for one,
// the client's part included, which says more on a machine that others use. Each client keeps a window of queries under
// way; what is lost is asked again.
func BenchmarkUDP(b *testing.B) {
	for _, sockets := range []int{1, 2} {
		b.Run(fmt.Sprintf("sockets=%d", sockets), func(b *testing.B) {
			config := testConfig(b)
			config.Sockets = sockets
			_, address := start(b, config)
			const clients = 4
			done := make(chan error, clients)
			b.ResetTimer()
			began, used := time.Now(), cpu(b)
			for range clients {
				go func() { done <- load(address, b.N/clients+1) }()
			}
			for range clients {
				if err := <-done; err != nil {
					b.Error(err)
				}
			}
			b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "queries/s")
			b.ReportMetric(float64((cpu(b)-used).Nanoseconds())/float64(b.N), "cpu-ns/query")
		})
	}
}

// cpu is the processor's time that the process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// messages are packets of a size.
func messages(size int) []ipv4.Message {
	ms := make([]ipv4.Message, batch)
	for i, buffer := range buffers(size) {
		ms[i].Buffers = [][]byte{buffer}
	}
	return ms
}

// load asks so many queries, a batch at a time, and checks that each was answered.
func load(address string, queries int) error {
	conn, err := net.Dial("udp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	packed, err := query(web, dns.TypeA).Pack()
	if err != nil {
		return err
	}
	packet := ipv4.NewPacketConn(conn.(*net.UDPConn))
	out, in := messages(len(packed)), messages(512)
	for i := range out {
		copy(out[i].Buffers[0], packed)
	}
	for queries > 0 {
		window := min(queries, batch)
		if _, err := packet.WriteBatch(out[:window], 0); err != nil {
			return err
		}
		if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			return err
		}
		for received := 0; received < window; {
			n, err := packet.ReadBatch(in[:window-received], 0)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break // lost: asked again
			}
			if err != nil {
				return err
			}
			for i := range in[:n] {
				if reply := in[i].Buffers[0][:in[i].N]; reply[7] != 3 {
					return fmt.Errorf("%d answers", reply[7])
				}
			}
			received += n
			queries -= n
		}
	}
	return nil
}
