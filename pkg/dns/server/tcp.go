// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"k8s.io/klog/v2"
)

const (
	// idleTimeout is how long a connection may take to send the next query, all of it (RFC 7766, section 6.2.3).
	idleTimeout = 20 * time.Second
	// writeTimeout is how long a client may take to read a reply.
	writeTimeout = 10 * time.Second
	// acceptPause is the time to wait when no file descriptors are left.
	acceptPause = 50 * time.Millisecond
)

// serveTCP answers connections until the listener is closed.
func (s *Server) serveTCP(ctx context.Context, listener net.Listener, transport Transport) {
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			klog.FromContext(ctx).V(2).Info("A connection could not be accepted", "err", err)
			select {
			case <-ctx.Done():
				return
			case <-time.After(acceptPause):
			}
			continue
		}
		from := addrOf(conn)
		if !s.conns.add(conn, from) {
			s.Metrics.dropped(droppedConnections)
			conn.Close()
			continue
		}
		s.running.Go(func() {
			defer s.conns.remove(conn, from)
			if err := s.serveConn(conn, from, transport); err != nil {
				klog.FromContext(ctx).V(4).Info("A connection ended", "from", from, "err", err)
			}
		})
	}
}

// serveConn answers the queries of a connection in turn. Replies go out when no further query is waiting.
func (s *Server) serveConn(conn net.Conn, from netip.Addr, transport Transport) error {
	w := s.workers.Get().(*worker)
	defer s.workers.Put(w)
	in, out := bufio.NewReaderSize(conn, maxQuery), bufio.NewWriterSize(conn, maxQuery)
	var query, reply []byte
	for {
		if err := conn.SetDeadline(time.Now().Add(idleTimeout)); err != nil {
			return err
		}
		var length [2]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			return ignoreEOF(err)
		}
		size := int(binary.BigEndian.Uint16(length[:]))
		if size > cap(query) {
			query = make([]byte, size)
		}
		if _, err := io.ReadFull(in, query[:size]); err != nil {
			return err
		}
		if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		if s.transfers(w, query[:size]) {
			if err := s.transfer(w, conn, out, transport, from); err != nil {
				return err
			}
			continue
		}
		reply = w.reply(append(reply[:0], 0, 0), query[:size], from, transport)
		if reply == nil {
			return nil // whoever sends replies, or less than a header, wants nothing that can be had here
		}
		binary.BigEndian.PutUint16(reply, uint16(len(reply)-2))
		if _, err := out.Write(reply); err != nil {
			return err
		}
		if in.Buffered() > 0 {
			continue
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

func addrOf(conn net.Conn) netip.Addr {
	if tcp, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// connections are those that are open.
type connections struct {
	limit, limitPerClient int

	mu      sync.Mutex
	closed  bool
	open    map[net.Conn]struct{}
	clients map[netip.Addr]int
}

// add reports whether there is room for one more.
func (c *connections) add(conn net.Conn, from netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || len(c.open) >= c.limit || c.clients[from] >= c.limitPerClient {
		return false
	}
	if c.open == nil {
		c.open, c.clients = make(map[net.Conn]struct{}), make(map[netip.Addr]int)
	}
	c.open[conn] = struct{}{}
	c.clients[from]++
	return true
}

func (c *connections) remove(conn net.Conn, from netip.Addr) {
	conn.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
	if c.clients[from]--; c.clients[from] == 0 {
		delete(c.clients, from)
	}
}

func (c *connections) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for conn := range c.open {
		conn.Close()
	}
}
