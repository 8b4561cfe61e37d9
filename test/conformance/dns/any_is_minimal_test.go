// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// ANY is answered by one small record (RFC 8482, section 4.2).
func TestAnyIsMinimal(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, name := range []string{web, big, apex} {
			r := c.ask(query(name, codec.TypeANY))
			r.wantRcode(t, codec.RcodeSuccess)
			if len(r.Answer) != 1 || r.Answer[0].Header().Rrtype != codec.TypeHINFO {
				t.Errorf("%s: %v", name, &r.Msg)
			}
		}
	})
}
