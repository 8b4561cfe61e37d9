// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package flatten

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// resolve starts a resolver that knows records, by what is asked for, and returns its address. What it does not know
// there is not. Names that begin with "broken" it cannot look up; of those that begin with "large" it says over UDP only
// that there is more.
func resolve(t *testing.T, records map[dns.Question][]string) string {
	t.Helper()
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg).SetReply(q)
		_, udp := w.RemoteAddr().(*net.UDPAddr)
		switch known := records[q.Question[0]]; {
		case strings.HasPrefix(q.Question[0].Name, "broken"):
			reply.Rcode = dns.RcodeServerFailure
		case strings.HasPrefix(q.Question[0].Name, "large") && udp:
			reply.Truncated = true
		case len(known) == 0:
			reply.Rcode = dns.RcodeNameError
			reply.Ns = append(reply.Ns, record(t, "example.com. 300 SOA ns hostmaster 1 2 3 4 40"))
		default:
			for _, text := range known {
				reply.Answer = append(reply.Answer, record(t, text))
			}
		}
		_ = w.WriteMsg(reply) // who has gone needs none
	})
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: handler}, {Listener: listener, Handler: handler}} {
		started, ended := make(chan struct{}), make(chan error, 1)
		server.NotifyStartedFunc = func() { close(started) }
		go func() { ended <- server.ActivateAndServe() }()
		<-started
		t.Cleanup(func() {
			if err := server.Shutdown(); err != nil {
				t.Error(err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	return packets.LocalAddr().String()
}

func record(t *testing.T, text string) dns.RR {
	rr, err := dns.NewRR(text)
	if err != nil {
		t.Error(err)
	}
	return rr
}

func TestLookup(t *testing.T) {
	of := func(name string, qtype uint16) dns.Question {
		return dns.Question{Name: name, Qtype: qtype, Qclass: dns.ClassINET}
	}
	address := resolve(t, map[dns.Question][]string{
		of("lb.example.com.", dns.TypeA):     {"lb.example.com. 60 CNAME real.example.com.", "real.example.com. 90 A 192.0.2.2", "real.example.com. 90 A 192.0.2.1"},
		of("lb.example.com.", dns.TypeAAAA):  {"lb.example.com. 70 CNAME real.example.com.", "real.example.com. 90 AAAA 2001:db8::1"},
		of("four.example.com.", dns.TypeA):   {"four.example.com. 600 A 192.0.2.3"},
		of("large.example.com.", dns.TypeA):  {"large.example.com. 60 A 192.0.2.4"},
		of("broken.example.com.", dns.TypeA): {"broken.example.com. 60 A 192.0.2.5"},
	})
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("search example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := NewResolver(address)
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]struct {
		addresses string
		ttl       time.Duration
		err       string
	}{
		"lb.example.com":     {"192.0.2.1 192.0.2.2 2001:db8::1", time.Minute, ""},
		"four.example.com":   {"192.0.2.3", 40 * time.Second, ""}, // as long as there is no other family
		"large.example.com":  {"192.0.2.4", 40 * time.Second, ""},
		"nope.example.com":   {"", 40 * time.Second, ""},
		"broken.example.com": {"", 0, "look up A of broken.example.com: " + address + ": SERVFAIL"},
	} {
		addresses, ttl, err := r.Lookup(t.Context(), host)
		if got := strings.Join(addresses, " "); got != want.addresses || ttl != want.ttl || text(err) != want.err {
			t.Errorf("%s: %q for %s, %q; want %+v", host, got, ttl, text(err), want)
		}
	}
	r = &Resolver{system: conf}
	if _, _, err := r.Lookup(t.Context(), "lb.example.com"); err == nil || !strings.Contains(err.Error(), "--resolver") {
		t.Errorf("without a resolver: %v", err)
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// A server that does not answer is not the last that is asked.
func TestServersAreAskedInTurn(t *testing.T) {
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	question := new(dns.Msg).SetQuestion("lb.example.com.", dns.TypeA)
	address := resolve(t, map[dns.Question][]string{question.Question[0]: {"lb.example.com. 60 A 192.0.2.1"}})
	reply, err := ask(t.Context(), []string{closed.LocalAddr().String(), address}, question)
	if err != nil || len(reply.Answer) != 1 {
		t.Errorf("%v %v", reply, err)
	}
}

func TestAddressesOfResolvers(t *testing.T) {
	for address, want := range map[string][]string{
		"10.0.0.2": {"10.0.0.2:53"}, "10.0.0.2:5353": {"10.0.0.2:5353"}, "2001:db8::1": {"[2001:db8::1]:53"}, "dns.example.com:53": {"dns.example.com:53"},
	} {
		r, err := NewResolver(address)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := r.servers(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v %v", address, got, err)
		}
	}
	for _, address := range []string{"dns.example.com", ":53", "10.0.0.2:"} {
		if _, err := NewResolver(address); err == nil {
			t.Errorf("%s is taken", address)
		}
	}
}
