// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	codec "github.com/miekg/dns"

	"drover.dev/drover/pkg/dns"
	"drover.dev/drover/test/harness"
)

const (
	patience = time.Minute
	apex     = "drover.test"
	webName  = "web.default.federation.svc.drover.test."
)

const testZone = `
zones:
- {name: drover.test, nameServers: [{name: ns1.drover.test, addresses: [127.0.0.1]}]}
clusters:
- {name: east, location: {region: us-east1, zone: us-east1-b}}
- {name: west, location: {region: us-west1}}
services:
- namespace: default
  name: web
  ports: [{name: http, port: 80}]
  backends:
  - {cluster: east, addresses: [192.0.2.1, 192.0.2.2, "2001:db8::1"], readyEndpoints: 1}
  - {cluster: west, addresses: [198.51.100.1], readyEndpoints: 1}
- namespace: default
  name: lb
  backends: [{cluster: east, hostname: lb.example.com, readyEndpoints: 1}]
- namespace: default
  name: shop
  hosts: [shop.drover.test, "*.wild.drover.test"]
  backends: [{cluster: east, addresses: [192.0.2.5], readyEndpoints: 1}]
`

const testNetworks = `
networks:
- {cidr: 127.0.0.0/8, region: us-east1}
- {cidr: 10.1.0.0/16, region: us-east1}
- {cidr: 10.2.0.0/16, region: us-west1}
`

// program finds one of another's, or leaves the test out.
func program(t *testing.T, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("programs of others are left out with -short")
	}
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			if path, err = filepath.Abs(path); err == nil {
				return path
			}
		}
	}
	t.Skipf("there is no %s on this machine; run hack/dns-programs.sh %s", name, name)
	return ""
}

// newLab is for processes that end with the test.
func newLab(t *testing.T) *harness.Lab {
	t.Helper()
	lab, err := harness.NewLab("interop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(t.Failed()); err != nil {
			t.Error(err)
		}
	})
	return lab
}

// server is a name server of ours in this process.
type server struct {
	dir, snapshot string
	dns, http     string
	stop          func()
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil { // whoever reads it sees all of it
		t.Fatal(err)
	}
	return path
}

// serve runs a name server until the test ends or stop is called.
func serve(t *testing.T, zone string, change func(*server, *dns.Options)) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{dir: dir, snapshot: write(t, filepath.Join(dir, "zone.yaml"), zone)}
	options := dns.NewOptions()
	options.Snapshot = s.snapshot
	options.Networks = write(t, filepath.Join(dir, "networks.yaml"), testNetworks)
	options.Listen, options.HTTP = []string{"127.0.0.1:0"}, "127.0.0.1:0"
	change(s, options)
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := options.Run(ctx, in)
		in.CloseWithError(io.EOF)
		done <- err
	}()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		done <- nil
	}
	t.Cleanup(s.stop)
	line := make([]byte, 1024)
	n, err := out.Read(line)
	if err != nil {
		t.Fatalf("the name server is not ready: %v", err)
	}
	for address := range strings.FieldsSeq(string(line[:n])) {
		if at, ok := strings.CutPrefix(address, "dns://"); ok {
			s.dns = at
		}
		if at, ok := strings.CutPrefix(address, "http://"); ok {
			s.http = at
		}
	}
	return s
}

// metric is the value of a metric, with its labels as they are printed; empty if there is none.
func (s *server) metric(t *testing.T, name string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.http+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// run runs a client and returns what it prints.
func run(t *testing.T, path string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", path, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// answer asks a server and returns the values of the answer's records, and the result if that is no success.
func answer(t *testing.T, address, name string, qtype uint16) ([]string, error) {
	t.Helper()
	reply, err := exchange(t, address, new(codec.Msg).SetQuestion(name, qtype))
	if err != nil {
		return nil, err
	}
	if reply.Rcode != codec.RcodeSuccess {
		return nil, fmt.Errorf("%s", codec.RcodeToString[reply.Rcode])
	}
	var values []string
	for _, rr := range reply.Answer {
		values = append(values, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return values, nil
}

func exchange(t *testing.T, address string, m *codec.Msg) (*codec.Msg, error) {
	t.Helper()
	reply, _, err := (&codec.Client{Timeout: 5 * time.Second}).ExchangeContext(t.Context(), m, address)
	return reply, err
}

// freeAddress is a loopback address with a port that nobody has, over UDP and TCP, for a program that takes none by itself.
// It is below those that the system gives out.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(20000))
		udp, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", address)
		if err != nil {
			continue
		}
		tcp, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		_ = udp.Close()
		if err == nil {
			tcp.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// port is that of an address.
func port(t *testing.T, address string) string {
	t.Helper()
	_, p, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
