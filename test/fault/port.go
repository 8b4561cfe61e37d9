// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fault is what goes wrong between Drover and a cluster: connections that hold back all bytes, and certificates that
// have expired.
package fault

import (
	"net"
	"sync"
)

// Port is where a cluster listens: a listener after the other, and the connections it accepted.
type Port struct {
	mu          sync.Mutex
	connections map[*connection]bool
	// open is closed while bytes flow.
	open chan struct{}
	dark bool
}

// NewPort makes one that bytes flow through.
func NewPort() *Port {
	p := &Port{connections: map[*connection]bool{}, open: make(chan struct{})}
	close(p.open)
	return p
}

// Blackhole holds back all bytes in both directions, or lets them go.
func (p *Port) Blackhole(dark bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case dark && !p.dark:
		p.open = make(chan struct{})
	case !dark && p.dark:
		close(p.open)
	}
	p.dark = dark
}

// CloseConnections closes all connections there are.
func (p *Port) CloseConnections() {
	p.mu.Lock()
	connections := make([]*connection, 0, len(p.connections))
	for c := range p.connections {
		connections = append(connections, c)
	}
	p.mu.Unlock()
	for _, c := range connections {
		_ = c.Close() // it is of no more use either way
	}
}

// pass waits until bytes flow, or the connection is closed.
func (p *Port) pass(c *connection) error {
	p.mu.Lock()
	open := p.open
	p.mu.Unlock()
	select {
	case <-open:
		return nil
	case <-c.closed:
		return net.ErrClosed
	}
}

// Listen has the port take the connections that a listener accepts.
func (p *Port) Listen(l net.Listener) net.Listener { return listener{Listener: l, port: p} }

// listener accepts connections for a port.
type listener struct {
	net.Listener
	port *Port
}

func (l listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: conn, port: l.port, closed: make(chan struct{})}
	l.port.mu.Lock()
	defer l.port.mu.Unlock()
	l.port.connections[c] = true
	return c, nil
}

// connection passes bytes on unless its port is a black hole. The kernel acknowledges them in any case.
type connection struct {
	net.Conn
	port   *Port
	once   sync.Once
	closed chan struct{}
}

func (c *connection) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if held := c.port.pass(c); held != nil {
		return 0, held
	}
	return n, err
}

func (c *connection) Write(b []byte) (int, error) {
	if err := c.port.pass(c); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

func (c *connection) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.port.mu.Lock()
		defer c.port.mu.Unlock()
		delete(c.port.connections, c)
	})
	return c.Conn.Close()
}
