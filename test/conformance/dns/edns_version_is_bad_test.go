// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A version of EDNS that is not known is answered BADVERS, with the one that is (RFC 6891, section 6.1.3).
func TestEdnsVersionIsBad(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, version := range []byte{1, 255} {
			r := c.ask(query(web, codec.TypeA, opt(1232, version, 0)))
			r.wantRcode(t, codec.RcodeBadVers)
			if len(r.Answer) != 0 || r.IsEdns0() == nil || r.IsEdns0().Version() != 0 {
				t.Errorf("version %d: %v", version, &r.Msg)
			}
		}
	})
}
