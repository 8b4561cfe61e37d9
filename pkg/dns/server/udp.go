// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/dns/wire"
)

const (
	// batch is the number of packets that one system call reads or writes at most.
	batch = 64
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
	// query is one of them, and who sent it. It is empty if it is too large to be one.
	query(i int) (msg []byte, from netip.Addr)
	// room is where the reply to a query is to be written. It has no octets, and room for those of a reply.
	room(i int) []byte
	// reply has a reply to a query sent with the next flush. Replies are in the order of queries.
	reply(i int, msg []byte)
	// flush sends replies. The error is about the last one that could not be sent; those after it are.
	flush() error
}

// serveUDP answers packets until the socket is closed.
func (s *Server) serveUDP(ctx context.Context, packets socket) {
	w := s.newBatchWorker(batch)
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
		w.start = time.Now()
		for i := range read {
			msg, from := packets.query(i)
			w.read(i, msg, from)
		}
		w.warm(read)
		for i := range read {
			if reply := w.replyTo(i, packets.room(i), UDP); reply != nil {
				packets.reply(i, reply)
			}
		}
		w.tally.settle(UDP, time.Since(w.start))
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
