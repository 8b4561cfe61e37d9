// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/dns/zone"
)

var clientAddr = netip.MustParseAddr("203.0.113.9")

func TestUDPAndTCP(t *testing.T) {
	_, address := start(t, testConfig(t))
	for _, network := range []string{"udp", "tcp"} {
		reply := exchange(t, &dns.Client{Net: network}, query(web, dns.TypeA), address)
		if len(reply.Answer) != 3 {
			t.Errorf("%s: %v", network, reply)
		}
	}
}

func TestEveryoneIsAnsweredAtOnce(t *testing.T) {
	_, address := start(t, testConfig(t))
	var clients sync.WaitGroup
	for range 50 {
		clients.Go(func() {
			conn, err := dns.Dial("udp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for range 50 {
				m := query(web, dns.TypeAAAA)
				reply, _, err := new(dns.Client).ExchangeWithConn(m, conn)
				if err != nil || reply.Id != m.Id || len(reply.Answer) != 1 {
					t.Errorf("%v %v", reply, err)
					return
				}
			}
		})
	}
	clients.Wait()
}

func TestAnswersWhileTheSnapshotChanges(t *testing.T) {
	config := testConfig(t)
	config.Keys = testKeys(t)
	_, address := start(t, config)
	changed := config.Store.Load().Snapshot().Services[3]
	if changed.Name != "web" {
		t.Fatalf("the service is %s", changed.Name)
	}
	done := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				m := query(web, dns.TypeA)
				if i%2 == 0 {
					m.SetEdns0(1232, true)
				}
				reply, _, err := new(dns.Client).Exchange(m, address)
				if err != nil {
					t.Error(err)
					return
				}
				seen := make(map[string]bool) // of which service the addresses are
				for _, rr := range reply.Answer {
					if a, ok := rr.(*dns.A); ok {
						seen[a.A.Mask(net.CIDRMask(24, 32)).String()] = true
					}
				}
				if len(seen) != 1 {
					t.Errorf("an answer is mixed: %v", reply)
				}
			}
		})
	}
	for version := range 200 {
		next := changed
		next.Backends = slices.Clone(changed.Backends)
		if version%2 == 0 {
			next.Backends[0].Addresses = []string{"203.0.113.1", "203.0.113.2"}
		}
		if err := config.Store.Update(zone.Change{Version: int64(2 + version), Time: time.Now(), Set: []snapshot.Service{next}}); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	clients.Wait()
}

func TestAllAddresses(t *testing.T) {
	addresses := []string{"0.0.0.0:0"}
	if probe, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		probe.Close()
		addresses = append(addresses, "[::]:0")
	} else {
		t.Logf("IPv6 is left out: %v", err)
	}
	for _, listen := range addresses {
		s := New(testConfig(t))
		address, err := s.Listen(t.Context(), listen)
		if err != nil {
			t.Fatal(err)
		}
		run(t, s)
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		// A connected socket takes replies only from the address that was asked.
		for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.1.2.3"} {
			if reply := exchange(t, &dns.Client{}, query(web, dns.TypeA), net.JoinHostPort(host, port)); len(reply.Answer) != 3 {
				t.Errorf("%s at %s: %v", listen, host, reply)
			}
		}
	}
}

func TestPipelining(t *testing.T) {
	_, address := start(t, testConfig(t))
	conn := dial(t, address)
	var sent []byte
	var ids []uint16
	for range 20 {
		m := query(web, dns.TypeA)
		packed, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.Id)
		sent = append(append(sent, byte(len(packed)>>8), byte(len(packed))), packed...)
	}
	if _, err := conn.Write(sent); err != nil {
		t.Fatal(err)
	}
	c := dns.Conn{Conn: conn}
	for _, id := range ids {
		reply, err := c.ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		if reply.Id != id || len(reply.Answer) != 3 {
			t.Errorf("got %d, want %d: %v", reply.Id, id, reply)
		}
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// closed waits until the server has closed a connection.
func closed(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := conn.Read(make([]byte, 1))
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection was not closed: %v", err)
	}
}

func TestAReplyClosesTheConnection(t *testing.T) {
	_, address := start(t, testConfig(t))
	conn := dial(t, address)
	if _, err := conn.Write(append([]byte{0, 12}, []byte("\x12\x34\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00")...)); err != nil {
		t.Fatal(err)
	}
	closed(t, conn)
}

func TestConnectionsAreLimited(t *testing.T) {
	config := testConfig(t)
	config.ConnectionsPerClient = 2
	_, address := start(t, config)
	first, second := &dns.Conn{Conn: dial(t, address)}, &dns.Conn{Conn: dial(t, address)}
	for _, conn := range []*dns.Conn{first, second} {
		if _, _, err := new(dns.Client).ExchangeWithConn(query(web, dns.TypeA), conn); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, dial(t, address))
	if _, _, err := new(dns.Client).ExchangeWithConn(query(web, dns.TypeA), first); err != nil {
		t.Errorf("one that was there is not served on: %v", err)
	}
}

func TestCloseEndsConnections(t *testing.T) {
	s, address := start(t, testConfig(t))
	conn := dial(t, address)
	if _, _, err := new(dns.Client).ExchangeWithConn(query(web, dns.TypeA), &dns.Conn{Conn: conn}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestTLS(t *testing.T) {
	certificate, pool := selfSigned(t)
	s := New(testConfig(t))
	address, err := s.ListenTLS(t.Context(), "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"dot"}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	client := &dns.Client{Net: "tcp-tls", TLSConfig: &tls.Config{RootCAs: pool, NextProtos: []string{"dot"}}}
	if reply := exchange(t, client, query(web, dns.TypeA), address); len(reply.Answer) != 3 {
		t.Errorf("got %v", reply)
	}
}

// selfSigned makes a certificate for 127.0.0.1, and a pool that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
