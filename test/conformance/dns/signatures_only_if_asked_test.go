// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Signatures go to those who set DO, and to nobody else (RFC 4035, section 3.1).
func TestSignaturesOnlyIfAsked(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, q := range []packet{query(web, codec.TypeA), query(web, codec.TypeA, opt(1232, 0, 0)), query(nowhere, codec.TypeA)} {
			r := c.ask(q)
			for _, rr := range append(r.Answer, r.Ns...) {
				if rr.Header().Rrtype == codec.TypeRRSIG || rr.Header().Rrtype == codec.TypeNSEC {
					t.Errorf("unasked: %v", rr)
				}
			}
		}
		r := c.ask(query(web, codec.TypeA, opt(1232, 0, dnssecOK)))
		if len(r.values(codec.TypeRRSIG)) != 1 || !r.IsEdns0().Do() {
			t.Errorf("asked: %v", &r.Msg)
		}
	})
}
