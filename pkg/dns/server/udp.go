// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"
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

// socket reads and writes packets in batches. Those of ipv4 and ipv6 are of one type.
type socket struct {
	conn   *net.UDPConn
	packet interface {
		ReadBatch(ms []ipv4.Message, flags int) (int, error)
		WriteBatch(ms []ipv4.Message, flags int) (int, error)
	}
	// everywhere is a socket of all addresses: replies have to come from the one that was asked.
	everywhere bool
}

func newSocket(conn *net.UDPConn) (*socket, error) {
	s := &socket{conn: conn}
	// For bursts. The system may grant less, and then it is less.
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	s.everywhere = local.IsUnspecified()
	if local.Is4() {
		packet := ipv4.NewPacketConn(conn)
		s.packet = packet
		if s.everywhere {
			return s, packet.SetControlMessage(ipv4.FlagDst, true)
		}
		return s, nil
	}
	packet := ipv6.NewPacketConn(conn)
	s.packet = packet
	if s.everywhere {
		return s, packet.SetControlMessage(ipv6.FlagDst, true)
	}
	return s, nil
}

// serveUDP answers packets until the socket is closed.
func (s *Server) serveUDP(ctx context.Context, socket *socket) {
	w := s.newWorker()
	in, out := messages(maxQuery), messages(wire.MaxUDPSize)
	buffers := make([][]byte, batch)
	for i := range out {
		buffers[i] = out[i].Buffers[0]
	}
	for {
		read, err := socket.packet.ReadBatch(in, 0)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			// It is about an earlier reply, e.g. that a client has gone.
			klog.FromContext(ctx).V(4).Info("Packets could not be read", "err", err)
			continue
		}
		replies := 0
		for i := range in[:read] {
			if s.answerPacket(w, socket, &in[i], &out[replies], buffers[replies]) {
				replies++
			}
		}
		socket.write(ctx, out[:replies])
	}
}

// answerPacket writes the reply to a packet into a message, and reports whether there is one.
func (s *Server) answerPacket(w *worker, socket *socket, in, out *ipv4.Message, buffer []byte) bool {
	from, ok := in.Addr.(*net.UDPAddr)
	if !ok || in.N > maxQuery || in.Flags&unix.MSG_TRUNC != 0 {
		return false
	}
	addr, _ := netip.AddrFromSlice(from.IP)
	reply := w.reply(buffer[:0], in.Buffers[0][:in.N], addr.Unmap(), UDP)
	if reply == nil {
		return false
	}
	out.Buffers[0], out.Addr, out.OOB = reply, in.Addr, nil
	if socket.everywhere {
		out.OOB = replySource(in.OOB[:in.NN])
	}
	return true
}

// replySource makes, in place, of the address that a packet was sent to the address that the reply is sent from. Of
// IPv4 the interface is left to routing; of IPv6 it is kept, because link-local addresses need it.
func replySource(control []byte) []byte {
	const header, ifindex = unix.SizeofCmsghdr, 4
	if len(control) >= header+unix.SizeofInet4Pktinfo &&
		binary.NativeEndian.Uint32(control[header-8:]) == unix.IPPROTO_IP &&
		binary.NativeEndian.Uint32(control[header-4:]) == unix.IP_PKTINFO {
		clear(control[header : header+ifindex])
	}
	return control
}

// write sends replies. One that cannot be sent is left out.
func (s *socket) write(ctx context.Context, replies []ipv4.Message) {
	for len(replies) > 0 {
		written, err := s.packet.WriteBatch(replies, 0)
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			klog.FromContext(ctx).V(4).Info("A reply could not be sent", "to", replies[max(written, 0)].Addr, "err", err)
			written = max(written, 0) + 1
		}
		replies = replies[written:]
	}
}

func messages(size int) []ipv4.Message {
	ms := make([]ipv4.Message, batch)
	for i := range ms {
		ms[i].Buffers = [][]byte{make([]byte, size)}
		ms[i].OOB = make([]byte, maxControl)
	}
	return ms
}
