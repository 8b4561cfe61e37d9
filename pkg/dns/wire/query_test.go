// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const header = "1234" + "0100" + "0001" + "0000" + "0000"

// Parts of queries, in hex.
const (
	arNone   = "0000"
	arOne    = "0001"
	arTwo    = "0002"
	question = "03776562" + "04" + "54657374" + "00" + "0001" + "0001" // web.Test A IN
	opt      = "00" + "0029" + "1000" + "00008000" + "0000"            // 4096 octets, DO
	optBare  = "00" + "0029" + "0200" + "00000000"                     // the length and options follow
)

func packet(t *testing.T, parts ...string) []byte {
	t.Helper()
	msg, err := hex.DecodeString(strings.Join(parts, ""))
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestRead(t *testing.T) {
	const silence = -1
	for name, test := range map[string]struct {
		parts []string
		want  int
	}{
		"plain":                       {[]string{header, arNone, question}, dns.RcodeSuccess},
		"with EDNS":                   {[]string{header, arOne, question, opt}, dns.RcodeSuccess},
		"with an option nobody knows": {[]string{header, arOne, question, optBare, "0006", "fde9", "0002", "abcd"}, dns.RcodeSuccess},
		"nothing":                     {[]string{""}, silence},
		"less than a header":          {[]string{"1234", "0100", "0001"}, silence},
		"a reply":                     {[]string{"1234", "8100", "0001", "0000", "0000", "0000", question}, silence},
		"an update":                   {[]string{"1234", "2800", "0001", "0000", "0000", "0000", question}, dns.RcodeNotImplemented},
		"a status request, damaged":   {[]string{"1234", "1000", "0009", "0000", "0000", "0000"}, dns.RcodeNotImplemented},
		"no question":                 {[]string{"1234", "0100", "0000", "0000", "0000", "0000"}, dns.RcodeFormatError},
		"two questions":               {[]string{"1234", "0100", "0002", "0000", "0000", "0000", question, question}, dns.RcodeFormatError},
		"a question cut off":          {[]string{header, arNone, "03776562"}, dns.RcodeFormatError},
		"a name cut off":              {[]string{header, arNone, "0377"}, dns.RcodeFormatError},
		"a name with a pointer":       {[]string{header, arNone, "c00c", "0001", "0001"}, dns.RcodeFormatError},
		"a label of another kind":     {[]string{header, arNone, "4177", "00", "0001", "0001"}, dns.RcodeFormatError},
		"a name of 256 octets":        {[]string{header, arNone, strings.Repeat("0161", 127), "0161", "00", "0001", "0001"}, dns.RcodeFormatError},
		"a name of 255 octets":        {[]string{header, arNone, strings.Repeat("0161", 127), "00", "0001", "0001"}, dns.RcodeSuccess},
		"octets at the end":           {[]string{header, arNone, question, "00"}, dns.RcodeFormatError},
		"fewer records than said":     {[]string{header, arTwo, question, opt}, dns.RcodeFormatError},
		"two OPT":                     {[]string{header, arTwo, question, opt, opt}, dns.RcodeFormatError},
		"OPT not at the root":         {[]string{header, arOne, question, "0161", opt}, dns.RcodeFormatError},
		"OPT at a pointer":            {[]string{header, arOne, question, "c00c", opt[2:]}, dns.RcodeFormatError},
		"OPT among the answers":       {[]string{"1234", "0100", "0001", "0001", "0000", "0000", question, opt}, dns.RcodeFormatError},
		"EDNS version 1":              {[]string{header, arOne, question, "00", "0029", "1000", "00010000", "0000"}, dns.RcodeBadVers},
		"EDNS version 1, odd options": {[]string{header, arOne, question, "00", "0029", "1000", "00010000", "0001", "ff"}, dns.RcodeBadVers},
		"half an option":              {[]string{header, arOne, question, optBare, "0003", "000a00"}, dns.RcodeFormatError},
		"an option longer than OPT":   {[]string{header, arOne, question, optBare, "0004", "000a", "0008"}, dns.RcodeFormatError},
		"a cookie of 7 octets":        {[]string{header, arOne, question, optBare, "000b", "000a", "0007", "01020304050607"}, dns.RcodeFormatError},
		"a cookie of 9 octets":        {[]string{header, arOne, question, optBare, "000d", "000a", "0009", "010203040506070809"}, dns.RcodeFormatError},
		"a cookie of 41 octets":       {[]string{header, arOne, question, optBare, "002d", "000a", "0029", strings.Repeat("01", 41)}, dns.RcodeFormatError},
		"a cookie":                    {[]string{header, arOne, question, optBare, "000c", "000a", "0008", "0102030405060708"}, dns.RcodeSuccess},
		"type OPT":                    {[]string{header, arNone, "00", "0029", "0001"}, dns.RcodeFormatError},
		"type TSIG":                   {[]string{header, arNone, "00", "00fa", "0001"}, dns.RcodeFormatError},
		"type NXNAME":                 {[]string{header, arNone, "00", "0080", "0001"}, dns.RcodeFormatError},
		"a signature that is not last": {
			[]string{header, arTwo, question, "00", "00fa", "00ff", "00000000", "0000", opt}, dns.RcodeFormatError,
		},
		"a record whose name points at itself": {[]string{header, arOne, question, "c01a", "0001", "0001", "00000000", "0000"}, dns.RcodeFormatError},
	} {
		t.Run(name, func(t *testing.T) {
			var q Query
			got, ok := q.Read(packet(t, test.parts...))
			if !ok {
				got = silence
			}
			if got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestSubnet(t *testing.T) {
	for name, test := range map[string]struct {
		option string
		want   string // empty: refused
	}{
		"IPv4":                    {"0001" + "18" + "00" + "c0a801", "192.168.1.0/24"},
		"IPv4, odd":               {"0001" + "14" + "00" + "c0a810", "192.168.16.0/20"},
		"IPv4, all":               {"0001" + "20" + "00" + "c0a80101", "192.168.1.1/32"},
		"IPv4, none":              {"0001" + "00" + "00", "0.0.0.0/0"},
		"IPv6":                    {"0002" + "38" + "00" + "20010db8000000", "2001:db8::/56"},
		"IPv6, none":              {"0002" + "00" + "00", "::/0"},
		"family 0":                {"0000" + "00" + "00", ""},
		"family 3":                {"0003" + "08" + "00" + "01", ""},
		"a scope":                 {"0001" + "18" + "18" + "c0a801", ""},
		"too many octets":         {"0001" + "18" + "00" + "c0a80100", ""},
		"too few octets":          {"0001" + "18" + "00" + "c0a8", ""},
		"bits beyond the source":  {"0001" + "17" + "00" + "c0a801", ""},
		"33 bits of IPv4":         {"0001" + "21" + "00" + "c0a8010101", ""},
		"129 bits of IPv6":        {"0002" + "81" + "00" + strings.Repeat("20", 17), ""},
		"less than is always fit": {"0001" + "18", ""},
	} {
		t.Run(name, func(t *testing.T) {
			option, err := hex.DecodeString(test.option)
			if err != nil {
				t.Fatal(err)
			}
			var s Subnet
			ok := s.read(option)
			if ok != (test.want != "") || (ok && s.Prefix.String() != test.want) {
				t.Errorf("got %v %s, want %q", ok, s.Prefix, test.want)
			}
		})
	}
}

func TestQueryIsUsedAgain(t *testing.T) {
	var q Query
	full := packet(t, header, arOne, question, optBare, "0017", "000a0008"+"0102030405060708", "00080007"+"00011800c0a801")
	if rcode, ok := q.Read(full); !ok || rcode != dns.RcodeSuccess || !q.Subnet.Given || q.ClientCookie == nil || !q.EDNS {
		t.Fatalf("rcode %d: %+v", rcode, q)
	}
	if _, ok := q.Read(packet(t, header, arNone, question)); !ok || q.Subnet.Given || q.ClientCookie != nil || q.EDNS {
		t.Error("something was left of the query before")
	}
}

func TestUDPSize(t *testing.T) {
	for advertised, want := range map[uint16]int{0: 512, 511: 512, 512: 512, 1000: 1000, 1232: 1232, 4096: 1232, 65535: 1232} {
		q := Query{EDNS: true, udpSize: advertised}
		if got := q.UDPSize(); got != want {
			t.Errorf("%d: got %d, want %d", advertised, got, want)
		}
	}
	if got := (&Query{udpSize: 4096}).UDPSize(); got != 512 {
		t.Errorf("without EDNS: %d", got)
	}
}

func TestName(t *testing.T) {
	var q Query
	if _, ok := q.Read(packet(t, header, arNone, question)); !ok {
		t.Fatal("not read")
	}
	if got := string(q.Name.Wire()); got != "\x03web\x04test\x00" {
		t.Errorf("not in lower case: %q", got)
	}
	if got := string(q.Name.Suffix(1)); got != "\x04test\x00" || string(q.Name.Suffix(2)) != "\x00" {
		t.Errorf("suffixes: %q, %q", got, q.Name.Suffix(2))
	}
	if got := q.Name.Labels(); got != 2 || string(q.Name.Label(1)) != "test" {
		t.Errorf("%d labels, the second is %q", got, q.Name.Label(1))
	}
	var n Name
	for text, want := range map[string]bool{"web.test": true, "web.test.": true, ".": true, "a..b": false, strings.Repeat("a", 64): false, strings.Repeat("a.", 128): false} {
		if got := n.Parse(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// reply answers a query with addresses, and reads what it says with the codec.
func reply(t *testing.T, query []byte, addresses, limit int, options Options) *dns.Msg {
	t.Helper()
	var q Query
	if rcode, ok := q.Read(query); !ok || rcode != dns.RcodeSuccess {
		t.Fatalf("the query is not well-formed: %d %v", rcode, ok)
	}
	octets := make([][]byte, 0, addresses)
	for i := range addresses {
		octets = append(octets, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).AsSlice())
	}
	packed, truncated := q.AppendRecords(nil, AddressRecords(octets, 20), limit, options)
	if len(packed) > limit {
		t.Errorf("%d octets, limit %d", len(packed), limit)
	}
	var msg dns.Msg
	if err := msg.Unpack(packed); err != nil {
		t.Fatal(err)
	}
	if msg.Truncated != truncated {
		t.Errorf("TC %v, truncated %v", msg.Truncated, truncated)
	}
	return &msg
}

func TestAppendRecords(t *testing.T) {
	plain := packet(t, header, arNone, question)
	msg := reply(t, plain, 3, 512, Options{})
	if !msg.Response || !msg.Authoritative || msg.RecursionAvailable || !msg.RecursionDesired || msg.Id != 0x1234 || msg.IsEdns0() != nil {
		t.Errorf("header: %+v", msg.MsgHdr)
	}
	if msg.Question[0].Name != "web.Test." || len(msg.Answer) != 3 || msg.Answer[0].Header().Name != "web.Test." || msg.Answer[0].Header().Ttl != 20 {
		t.Errorf("got %v", msg)
	}
	if msg := reply(t, plain, 100, 512, Options{}); !msg.Truncated || len(msg.Answer) != 0 {
		t.Errorf("a part of a set was answered: %d", len(msg.Answer))
	}
	checking := packet(t, "1234"+"0010"+"0001"+"0000"+"0000", arOne, question, opt)
	if msg := reply(t, checking, 1, 512, Options{}); !msg.CheckingDisabled || msg.RecursionDesired || !msg.IsEdns0().Do() || msg.IsEdns0().UDPSize() != MaxUDPSize {
		t.Errorf("CD, RD or DO is not that of the query: %v", msg)
	}
}

func TestOptionsAreEchoed(t *testing.T) {
	query := packet(t, header, arOne, question, optBare, "0016", "000a0008"+"0102030405060708", "00080006"+"00010f00c0a8")
	cookie := []byte("0123456789abcdef")
	msg := reply(t, query, 2, 512, Options{ScopeBits: 12, ServerCookie: cookie})
	var subnet *dns.EDNS0_SUBNET
	var echoed *dns.EDNS0_COOKIE
	for _, option := range msg.IsEdns0().Option {
		switch o := option.(type) {
		case *dns.EDNS0_SUBNET:
			subnet = o
		case *dns.EDNS0_COOKIE:
			echoed = o
		}
	}
	if subnet == nil || subnet.String() != "192.168.0.0/15/12" {
		t.Errorf("subnet: %v", subnet)
	}
	if want := "0102030405060708" + hex.EncodeToString(cookie); echoed == nil || echoed.Cookie != want {
		t.Errorf("cookie: %v", echoed)
	}
}

func TestEveryOrderIsAnswered(t *testing.T) {
	first := make(map[string]int)
	for range 3000 {
		first[reply(t, packet(t, header, arNone, question), 3, 512, Options{}).Answer[0].String()]++
	}
	for address, count := range first {
		if len(first) != 3 || count < 800 || count > 1200 {
			t.Errorf("%s is first %d times of 3000", address, count)
		}
	}
}

// Whatever comes, it is read without harm, and what is answered is a message; a query that the codec packs is understood
// as the codec understands it.
func FuzzRead(f *testing.F) {
	for _, parts := range [][]string{
		{header, arNone, question},
		{header, arOne, question, opt},
		{header, arOne, question, optBare, "0016", "000a0008" + "0102030405060708", "00080006" + "00010f00c0a8"},
		{header, arOne, question, "c00c", "00fa", "00ff", "00000000", "0000"},
	} {
		msg, err := hex.DecodeString(strings.Join(parts, ""))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(msg)
	}
	records := AddressRecords([][]byte{{192, 0, 2, 1}, {192, 0, 2, 2}}, 20)
	f.Fuzz(func(t *testing.T, msg []byte) {
		var q Query
		rcode, ok := q.Read(msg)
		if !ok {
			return
		}
		if rcode != dns.RcodeSuccess {
			checkReply(t, &q, q.AppendError(nil, rcode, Options{}), rcode)
			return
		}
		var codec dns.Msg
		if err := codec.Unpack(msg); err == nil && len(codec.Question) == 1 && codec.Question[0].Qtype != q.Type {
			t.Errorf("type %d, the codec reads %d", q.Type, codec.Question[0].Qtype)
		}
		packed, _ := q.AppendRecords(nil, records, q.UDPSize(), Options{})
		checkReply(t, &q, packed, dns.RcodeSuccess)
		if SkipQuestion(packed) != headerLen+len(q.question()) {
			t.Error("the question's end is somewhere else")
		}
	})
}

func checkReply(t *testing.T, q *Query, packed []byte, rcode int) {
	t.Helper()
	var msg dns.Msg
	if err := msg.Unpack(packed); err != nil {
		t.Fatalf("the reply is no message: %v", err)
	}
	if !msg.Response || msg.Id != q.ID() || msg.Rcode&0xf != rcode&0xf {
		t.Errorf("header: %+v", msg.MsgHdr)
	}
	if opt := msg.IsEdns0(); (opt != nil) != q.EDNS {
		t.Error("OPT goes out if, and only if, it came in")
	}
}

func BenchmarkReadAndAnswer(b *testing.B) {
	msg, err := hex.DecodeString(strings.Join([]string{header, arOne, question, opt}, ""))
	if err != nil {
		b.Fatal(err)
	}
	records := AddressRecords([][]byte{{192, 0, 2, 1}, {192, 0, 2, 2}, {192, 0, 2, 3}}, 20)
	var q Query
	buffer := make([]byte, 0, MaxUDPSize)
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := q.Read(msg); !ok {
			b.Fatal("not read")
		}
		buffer, _ = q.AppendRecords(buffer[:0], records, q.UDPSize(), Options{})
	}
}
