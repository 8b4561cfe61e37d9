// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"encoding/binary"
	"testing"

	codec "github.com/miekg/dns"
)

// Queries may be sent without waiting for replies; each is answered (RFC 7766, section 6.2.1.1).
func TestTcpQueriesMayBePipelined(t *testing.T) {
	c := dial(t, "tcp")
	var all []byte
	want := map[uint16]bool{}
	for i := range uint16(50) {
		p := query(web, codec.TypeA)
		p.id = i
		want[i] = true
		msg := p.bytes()
		all = append(append(all, byte(len(msg)>>8), byte(len(msg))), msg...)
	}
	if _, err := c.Write(all); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		delete(want, binary.BigEndian.Uint16(c.receive()))
	}
	if len(want) > 0 {
		t.Errorf("not answered: %v", want)
	}
}
