//go:build !linux

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"net"
	"net/netip"
)

// single exchanges one packet at a time, where the system knows no batches. On a socket of all addresses, the system
// chooses which of them a reply comes from.
type single struct {
	conn    *net.UDPConn
	in, out []byte
	length  int
	from    netip.AddrPort
	pending []byte
}

// newSocket makes a socket of a connection.
func newSocket(conn *net.UDPConn) (socket, error) {
	return &single{conn: conn, in: make([]byte, maxQuery+1), out: make([]byte, maxReply)}, nil
}

func (s *single) read() (n int, err error) {
	s.pending = nil
	s.length, s.from, err = s.conn.ReadFromUDPAddrPort(s.in)
	return 1, err
}

func (s *single) query(int) (msg []byte, from netip.Addr) {
	if s.length > maxQuery {
		return nil, from
	}
	return s.in[:s.length], s.from.Addr().Unmap()
}

func (s *single) room(int) []byte { return s.out[:0] }

func (s *single) reply(_ int, msg []byte) { s.pending = msg }

func (s *single) flush() error {
	if s.pending == nil {
		return nil
	}
	_, err := s.conn.WriteToUDPAddrPort(s.pending, s.from)
	return err
}
