// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Opcodes other than QUERY are NOTIMP, and come back.
func TestOtherOpcodesAreNotImplemented(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for opcode := range uint16(16) {
			if opcode == codec.OpcodeQuery {
				continue
			}
			p := query(apex, codec.TypeSOA)
			p.flags = opcode << 11
			r := c.ask(p)
			r.wantRcode(t, codec.RcodeNotImplemented)
			if r.flags()>>11&0xf != opcode {
				t.Errorf("opcode %d comes back as %d", opcode, r.flags()>>11&0xf)
			}
		}
	})
}
