// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"net/netip"

	"github.com/miekg/dns"
)

const (
	headerLen = 12
	// MinUDPSize is what every client takes (RFC 1035); MaxUDPSize is what no path is known to fragment
	// (DNS flag day 2020), and what this server says it takes.
	MinUDPSize = 512
	MaxUDPSize = 1232
	// MaxTCPSize is what the length before a message can say.
	MaxTCPSize = 65535
)

// Bits of a header's third and fourth octets.
const (
	flagQR, flagAA, flagTC, flagRD = 1 << 7, 1 << 2, 1 << 1, 1 << 0
	flagCD                         = 1 << 4
)

// Query is a query as it was read. It is used again for the next: slices point into the message that was read.
type Query struct {
	msg    []byte
	Opcode int
	// Name, Type and Class are the question; HasQuestion says that it could be read.
	HasQuestion bool
	Name        Name
	Type, Class uint16
	// EDNS says that there was an OPT record, and the rest what it held.
	EDNS         bool
	Version      uint8
	DO           bool
	CO           bool // compact answers are understood (RFC 9824)
	udpSize      uint16
	Subnet       Subnet
	ClientCookie []byte // 8 octets, or nil
	ServerCookie []byte // 8 to 32 octets, or nil
	// TSIG says that the last record is a signature.
	TSIG bool
}

// Subnet is the client subnet option (RFC 7871) of a query.
type Subnet struct {
	Given bool
	// Prefix is the address with the bits that were sent, and their number: SOURCE.
	Prefix netip.Prefix
	option []byte // as it was sent
}

// Message is the query as it came.
func (q *Query) Message() []byte { return q.msg }

// ID is the number of the message.
func (q *Query) ID() uint16 { return binary.BigEndian.Uint16(q.msg) }

// UDPSize is the size that a reply over UDP may have.
func (q *Query) UDPSize() int {
	if !q.EDNS {
		return MinUDPSize
	}
	return max(MinUDPSize, min(int(q.udpSize), MaxUDPSize))
}

// question is the question section as it was sent.
func (q *Query) question() []byte { return q.msg[headerLen : headerLen+q.Name.length+4] }

// Read reads a query. If it must not be answered at all, ok is false. Otherwise it is to be answered with rcode, if that
// is not success, and with what could be read before the error.
func (q *Query) Read(msg []byte) (rcode int, ok bool) {
	q.reset(msg)
	if len(msg) < headerLen || msg[2]&flagQR != 0 {
		return 0, false
	}
	q.Opcode = int(msg[2]>>3) & 0xf
	rcode = q.sections()
	if q.Opcode != dns.OpcodeQuery {
		return dns.RcodeNotImplemented, true
	}
	if rcode != dns.RcodeSuccess {
		return rcode, true
	}
	if q.EDNS && q.Version != 0 {
		return dns.RcodeBadVers, true
	}
	switch q.Type {
	case dns.TypeOPT, dns.TypeTSIG, dns.TypeTKEY, dns.TypeNXNAME, dns.TypeNone:
		return dns.RcodeFormatError, true // these are not types of data
	}
	return dns.RcodeSuccess, true
}

// reset leaves the name's octets as they are: what is not read into is not looked at.
func (q *Query) reset(msg []byte) {
	q.msg, q.Opcode, q.HasQuestion = msg, 0, false
	q.Name.length, q.Name.labels, q.Type, q.Class = 0, 0, 0, 0
	q.EDNS, q.Version, q.DO, q.CO, q.udpSize = false, 0, false, false, 0
	q.Subnet, q.ClientCookie, q.ServerCookie, q.TSIG = Subnet{}, nil, nil, false
}

func (q *Query) sections() (rcode int) {
	count := func(i int) int { return int(binary.BigEndian.Uint16(q.msg[4+2*i:])) }
	if count(0) != 1 {
		return dns.RcodeFormatError
	}
	at := headerLen + q.Name.read(q.msg[headerLen:])
	if at == headerLen || at+4 > len(q.msg) {
		q.Name.length = 0
		return dns.RcodeFormatError
	}
	q.Type, q.Class = binary.BigEndian.Uint16(q.msg[at:]), binary.BigEndian.Uint16(q.msg[at+2:])
	q.HasQuestion = true
	at += 4
	for section := 1; section <= 3; section++ {
		for left := count(section); left > 0; left-- {
			if at, rcode = q.record(at, section == 3, left == 1); rcode != dns.RcodeSuccess {
				return rcode
			}
		}
	}
	if at != len(q.msg) {
		return dns.RcodeFormatError
	}
	return dns.RcodeSuccess
}

// record reads a record at an offset and returns the offset behind it.
func (q *Query) record(at int, additional, last bool) (end, rcode int) {
	owner := at
	at = skipName(q.msg, at)
	if at == 0 || at+10 > len(q.msg) {
		return 0, dns.RcodeFormatError
	}
	header := q.msg[at : at+10]
	end = at + 10 + int(binary.BigEndian.Uint16(header[8:]))
	if end > len(q.msg) || q.TSIG {
		return 0, dns.RcodeFormatError // a signature is the last record of all
	}
	switch binary.BigEndian.Uint16(header) {
	case dns.TypeOPT:
		if !additional || q.EDNS || q.msg[owner] != 0 {
			return 0, dns.RcodeFormatError
		}
		return end, q.opt(header, q.msg[at+10:end])
	case dns.TypeTSIG:
		if !additional || !last {
			return 0, dns.RcodeFormatError
		}
		q.TSIG = true
	}
	return end, dns.RcodeSuccess
}

// skipName returns the offset behind a name, which may be compressed; 0 if there is none. Pointers lead back, so there
// is no way round in circles; they are not followed, because nobody asks for these names.
func skipName(msg []byte, at int) int {
	for start := at; at < len(msg); {
		size := int(msg[at])
		switch {
		case size == 0:
			return at + 1
		case size >= 0xc0:
			if at+1 >= len(msg) || (size&0x3f)<<8|int(msg[at+1]) >= start {
				return 0
			}
			return at + 2
		case size > maxLabel:
			return 0
		}
		at += 1 + size
		if at-start >= maxName {
			return 0
		}
	}
	return 0
}

// opt reads an OPT record. Of a version that is not known, nothing more can be read.
func (q *Query) opt(header, options []byte) (rcode int) {
	q.EDNS = true
	q.udpSize = binary.BigEndian.Uint16(header[2:])
	q.Version = header[5]
	q.DO = header[6]&0x80 != 0
	q.CO = header[6]&0x40 != 0
	if q.Version != 0 {
		return dns.RcodeSuccess
	}
	for len(options) > 0 {
		if len(options) < 4 {
			return dns.RcodeFormatError
		}
		code, size := binary.BigEndian.Uint16(options), int(binary.BigEndian.Uint16(options[2:]))
		if len(options) < 4+size {
			return dns.RcodeFormatError
		}
		value := options[4 : 4+size]
		options = options[4+size:]
		ok := true
		switch code {
		case dns.EDNS0SUBNET:
			ok = q.Subnet.read(value)
		case dns.EDNS0COOKIE:
			ok = q.cookie(value)
		}
		if !ok {
			return dns.RcodeFormatError
		}
	}
	return dns.RcodeSuccess
}

// cookie reads a cookie option (RFC 7873, section 5.2). Of several, the first counts.
func (q *Query) cookie(value []byte) bool {
	if q.ClientCookie != nil {
		return true
	}
	switch {
	case len(value) == 8:
		q.ClientCookie = value
	case len(value) >= 16 && len(value) <= 40:
		q.ClientCookie, q.ServerCookie = value[:8], value[8:]
	default:
		return false
	}
	return true
}

// read reads a client subnet option, and reports whether it is well-formed (RFC 7871, sections 6 and 7.1.2).
func (s *Subnet) read(value []byte) bool {
	if s.Given || len(value) < 4 {
		return false
	}
	family, source, scope, sent := binary.BigEndian.Uint16(value), int(value[2]), value[3], value[4:]
	var addr netip.Addr
	switch family {
	case 1:
		var octets [4]byte
		if source > 32 || len(sent) != (source+7)/8 {
			return false
		}
		copy(octets[:], sent)
		addr = netip.AddrFrom4(octets)
	case 2:
		var octets [16]byte
		if source > 128 || len(sent) != (source+7)/8 {
			return false
		}
		copy(octets[:], sent)
		addr = netip.AddrFrom16(octets)
	default:
		return false
	}
	prefix := netip.PrefixFrom(addr, source)
	if scope != 0 || prefix.Masked() != prefix {
		return false
	}
	*s = Subnet{Given: true, Prefix: prefix, option: value}
	return true
}
