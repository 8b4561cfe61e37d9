// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// What an alias in the zone leads to comes in the same reply (RFC 1034, section 4.3.2).
func TestAliasesInTheZoneAreFollowed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		r := c.ask(query("lb.drover.test.", codec.TypeA))
		r.wantValues(t, codec.TypeCNAME, "shop.drover.test.")
		r.wantValues(t, codec.TypeA, "192.0.2.5")
		if r.Answer[0].Header().Rrtype != codec.TypeCNAME {
			t.Errorf("the alias does not come first: %v", r.Answer)
		}
		c.ask(query("lb.drover.test.", codec.TypeCNAME)).wantValues(t, codec.TypeA)
	})
}
