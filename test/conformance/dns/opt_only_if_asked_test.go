// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// OPT goes out only if it came in (RFC 6891, section 6.1.1).
func TestOptOnlyIfAsked(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		if r := c.ask(query(web, codec.TypeA)); r.IsEdns0() != nil {
			t.Errorf("a query without OPT is answered with one: %v", &r.Msg)
		}
		if r := c.ask(query(web, codec.TypeA, opt(1232, 0, 0))); r.IsEdns0() == nil || r.IsEdns0().UDPSize() != 1232 {
			t.Errorf("a query with OPT is answered without, or with another size: %v", &r.Msg)
		}
	})
}
