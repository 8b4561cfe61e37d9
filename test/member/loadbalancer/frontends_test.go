// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFrontendAnswersUntilItDrains(t *testing.T) {
	address := freeAddress(t)
	site := Site{Owner: owner("web"), Routes: []Route{{Path: "/", Service: service("web"), Pods: []string{"web-a", "web-b"}}}}
	open := newFrontends(Config{Cluster: "east"})
	if problems := open.apply(map[netip.AddrPort]Site{address: site}); len(problems) > 0 {
		t.Fatalf("apply: %v", problems)
	}
	t.Cleanup(open.stop)

	var got []string
	for range 3 {
		body, _ := get(t, address)
		got = append(got, body)
	}
	answer := func(pod string) string {
		return `{"cluster":"east","namespace":"default","service":"web","pod":"` + pod + `"}`
	}
	if diff := cmp.Diff([]string{answer("web-a"), answer("web-b"), answer("web-a")}, got); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}

	open.apply(nil)
	if _, err := net.Dial("tcp", address.String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection after the last pod: %v, want connection refused", err)
	}
	body, closed := get(t, address)
	if body != answer("web-b") || !closed {
		t.Errorf("on the old connection: %s (closed %t), want an answer and the end", body, closed)
	}
}

func TestFrontendsReportWhatCannotListen(t *testing.T) {
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer occupied.Close()
	address := netip.MustParseAddrPort(occupied.Addr().String())
	open := newFrontends(Config{})
	problems := open.apply(map[netip.AddrPort]Site{address: {Owner: owner("web")}})
	if err := problems[owner("web")]; !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("problem %v, want address already in use", err)
	}
}

func TestCertificateIsIssuedOncePerName(t *testing.T) {
	var issued []string
	cache := &certificateCache{issue: func(hosts ...string) (*tls.Certificate, error) {
		issued = append(issued, hosts...)
		return &tls.Certificate{}, nil
	}}
	for _, name := range []string{"a.example.com", "b.example.com", "a.example.com"} {
		if _, err := cache.get(&tls.ClientHelloInfo{ServerName: name}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"a.example.com", "b.example.com"}, issued); diff != "" {
		t.Errorf("issued (-want +got):\n%s", diff)
	}
}

// get asks over a connection kept alive, and returns the answer and whether the server ends the connection.
func get(t *testing.T, address netip.AddrPort) (body string, closed bool) {
	t.Helper()
	response, err := http.Get("http://" + address.String() + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data)), response.Close
}

func freeAddress(t *testing.T) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return netip.MustParseAddrPort(listener.Addr().String())
}
