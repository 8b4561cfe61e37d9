// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// An address must have the octets that SOURCE asks for, no more and no fewer (RFC 7871, section 7.1.1).
func TestSubnetOfWrongLengthIsMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, sent := range [][]byte{subnet(1, 24, 0, 10, 1), subnet(1, 24, 0, 10, 1, 2, 0), subnet(1, 33, 0, 10, 1, 2, 3, 4), subnet(2, 129, 0, make([]byte, 17)...), option(codec.EDNS0SUBNET, 0, 1, 0)} {
			r := c.ask(query(geo, codec.TypeA, opt(1232, 0, 0, sent)))
			r.wantRcode(t, codec.RcodeFormatError)
			if len(r.Answer) != 0 {
				t.Errorf("%x is answered: %v", sent, &r.Msg)
			}
		}
	})
}
