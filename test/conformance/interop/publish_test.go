// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	codec "github.com/miekg/dns"

	"drover.dev/drover/pkg/dns"
	"drover.dev/drover/test/harness"
)

const (
	secret = "cHVibGlzaGVycHVibGlzaGVycHVibGlzaGVy"
	// primaryZone has records of somebody else. One has the name of a host of ours.
	primaryZone = `$TTL 60
@ SOA ns.drover.test. hostmaster.drover.test. 1 3600 600 86400 30
@ NS ns
ns A 127.0.0.1
www A 203.0.113.80
shop A 203.0.113.81
text.default.federation.svc TXT "mine"
`
)

// primary is a server of somebody else's.
type primary struct{ address string }

// bind runs BIND.
func bind(t *testing.T, lab *harness.Lab) *primary {
	return start(t, lab, "named", "named.conf", `
options { directory "DIR"; listen-on port PORT { 127.0.0.1; }; dnssec-validation no; listen-on-v6 { none; }; pid-file none; recursion no; session-keyfile none; };
controls {};
key "publisher.test" { algorithm hmac-sha256; secret "SECRET"; };
zone "drover.test" { type primary; file "zone"; allow-transfer { key publisher.test; }; update-policy { grant publisher.test zonesub ANY; }; };
`, "-g", "-c", "DIR/named.conf")
}

// knot runs Knot.
func knot(t *testing.T, lab *harness.Lab) *primary {
	return start(t, lab, "knotd", "knot.conf", `
server:
  rundir: DIR
  listen: 127.0.0.1@PORT
database:
  storage: DIR
log:
- target: stderr
  any: info
key:
- id: publisher.test
  algorithm: hmac-sha256
  secret: SECRET
acl:
- id: publisher
  key: publisher.test
  action: [transfer, update]
zone:
- domain: drover.test
  storage: DIR
  file: zone
  acl: publisher
`, "-c", "DIR/knot.conf")
}

// start runs a server on the zone, and waits until it answers.
func start(t *testing.T, lab *harness.Lab, name, file, config string, args ...string) *primary {
	t.Helper()
	path := program(t, name)
	address := freeAddress(t)
	dir, err := lab.Directory(name)
	if err != nil {
		t.Fatal(err)
	}
	in := strings.NewReplacer("DIR", dir, "PORT", port(t, address), "SECRET", secret)
	write(t, filepath.Join(dir, file), in.Replace(config))
	write(t, filepath.Join(dir, "zone"), primaryZone)
	for i := range args {
		args[i] = in.Replace(args[i])
	}
	process, err := lab.StartProgram(t.Context(), name, path, dir, args...)
	if err != nil {
		t.Fatal(err)
	}
	harness.ReportOnFailure(t, process)
	p := &primary{address}
	p.eventually(t, "www.drover.test.", codec.TypeA, "203.0.113.80")
	return p
}

// eventually waits until the server has these records, and no others, of a type at a name. NXDOMAIN and nothing are told
// apart.
func (p *primary) eventually(t *testing.T, name string, qtype uint16, want ...string) {
	t.Helper()
	slices.Sort(want)
	harness.Eventually(t, patience, func() error {
		got, err := answer(t, p.address, name, qtype)
		if err != nil {
			got = []string{err.Error()}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			return fmt.Errorf("%s %s has %v, want %v", name, codec.TypeToString[qtype], got, want)
		}
		return nil
	})
}

// byHand makes an update as somebody else.
func (p *primary) byHand(t *testing.T, change func(*codec.Msg)) {
	t.Helper()
	m := new(codec.Msg).SetUpdate(apex + ".")
	change(m)
	m.SetTsig("publisher.test.", codec.HmacSHA256, 300, 0)
	client := &codec.Client{Net: "tcp", TsigSecret: map[string]string{"publisher.test.": secret}}
	reply, _, err := client.ExchangeContext(t.Context(), m, p.address)
	if err != nil || reply.Rcode != codec.RcodeSuccess {
		t.Fatalf("an update by hand: %v %v", reply, err)
	}
}

func record(t *testing.T, text string) codec.RR {
	t.Helper()
	rr, err := codec.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

func (p *primary) targets(secret, more string) string {
	return fmt.Sprintf("targets: [{server: %q, zone: drover.test, owner: interop.test, key: {name: publisher.test, secret: %s}%s}]", p.address, secret, more)
}

// publishTo serves and publishes a zone.
func (p *primary) publishTo(t *testing.T, zone, targets string) *server {
	t.Helper()
	return serve(t, zone, func(s *server, o *dns.Options) {
		o.Publish = write(t, filepath.Join(s.dir, "publish.yaml"), targets)
	})
}

const (
	nothing = "NXDOMAIN"
	eastIn  = "192.0.2.1"
)

func TestPublish(t *testing.T) {
	for name, run := range map[string]func(*testing.T, *harness.Lab) *primary{"BIND": bind, "Knot": knot} {
		t.Run(name, func(t *testing.T) {
			p := run(t, newLab(t))
			publish(t, p)
		})
	}
}

func publish(t *testing.T, p *primary) {
	one := strings.NewReplacer("  - {cluster: west, addresses: [198.51.100.1], readyEndpoints: 1}\n", "").Replace(testZone)
	s := p.publishTo(t, one, p.targets(secret, ""))
	others := func() {
		t.Helper()
		p.eventually(t, "www.drover.test.", codec.TypeA, "203.0.113.80")
		p.eventually(t, "shop.drover.test.", codec.TypeA, "203.0.113.81")
		p.eventually(t, "text.default.federation.svc.drover.test.", codec.TypeTXT, `"mine"`)
	}
	p.eventually(t, webName, codec.TypeA, eastIn, "192.0.2.2")
	p.eventually(t, webName, codec.TypeAAAA, "2001:db8::1")
	p.eventually(t, "web.default.federation.svc.us-west1.drover.test.", codec.TypeCNAME, webName)
	p.eventually(t, "_http._tcp."+webName, codec.TypeSRV, "0 1 80 web.default.federation.svc.east.cluster.drover.test.")
	p.eventually(t, "any.wild.drover.test.", codec.TypeA, "192.0.2.5")
	p.eventually(t, "lb.default.federation.svc.drover.test.", codec.TypeCNAME, "lb.example.com.")
	others()
	labels := fmt.Sprintf("{server=%q,zone=%q}", p.address, apex+".")
	harness.Eventually(t, patience, func() error {
		if got := s.metric(t, "drover_dns_publish_conflicts"+labels); got != "1" {
			return fmt.Errorf("%q conflicts are counted", got)
		}
		return nil
	})

	// What changes is followed: another address, an alias in place of addresses, a service that is gone, one that is down.
	changed := strings.NewReplacer(
		`192.0.2.1, 192.0.2.2, "2001:db8::1"`, "192.0.2.7", "hostname: lb.example.com", "addresses: [192.0.2.8]",
		`hosts: [shop.drover.test, "*.wild.drover.test"]`, "hosts: [shop.drover.test]").Replace(one)
	write(t, s.snapshot, changed)
	p.eventually(t, webName, codec.TypeA, "192.0.2.7")
	p.eventually(t, webName, codec.TypeAAAA)
	p.eventually(t, "lb.default.federation.svc.drover.test.", codec.TypeA, "192.0.2.8")
	p.eventually(t, "any.wild.drover.test.", codec.TypeA, nothing)
	others()
	write(t, s.snapshot, strings.Replace(changed, "[192.0.2.7], readyEndpoints: 1", "[192.0.2.7], readyEndpoints: 0", 1))
	p.eventually(t, webName, codec.TypeA) // no data: it is declared
	others()

	// What somebody changes at the primary server is put back by a server that reads the zone, but for what is not ours.
	s.stop()
	p.byHand(t, func(m *codec.Msg) {
		m.RemoveRRset([]codec.RR{record(t, "lb.default.federation.svc.drover.test. A 0.0.0.0"), record(t, "shop.drover.test. A 0.0.0.0")})
		m.Insert([]codec.RR{record(t, webName+" 60 TXT beside")})
	})
	s = p.publishTo(t, changed, p.targets(secret, ""))
	p.eventually(t, "lb.default.federation.svc.drover.test.", codec.TypeA, "192.0.2.8")
	p.eventually(t, "shop.drover.test.", codec.TypeA, "192.0.2.5") // it is free now
	p.eventually(t, webName, codec.TypeA, "192.0.2.7")
	p.eventually(t, webName, codec.TypeTXT, `"beside"`)

	// Taken away again is all that was published, and nothing else.
	write(t, filepath.Join(s.dir, "publish.yaml"), p.targets(secret, ", withdraw: true"))
	p.eventually(t, webName, codec.TypeA)
	p.eventually(t, "shop.drover.test.", codec.TypeA, nothing)
	p.eventually(t, webName, codec.TypeTXT, `"beside"`)
	p.eventually(t, "www.drover.test.", codec.TypeA, "203.0.113.80")
	p.eventually(t, "_drover-a."+webName, codec.TypeTXT, nothing)
}

// Another secret than the server's publishes nothing, and is counted.
func TestPublishWithAnotherSecret(t *testing.T) {
	p := bind(t, newLab(t))
	s := p.publishTo(t, testZone, p.targets("b3RoZXJvdGhlcm90aGVyb3RoZXI=", ""))
	labels := fmt.Sprintf("{result=\"error\",server=%q,zone=%q}", p.address, apex+".")
	harness.Eventually(t, patience, func() error {
		if got := s.metric(t, "drover_dns_publish_passes_total"+labels); got == "" {
			return fmt.Errorf("no error is counted")
		}
		return nil
	})
	p.eventually(t, webName, codec.TypeA, nothing)
}
