// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/dns/wire"
)

const (
	// batch is the number of packets that one system call reads or writes at most.
	batch = 32
	// maxQuery is the size of the largest query that is read whole; nothing that is larger is a query.
	maxQuery = 4096
	// socketBuffer is how much of what comes and goes the system is asked to hold, in octets.
	socketBuffer = 4 << 20
	// maxControl has room for the address that a packet was sent to.
	maxControl = 64
)

// socket reads queries, and sends replies to those who asked. Its buffers are used again for the next.
type socket interface {
	// read waits for queries, and returns how many there are. After close it fails with net.ErrClosed.
	read() (int, error)
	// query is one of them, and who sent it; ok is false if it is too large to be one.
	query(i int) (msg []byte, from netip.Addr, ok bool)
	// room is where the reply to a query is to be written. It has no octets, and room for those of a reply.
	room(i int) []byte
	// reply has a reply to a query sent with the next flush. Replies are in the order of queries.
	reply(i int, msg []byte)
	// flush sends replies. The error is about the last one that could not be sent; those after it are.
	flush() error
}

// serveUDP answers packets until the socket is closed.
func (s *Server) serveUDP(ctx context.Context, packets socket) {
	w := s.newWorker()
	for {
		read, err := packets.read()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// It is about an earlier reply, e.g. that a client has gone.
			klog.FromContext(ctx).V(4).Info("Packets could not be read", "err", err)
			continue
		}
		for i := range read {
			msg, from, ok := packets.query(i)
			if !ok {
				continue
			}
			if reply := w.reply(packets.room(i), msg, from, UDP); reply != nil {
				packets.reply(i, reply)
			}
		}
		if err := packets.flush(); err != nil {
			klog.FromContext(ctx).V(4).Info("A reply could not be sent", "err", err)
		}
	}
}

// buffers are those of a batch, of one size each, beside each other.
func buffers(size int) [][]byte {
	all := make([]byte, batch*size)
	out := make([][]byte, batch)
	for i := range out {
		out[i] = all[i*size : (i+1)*size : (i+1)*size]
	}
	return out
}

// maxReply is the size of the largest reply over UDP.
const maxReply = wire.MaxUDPSize
