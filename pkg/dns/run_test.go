// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	codec "github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/dnssec"
)

const zoneFile = `
version: %VERSION%
time: 2026-03-01T12:00:00Z
zones:
- {name: drover.test, nameServers: [{name: ns.elsewhere.test}]}
clusters: [{name: east}]
services:
- namespace: default
  name: web
  backends: [{cluster: east, addresses: [%ADDRESS%], readyEndpoints: 1}]
`

const webName = "web.default.federation.svc.drover.test."

// instance is a name server that runs in this process.
type instance struct {
	t              *testing.T
	options        *Options
	dns, tls, http string
	stop           func()
}

// writeZone writes a snapshot with one service.
func writeZone(t *testing.T, path, version, address string) {
	t.Helper()
	text := strings.NewReplacer("%VERSION%", version, "%ADDRESS%", address).Replace(zoneFile)
	writeFile(t, path, text)
}

// writeFile replaces a file at once: whoever reads it sees all of it.
func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// run starts a name server on free ports, and waits until it says that it is ready.
func run(t *testing.T, change func(*Options)) *instance {
	t.Helper()
	i := &instance{t: t, options: NewOptions()}
	i.options.Snapshot = filepath.Join(t.TempDir(), "zone.yaml")
	i.options.Listen, i.options.HTTP = []string{"127.0.0.1:0"}, "127.0.0.1:0"
	writeZone(t, i.options.Snapshot, "1", "192.0.2.1")
	change(i.options)

	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := i.options.Run(ctx, in)
		in.CloseWithError(io.EOF)
		done <- err
	}()
	i.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		done <- nil
	}
	t.Cleanup(i.stop)
	line := make([]byte, 1024)
	n, err := out.Read(line)
	if err != nil {
		t.Fatalf("it is not ready: %v", err)
	}
	for address := range strings.FieldsSeq(string(line[:n])) {
		switch scheme, at, _ := strings.Cut(address, "://"); scheme {
		case "dns":
			i.dns = at
		case "tls":
			i.tls = at
		case "http":
			i.http = at
		}
	}
	return i
}

// ask returns the address that is answered, or the result.
func (i *instance) ask(name string) string {
	i.t.Helper()
	reply, _, err := new(codec.Client).Exchange(new(codec.Msg).SetQuestion(name, codec.TypeA), i.dns)
	if err != nil {
		i.t.Fatal(err)
	}
	for _, rr := range reply.Answer {
		if a, ok := rr.(*codec.A); ok {
			return a.A.String()
		}
	}
	return codec.RcodeToString[reply.Rcode]
}

// eventually waits until something is as it should be.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("after a minute it is not so that %s", what)
		}
	}
}

func (i *instance) get(path string) (status int, body string) {
	i.t.Helper()
	request, err := http.NewRequestWithContext(i.t.Context(), http.MethodGet, "http://"+i.http+path, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		i.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		i.t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

func TestSnapshotIsServedAndReadAgain(t *testing.T) {
	i := run(t, func(o *Options) { o.LastGood = filepath.Join(t.TempDir(), "last.json") })
	if got := i.ask(webName); got != "192.0.2.1" {
		t.Fatalf("got %s", got)
	}
	writeZone(t, i.options.Snapshot, "2", "192.0.2.2")
	eventually(t, "the new address is answered", func() bool { return i.ask(webName) == "192.0.2.2" })

	writeFile(t, i.options.Snapshot, "zones: []")
	eventually(t, "the bad file was read", func() bool {
		_, body := i.get("/metrics")
		return strings.Contains(body, `drover_dns_reloads_total{file="snapshot",result="error"} 1`)
	})
	if got := i.ask(webName); got != "192.0.2.2" {
		t.Errorf("a bad file was served: %s", got)
	}
	i.stop()

	again := run(t, func(o *Options) {
		o.Snapshot, o.LastGood = i.options.Snapshot, i.options.LastGood
	})
	if got := again.ask(webName); got != "192.0.2.2" {
		t.Errorf("the last good snapshot is not served: %s", got)
	}
}

func TestWithoutASnapshotItDoesNotStart(t *testing.T) {
	o := NewOptions()
	o.Listen, o.HTTP = []string{"127.0.0.1:0"}, ""
	o.Snapshot, o.LastGood = filepath.Join(t.TempDir(), "none.yaml"), filepath.Join(t.TempDir(), "none.json")
	if err := o.Run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestHealthAndMetrics(t *testing.T) {
	i := run(t, func(*Options) {})
	i.ask(webName)
	i.ask("nope.drover.test.")
	if status, body := i.get("/readyz"); status != http.StatusOK || !strings.Contains(body, "snapshot 1, 1 services, 1 clusters, taken") || !strings.Contains(body, "stale") {
		t.Errorf("readyz: %d %s", status, body)
	}
	if status, _ := i.get("/livez"); status != http.StatusOK {
		t.Errorf("livez: %d", status)
	}
	_, body := i.get("/metrics")
	for _, want := range []string{
		`drover_dns_queries_total{rcode="NOERROR",transport="udp",type="A",zone="drover.test."} 1`,
		`drover_dns_queries_total{rcode="NXDOMAIN",transport="udp",type="A",zone="drover.test."} 1`,
		`drover_dns_answers_total{cluster="east",namespace="default",service="web"} 1`,
		`drover_dns_query_duration_seconds_count{transport="udp"} 2`,
		"drover_dns_snapshot_stale 1", "drover_dns_snapshot_version 1", "drover_dns_snapshot_services 1",
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
}

func TestLocationsAreReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "locations.yaml")
	writeFile(t, file, "networks: [{cidr: 127.0.0.0/8, country: DE}]")
	i := run(t, func(o *Options) { o.Networks, o.Explain = file, true })
	at := func() string {
		reply, _, err := new(codec.Client).Exchange(new(codec.Msg).SetQuestion("_explain."+webName, codec.TypeTXT), i.dns)
		if err != nil || len(reply.Answer) != 1 {
			t.Fatalf("%v %v", reply, err)
		}
		for _, line := range reply.Answer[0].(*codec.TXT).Txt {
			if place, ok := strings.CutPrefix(line, "client 127.0.0.0/24 at "); ok {
				return place
			}
		}
		return ""
	}
	if got := at(); got != "country DE, continent europe" {
		t.Fatalf("the client is at %q", got)
	}
	writeFile(t, file, "networks: [{cidr: 127.0.0.1/8}]")
	eventually(t, "the bad file was read", func() bool {
		_, body := i.get("/metrics")
		return strings.Contains(body, `drover_dns_reloads_total{file="locations",result="error"} 1`)
	})
	if got := at(); got != "country DE, continent europe" {
		t.Errorf("after a bad file the client is at %q", got)
	}
	writeFile(t, file, "networks: [{cidr: 127.0.0.0/8, country: FR}]")
	eventually(t, "the client has moved", func() bool { return at() == "country FR, continent europe" })
}

// What another server says of a load balancer's name is answered where no alias may stand.
func TestAnAliasAtTheApexIsLookedUp(t *testing.T) {
	resolver := run(t, func(*Options) {})
	i := run(t, func(o *Options) {
		o.Resolver = resolver.dns
		writeFile(t, o.Snapshot, `
zones: [{name: apex.test, nameServers: [{name: ns.elsewhere.test}]}]
clusters: [{name: east}]
services:
- namespace: default
  name: apex
  hosts: [apex.test]
  backends: [{cluster: east, hostname: web.default.federation.svc.drover.test, readyEndpoints: 1}]
`)
	})
	eventually(t, "the apex has the load balancer's address", func() bool { return i.ask("apex.test.") == "192.0.2.1" })
	eventually(t, "the lookup is counted", func() bool {
		_, body := i.get("/metrics")
		return strings.Contains(body, `drover_dns_lookups_total{result="success"}`)
	})
}

func TestKeysSign(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := dnssec.Generate("drover.test", dir); err != nil {
		t.Fatal(err)
	}
	i := run(t, func(o *Options) { o.DNSSECKeys = dir })
	m := new(codec.Msg).SetQuestion(webName, codec.TypeA).SetEdns0(1232, true)
	reply, _, err := new(codec.Client).Exchange(m, i.dns)
	if err != nil || len(reply.Answer) != 2 {
		t.Errorf("got %v, %v", reply, err)
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	writeCertificate(t, cert, key, 1)
	i := run(t, func(o *Options) {
		o.ListenTLS, o.TLSCert, o.TLSKey = []string{"127.0.0.1:0"}, cert, key
	})
	serial := func() int64 {
		dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // whose it is, is what is looked at
		conn, err := dialer.DialContext(t.Context(), "tcp", i.tls)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Fatalf("certificate %d", got)
	}
	writeCertificate(t, cert, key, 2)
	eventually(t, "the new certificate is shown", func() bool { return serial() == 2 })
}

func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{keyFile: {Type: "PRIVATE KEY", Bytes: private}, certFile: {Type: "CERTIFICATE", Bytes: der}} {
		var b bytes.Buffer
		if err := pem.Encode(&b, block); err != nil {
			t.Fatal(err)
		}
		writeFile(t, file, b.String())
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Options)
		want   string
	}{
		"no snapshot":      {func(o *Options) { o.Snapshot = "" }, "either a file by --snapshot, or a federation by --kubeconfig"},
		"two snapshots":    {func(o *Options) { o.Kubeconfig = "x" }, "either a file by --snapshot, or a federation by --kubeconfig"},
		"no zone":          {func(o *Options) { o.Snapshot, o.Kubeconfig, o.Zones.Names = "", "x", nil }, "--zone must name a zone"},
		"nowhere":          {func(o *Options) { o.Listen = nil }, "--listen must name an address"},
		"no certificate":   {func(o *Options) { o.ListenTLS = []string{"127.0.0.1:0"} }, "needs --tls-cert and --tls-key"},
		"no TLS":           {func(o *Options) { o.TLSCert = "x" }, "need --listen-tls"},
		"no connections":   {func(o *Options) { o.Connections = 0 }, "--max-connections is too small"},
		"no address":       {func(o *Options) { o.Resolver = "resolver" }, `resolver "resolver" must be an address`},
		"a negative limit": {func(o *Options) { o.RateLimit = -1 }, "--rate-limit is too small"},
	} {
		t.Run(name, func(t *testing.T) {
			o := NewOptions()
			o.Snapshot = "zone.yaml"
			test.change(o)
			if err := o.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
