// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	codec "github.com/miekg/dns"
)

// Bits of a header.
const (
	flagQR, flagAA, flagTC, flagRD = 1 << 15, 1 << 10, 1 << 9, 1 << 8
	flagRA, flagAD, flagCD         = 1 << 7, 1 << 5, 1 << 4
)

// id is that of all queries but those of silence and pipelining.
const id = 0xd0e5

// packet is a message as it goes over the wire: its header says what counts say, whether or not that is true.
type packet struct {
	id, flags                  uint16
	questions, answers, extras int
	body                       []byte
}

func (p packet) bytes() []byte {
	out := binary.BigEndian.AppendUint16(nil, p.id)
	for _, v := range []int{int(p.flags), p.questions, p.answers, 0, p.extras} {
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	return append(out, p.body...)
}

// name is a name on the wire.
func name(text string) (out []byte) {
	for label := range strings.SplitSeq(strings.TrimSuffix(text, "."), ".") {
		if label != "" {
			out = append(append(out, byte(len(label))), label...)
		}
	}
	return append(out, 0)
}

// asked is a question on the wire.
func asked(text string, qtype, class uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(name(text), qtype), class)
}

// query asks for a type at a name; what is more is additional records.
func query(text string, qtype uint16, extras ...[]byte) packet {
	return packet{id: id, questions: 1, extras: len(extras), body: append(asked(text, qtype, codec.ClassINET), slices.Concat(extras...)...)}
}

// opt is an OPT record; do is 0 or 0x8000.
func opt(size uint16, version byte, do uint16, options ...[]byte) []byte {
	out := []byte{0, 0, byte(codec.TypeOPT)}
	out = append(binary.BigEndian.AppendUint16(out, size), 0, version)
	out = binary.BigEndian.AppendUint16(out, do)
	all := slices.Concat(options...)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(all))), all...)
}

const dnssecOK = 0x8000

// option is one of an OPT record.
func option(code uint16, value ...byte) []byte {
	out := binary.BigEndian.AppendUint16(nil, code)
	return append(binary.BigEndian.AppendUint16(out, uint16(len(value))), value...)
}

// subnet is a client subnet option, as it is told.
func subnet(family uint16, source, scope byte, address ...byte) []byte {
	return option(codec.EDNS0SUBNET, append([]byte{byte(family >> 8), byte(family), source, scope}, address...)...)
}

// conn exchanges messages.
type conn struct {
	t *testing.T
	net.Conn
	tcp bool
}

// overBoth runs a test over UDP and over TCP.
func overBoth(t *testing.T, test func(t *testing.T, c *conn)) {
	t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) { test(t, dial(t, network)) })
	}
}

func dial(t *testing.T, network string) *conn {
	t.Helper()
	opened, err := new(net.Dialer).DialContext(t.Context(), network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { opened.Close() })
	if err := opened.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &conn{t, opened, network == "tcp"}
}

// send sends octets as a message.
func (c *conn) send(msg []byte) {
	c.t.Helper()
	if c.tcp {
		msg = append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...)
	}
	if _, err := c.Write(msg); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads the next message.
func (c *conn) receive() []byte {
	c.t.Helper()
	msg := make([]byte, 65535)
	var n int
	var err error
	if c.tcp {
		var length [2]byte
		if _, err = io.ReadFull(c, length[:]); err == nil {
			n, err = io.ReadFull(c, msg[:binary.BigEndian.Uint16(length[:])])
		}
	} else {
		n, err = c.Read(msg)
	}
	if err != nil {
		c.t.Fatalf("no reply: %v", err)
	}
	return msg[:n]
}

// reply is one as it came, and as the codec reads it.
type reply struct {
	raw []byte
	codec.Msg
}

func (r *reply) flags() uint16 { return binary.BigEndian.Uint16(r.raw[2:]) }

// ask sends a query and reads the reply to it.
func (c *conn) ask(p packet) *reply {
	c.t.Helper()
	c.send(p.bytes())
	r := &reply{raw: c.receive()}
	if err := r.Unpack(r.raw); err != nil {
		c.t.Fatalf("the reply is no message: %v\n%x", err, r.raw)
	}
	if r.Id != p.id || r.flags()&flagQR == 0 {
		c.t.Fatalf("that is no reply to the query: %v", r)
	}
	return r
}

// wantRcode checks the result.
func (r *reply) wantRcode(t *testing.T, rcode int) {
	t.Helper()
	got := r.Rcode // the codec has added the upper bits
	if got != rcode {
		t.Errorf("got %s, want %s: %v", codec.RcodeToString[got], codec.RcodeToString[rcode], &r.Msg)
	}
}

// values are those of the answer's records of a type.
func (r *reply) values(rrtype uint16) []string {
	var out []string
	for _, rr := range r.Answer {
		if rr.Header().Rrtype == rrtype {
			out = append(out, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	slices.Sort(out)
	return out
}

// wantValues checks them.
func (r *reply) wantValues(t *testing.T, rrtype uint16, want ...string) {
	t.Helper()
	if got := r.values(rrtype); !slices.Equal(got, want) {
		t.Errorf("got %s %v, want %v: %v", codec.TypeToString[rrtype], got, want, &r.Msg)
	}
}

// wantNothing checks that there are no records, and that the SOA says so.
func (r *reply) wantNothing(t *testing.T, rcode int) {
	t.Helper()
	r.wantRcode(t, rcode)
	if len(r.Answer) != 0 || len(r.Ns) != 1 || r.Ns[0].Header().Rrtype != codec.TypeSOA || r.Ns[0].Header().Name != apex {
		t.Errorf("no records, and the SOA, are: %v", &r.Msg)
	}
}

// option is the value of an option of the reply; nil if it has none.
func (r *reply) option(code uint16) []byte {
	record := r.IsEdns0()
	if record == nil {
		return nil
	}
	for _, o := range record.Option {
		if o.Option() != code {
			continue
		}
		// As it was sent: the last record of the reply is the OPT record.
		packed := make([]byte, codec.Len(record))
		n, err := codec.PackRR(record, packed, 0, nil, false)
		if err != nil {
			return nil
		}
		for data := packed[11:n]; len(data) >= 4; {
			size := int(binary.BigEndian.Uint16(data[2:]))
			if binary.BigEndian.Uint16(data) == code {
				return data[4 : 4+size]
			}
			data = data[4+size:]
		}
	}
	return nil
}

// wantSilence checks that a message is not answered: over UDP the next one is, and over TCP the connection ends.
func (c *conn) wantSilence(msg []byte) {
	c.t.Helper()
	c.send(msg)
	if c.tcp {
		if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			c.t.Errorf("got %d octets, %v; the connection should end", n, err)
		}
		return
	}
	after := query(apex, codec.TypeSOA)
	after.id = ^uint16(id)
	c.send(after.bytes())
	if got := c.receive(); binary.BigEndian.Uint16(got) != after.id {
		c.t.Errorf("it is answered: %x", got)
	}
}

// allTypes are some of all kinds.
var allTypes = []uint16{codec.TypeA, codec.TypeAAAA, codec.TypeMX, codec.TypeTXT, codec.TypeSRV, codec.TypeCNAME, codec.TypeNS, codec.TypeSOA, codec.TypeHTTPS, codec.TypeCAA, 65280}
