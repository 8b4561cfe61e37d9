// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// The apex has an SOA and NS records, with the addresses of name servers that lie in the zone, and no alias.
func TestTheApexHasSoaNsAndGlue(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		if r := c.ask(query(apex, codec.TypeSOA)); len(r.values(codec.TypeSOA)) != 1 {
			t.Errorf("got %v", &r.Msg)
		}
		r := c.ask(query(apex, codec.TypeNS))
		r.wantValues(t, codec.TypeNS, "ns1.drover.test.")
		if len(r.Extra) != 1 || r.Extra[0].Header().Name != "ns1.drover.test." {
			t.Errorf("beside it: %v", r.Extra)
		}
		c.ask(query("ns1.drover.test.", codec.TypeA)).wantValues(t, codec.TypeA, "192.0.2.53")
		c.ask(query(apex, codec.TypeA)).wantValues(t, codec.TypeA, "192.0.2.5")
	})
}
