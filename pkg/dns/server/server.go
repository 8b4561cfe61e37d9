// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/dns/dnssec"
	"drover.dev/drover/pkg/dns/location"
	"drover.dev/drover/pkg/dns/transfer"
	"drover.dev/drover/pkg/dns/zone"
)

// Config says what a server answers from, and how.
type Config struct {
	Store *zone.Store
	// Finder says where clients are. Required, and may know nothing.
	Finder *location.Finder
	// Keys sign answers; nil: nothing is signed.
	Keys *dnssec.Keys
	// Transfers says who may have whole zones; nil: nobody.
	Transfers *transfer.Policy
	// Cookies makes and checks DNS cookies. Required.
	Cookies *Cookies
	// Limiter limits replies over UDP; nil: there is no limit.
	Limiter *Limiter
	// Metrics counts. Required.
	Metrics *Metrics

	// Version is answered to version.bind in class CH; empty: that is refused.
	Version string
	// Explain lets _explain.<service> answer, in a TXT record, why the client is answered as it is.
	Explain bool
	// LogEvery logs one query of so many; 0: none.
	LogEvery int
	// Sockets is the number of UDP sockets for an address. Default: one a core.
	Sockets int
	// Connections is the number of connections at a time; ConnectionsPerClient of them from one address. Default 1024
	// and 64.
	Connections, ConnectionsPerClient int
}

// Server answers DNS queries.
type Server struct {
	Config

	conns   connections
	running sync.WaitGroup
	workers sync.Pool
	mu      sync.Mutex
	opened  []io.Closer
	serves  []func(context.Context)
}

// New makes a server. It opens nothing.
func New(config Config) *Server {
	if config.Sockets == 0 {
		config.Sockets = runtime.GOMAXPROCS(0)
	}
	if config.Connections == 0 {
		config.Connections = 1024
	}
	if config.ConnectionsPerClient == 0 {
		config.ConnectionsPerClient = 64
	}
	s := &Server{Config: config}
	s.conns.limit, s.conns.limitPerClient = config.Connections, config.ConnectionsPerClient
	s.workers.New = func() any { return s.newWorker() }
	return s
}

// Listen opens an address, e.g. 127.0.0.1:5353, for UDP and TCP. With port 0 a free one is taken, the same for both.
// It returns the address that was opened.
func (s *Server) Listen(ctx context.Context, address string) (string, error) {
	for attempt := 0; ; attempt++ {
		opened, err := s.listen(ctx, address)
		_, port, _ := net.SplitHostPort(address)
		// A port that is free for UDP may be taken for TCP.
		if err == nil || port != "0" || attempt == 10 {
			return opened, err
		}
	}
}

func (s *Server) listen(ctx context.Context, address string) (string, error) {
	config := net.ListenConfig{Control: shareport}
	var opened []io.Closer
	var sockets []*net.UDPConn
	fail := func(err error) (string, error) {
		for _, c := range opened {
			c.Close()
		}
		return "", fmt.Errorf("listen on %s: %w", address, err)
	}
	for range s.Sockets {
		conn, err := config.ListenPacket(ctx, "udp", address)
		if err != nil {
			return fail(err)
		}
		opened = append(opened, conn)
		sockets = append(sockets, conn.(*net.UDPConn))
		address = conn.LocalAddr().String() // the first may have taken a free port
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fail(err)
	}
	for _, conn := range sockets {
		packets, err := newSocket(conn)
		if err != nil {
			listener.Close()
			return fail(err)
		}
		s.add(conn, func(ctx context.Context) { s.serveUDP(ctx, packets) })
	}
	s.add(listener, func(ctx context.Context) { s.serveTCP(ctx, listener, TCP) })
	return address, nil
}

// ListenTLS opens an address for DNS over TLS (RFC 7858), and returns it.
func (s *Server) ListenTLS(ctx context.Context, address string, config *tls.Config) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("listen for TLS on %s: %w", address, err)
	}
	secured := tls.NewListener(listener, config)
	s.add(secured, func(ctx context.Context) { s.serveTCP(ctx, secured, TLS) })
	return listener.Addr().String(), nil
}

func (s *Server) add(c io.Closer, serve func(context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, c)
	s.serves = append(s.serves, serve)
}

// Run serves what was opened until the context ends, and closes it.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	serves := s.serves
	s.mu.Unlock()
	if len(serves) == 0 {
		return errors.New("no address was opened")
	}
	for _, serve := range serves {
		s.running.Go(func() { serve(ctx) })
	}
	<-ctx.Done()
	klog.FromContext(ctx).V(2).Info("The name server stops")
	s.Close()
	s.running.Wait()
	return nil
}

// Close closes what was opened, and all connections.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.opened {
		c.Close()
	}
	s.conns.closeAll()
}

// shareport lets several sockets have one address: the kernel divides clients among them.
func shareport(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(err, failed)
}
