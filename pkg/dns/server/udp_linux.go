// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2): a packet, and its length.
type mmsghdr struct {
	unix.Msghdr
	length uint32
}

// batches exchanges packets in batches. A packet's sender, as the system wrote it down, is its reply's receiver: neither
// is made into something else in between, and nothing is allocated.
type batches struct {
	conn *net.UDPConn
	raw  syscall.RawConn
	// everywhere is a socket of all addresses: replies have to come from the one that was asked.
	everywhere bool

	in, out           [batch]mmsghdr
	inParts, outParts [batch]unix.Iovec
	names             [batch]unix.RawSockaddrInet6 // has room for those of IPv4
	control           [][]byte
	queries, replies  [][]byte
	pending, sent     int // replies that are to be sent, and those of them that were

	// What receive and send tell those who had them called.
	received int
	errno    syscall.Errno
	// The two as values: to make one for each call would be an allocation.
	receiving, sending func(fd uintptr) bool
}

// newSocket makes a socket of a connection.
func newSocket(conn *net.UDPConn) (socket, error) {
	// For bursts. The system may grant less, and then it is less.
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	b := &batches{
		conn: conn, raw: raw,
		control: buffers(maxControl), queries: buffers(maxQuery), replies: buffers(maxReply),
	}
	b.receiving, b.sending = b.receive, b.send
	for i := range batch {
		b.inParts[i].Base = &b.queries[i][0]
		b.inParts[i].SetLen(maxQuery)
		in := &b.in[i].Msghdr
		in.Name, in.Iov, in.Control = (*byte)(unsafe.Pointer(&b.names[i])), &b.inParts[i], &b.control[i][0] //nolint:gosec // as recvmmsg(2) and sendmmsg(2) want it
		in.SetIovlen(1)
		in.Namelen = unix.SizeofSockaddrInet6
		in.SetControllen(maxControl)
		b.out[i].Iov = &b.outParts[i]
		b.out[i].SetIovlen(1)
	}
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	b.everywhere = local.IsUnspecified()
	if !b.everywhere {
		return b, nil
	}
	return b, b.tellDestination(local.Is4())
}

// tellDestination has the system say to which address a packet was sent.
func (b *batches) tellDestination(v4 bool) error {
	level, option := unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO
	if v4 {
		level, option = unix.IPPROTO_IP, unix.IP_PKTINFO
	}
	var failed error
	err := b.raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), level, option, 1) })
	return errors.Join(err, failed)
}

func (b *batches) read() (int, error) {
	for i := range b.received { // the last call has written to them
		b.in[i].Namelen, b.in[i].Flags = unix.SizeofSockaddrInet6, 0
		b.in[i].SetControllen(maxControl)
	}
	b.received = 0
	if err := b.raw.Read(b.receiving); err != nil {
		return 0, err
	}
	if b.errno != 0 {
		return 0, b.errno
	}
	return b.received, nil
}

// receive reports false if there is nothing yet.
//
// Neither call ever waits, so the scheduler is not told of them: it would take a batch's tenth of a millisecond for a wait,
// and hand the processor over to another thread and back.
func (b *batches) receive(fd uintptr) bool {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.in[0])), batch, unix.MSG_DONTWAIT, 0, 0) //nolint:gosec // as recvmmsg(2) and sendmmsg(2) want it
	b.errno = errno
	if errno == 0 {
		b.received = int(n)
	}
	return errno != unix.EAGAIN && errno != unix.EINTR
}

func (b *batches) query(i int) (msg []byte, from netip.Addr) {
	header, name := &b.in[i], &b.names[i]
	if header.Flags&unix.MSG_TRUNC != 0 || header.length > maxQuery {
		return nil, from
	}
	switch name.Family {
	case unix.AF_INET:
		from = netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr) //nolint:gosec // as recvmmsg(2) and sendmmsg(2) want it
	case unix.AF_INET6:
		from = netip.AddrFrom16(name.Addr).Unmap()
	default:
		return nil, from
	}
	return b.queries[i][:header.length], from
}

func (b *batches) room(i int) []byte { return b.replies[i][:0] }

func (b *batches) reply(i int, msg []byte) {
	out := &b.out[b.pending]
	b.outParts[b.pending].Base = &msg[0]
	b.outParts[b.pending].SetLen(len(msg))
	out.Name, out.Namelen = b.in[i].Name, b.in[i].Namelen
	out.Control = nil
	out.SetControllen(0)
	if b.everywhere && b.in[i].Controllen > 0 {
		out.Control, out.Controllen = b.in[i].Control, b.in[i].Controllen
		replySource(b.control[i][:out.Controllen])
	}
	b.pending++
}

func (b *batches) flush() (failed error) {
	for b.sent = 0; b.sent < b.pending; {
		if err := b.raw.Write(b.sending); err != nil {
			failed = err // the socket is closed
			break
		}
		if b.errno != 0 {
			failed = b.errno
			b.sent++ // that one cannot be sent
		}
	}
	b.pending = 0
	return failed
}

// send reports false if there is no room for a reply.
func (b *batches) send(fd uintptr) bool {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&b.out[b.sent])), uintptr(b.pending-b.sent), unix.MSG_DONTWAIT, 0, 0) //nolint:gosec // as recvmmsg(2) and sendmmsg(2) want it
	b.errno = errno
	if errno == 0 {
		b.sent += int(n)
	}
	return errno != unix.EAGAIN && errno != unix.EINTR
}

// replySource makes, in place, of the address that a packet was sent to the address that the reply is sent from. Of
// IPv4 the interface is left to routing; of IPv6 it is kept, because link-local addresses need it.
func replySource(control []byte) {
	const header, ifindex = unix.SizeofCmsghdr, 4
	if len(control) >= header+unix.SizeofInet4Pktinfo &&
		binary.NativeEndian.Uint32(control[header-8:]) == unix.IPPROTO_IP &&
		binary.NativeEndian.Uint32(control[header-4:]) == unix.IP_PKTINFO {
		clear(control[header : header+ifindex])
	}
}
