// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"

	"github.com/miekg/dns"
)

// Options is what the OPT record of a reply says, if the query had one.
type Options struct {
	// ScopeBits is the length of the client's prefix to which the answer applies.
	ScopeBits int
	// ServerCookie goes out after the client's cookie; nil: no cookie.
	ServerCookie []byte
}

// AppendError appends a reply without records to dst: what can be told of a query that could not be read.
func (q *Query) AppendError(dst []byte, rcode int, options Options) []byte {
	start := len(dst)
	dst = q.appendHeader(dst, rcode, false)
	if q.HasQuestion {
		dst = append(dst, q.question()...)
		binary.BigEndian.PutUint16(dst[start+4:], 1)
	}
	return q.AppendOPT(dst, start, rcode, options)
}

// appendHeader appends a header without counts. RD and CD are those of the query; RA is 0.
func (q *Query) appendHeader(dst []byte, rcode int, authoritative bool) []byte {
	flags := byte(flagQR) | q.msg[2]&0x78 | q.msg[2]&flagRD // 0x78 is the opcode
	if authoritative {
		flags |= flagAA
	}
	return append(dst, q.msg[0], q.msg[1], flags, q.msg[3]&flagCD|byte(rcode&0xf), 0, 0, 0, 0, 0, 0, 0, 0)
}

// AppendTruncated appends an answer that says only to come again over TCP.
func (q *Query) AppendTruncated(dst []byte, authoritative bool, options Options) []byte {
	start := len(dst)
	dst = q.appendHeader(dst, dns.RcodeSuccess, authoritative)
	dst[start+2] |= flagTC
	dst = append(dst, q.question()...)
	binary.BigEndian.PutUint16(dst[start+4:], 1)
	return q.AppendOPT(dst, start, dns.RcodeSuccess, options)
}

// AppendOPT appends the OPT record to the reply that begins at start, if the query had one, and counts it.
func (q *Query) AppendOPT(dst []byte, start, rcode int, options Options) []byte {
	if !q.EDNS {
		return dst
	}
	flags := byte(0)
	if q.DO {
		flags |= 0x80
	}
	if q.CO {
		flags |= 0x40
	}
	dst = append(dst, 0, 0, byte(dns.TypeOPT), MaxUDPSize>>8, MaxUDPSize&0xff, byte(rcode>>4), 0, flags, 0, 0, 0)
	size := len(dst) - 2
	if q.Subnet.Given {
		option := q.Subnet.option
		dst = append(dst, 0, dns.EDNS0SUBNET, byte(len(option)>>8), byte(len(option)))
		dst = append(dst, option[:3]...)
		dst = append(dst, byte(options.ScopeBits))
		dst = append(dst, option[4:]...)
	}
	if options.ServerCookie != nil {
		dst = append(dst, 0, dns.EDNS0COOKIE, 0, byte(len(q.ClientCookie)+len(options.ServerCookie)))
		dst = append(dst, q.ClientCookie...)
		dst = append(dst, options.ServerCookie...)
	}
	binary.BigEndian.PutUint16(dst[size:], uint16(len(dst)-size-2))
	arcount := dst[start+10:]
	binary.BigEndian.PutUint16(arcount, binary.BigEndian.Uint16(arcount)+1)
	return dst
}

// OPTSize is the length of the OPT record that AppendOPT appends.
func (q *Query) OPTSize(options Options) int {
	if !q.EDNS {
		return 0
	}
	size := 11
	if q.Subnet.Given {
		size += 4 + len(q.Subnet.option)
	}
	if options.ServerCookie != nil {
		size += 4 + len(q.ClientCookie) + len(options.ServerCookie)
	}
	return size
}

// Records is a set of A or AAAA records in wire format, ready to be appended. Their owner is the name in the question.
type Records struct{ octets []byte }

// AddressRecords returns the records of addresses, all of 4 or all of 16 octets.
func AddressRecords(addresses [][]byte, ttl uint32) Records {
	var r Records
	if len(addresses) > 0 {
		r.octets = make([]byte, 0, len(addresses)*(12+len(addresses[0])))
	}
	for _, a := range addresses {
		rrtype := dns.TypeA
		if len(a) == 16 {
			rrtype = dns.TypeAAAA
		}
		r.octets = append(r.octets, 0xc0, headerLen, 0, byte(rrtype), 0, dns.ClassINET)
		r.octets = binary.BigEndian.AppendUint32(r.octets, ttl)
		r.octets = append(r.octets, 0, byte(len(a)))
		r.octets = append(r.octets, a...)
	}
	return r
}

// recordHead is what a record has before its data; the length of those is its last octet.
const recordHead = 12

// one is the size of one record; there is at least one.
func (r Records) one() int { return recordHead + int(r.octets[recordHead-1]) }

// Len is the number of records.
func (r Records) Len() int {
	if len(r.octets) == 0 {
		return 0
	}
	return len(r.octets) / r.one()
}

// Size is the number of octets of all records.
func (r Records) Size() int { return len(r.octets) }

// AppendTo appends the records to a block, and returns it and the records that are in there.
func (r Records) AppendTo(block []byte) ([]byte, Records) {
	start := len(block)
	block = append(block, r.octets...)
	return block, Records{block[start:len(block):len(block)]}
}

// Addr is the address in one of the records.
func (r Records) Addr(i int) netip.Addr {
	addr, _ := netip.AddrFromSlice(r.octets[i*r.one()+recordHead : (i+1)*r.one()])
	return addr
}

// AppendRecords appends an answer of records in random order. If that is more than limit, it says to come again over
// TCP: a part of a set is never answered.
func (q *Query) AppendRecords(dst []byte, records Records, limit int, options Options) (reply []byte, truncated bool) {
	start := len(dst)
	if headerLen+q.Name.length+4+len(records.octets)+q.OPTSize(options) > limit {
		return q.AppendTruncated(dst, true, options), true
	}
	dst = q.appendHeader(dst, dns.RcodeSuccess, true)
	dst[start+5] = 1
	dst = append(dst, q.question()...)
	count := records.Len()
	binary.BigEndian.PutUint16(dst[start+6:], uint16(count))
	if count > 0 {
		first := len(dst)
		dst = append(dst, records.octets...)
		shuffle(dst[first:], records.one(), count)
	}
	return q.AppendOPT(dst, start, dns.RcodeSuccess, options), false
}

// shuffle changes the order of records, which are all of one size.
func shuffle(records []byte, size, count int) {
	var spare [28]byte
	for i := count - 1; i > 0; i-- {
		j := rand.IntN(i + 1) //nolint:gosec // an order of addresses is no secret
		if i == j {
			continue
		}
		a, b := records[i*size:(i+1)*size], records[j*size:(j+1)*size]
		copy(spare[:size], a)
		copy(a, b)
		copy(b, spare[:size])
	}
}

// SkipQuestion returns the offset behind the question section of a reply that was made here.
func SkipQuestion(reply []byte) int {
	if reply[5] == 0 {
		return headerLen
	}
	at := headerLen
	for reply[at] != 0 {
		at += 1 + int(reply[at])
	}
	return at + 5
}
