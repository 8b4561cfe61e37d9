// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// SCOPE is 0 in queries (RFC 7871, section 6).
func TestSubnetScopeInAQueryIsMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, sent := range [][]byte{subnet(1, 24, 24, 10, 1, 2), subnet(1, 24, 1, 10, 1, 2)} {
			r := c.ask(query(geo, codec.TypeA, opt(1232, 0, 0, sent)))
			r.wantRcode(t, codec.RcodeFormatError)
			if len(r.Answer) != 0 {
				t.Errorf("%x is answered: %v", sent, &r.Msg)
			}
		}
	})
}
