// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Bits of the address beyond SOURCE must be 0 (RFC 7871, section 7.1.1).
func TestSubnetBitsBeyondSourceAreMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, sent := range [][]byte{subnet(1, 23, 0, 10, 1, 3), subnet(2, 44, 0, 0x20, 1, 0xd, 0xb8, 0, 1)} {
			r := c.ask(query(geo, codec.TypeA, opt(1232, 0, 0, sent)))
			r.wantRcode(t, codec.RcodeFormatError)
			if len(r.Answer) != 0 {
				t.Errorf("%x is answered: %v", sent, &r.Msg)
			}
		}
	})
}
