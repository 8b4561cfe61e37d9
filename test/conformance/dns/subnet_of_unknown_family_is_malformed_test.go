// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Families are 1 and 2 (RFC 7871, section 7.1.2).
func TestSubnetOfUnknownFamilyIsMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, sent := range [][]byte{subnet(0, 0, 0), subnet(3, 8, 0, 10), subnet(256, 24, 0, 10, 1, 2)} {
			r := c.ask(query(geo, codec.TypeA, opt(1232, 0, 0, sent)))
			r.wantRcode(t, codec.RcodeFormatError)
			if len(r.Answer) != 0 {
				t.Errorf("%x is answered: %v", sent, &r.Msg)
			}
		}
	})
}
