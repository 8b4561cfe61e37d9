// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// No client subnet goes out where none came in (RFC 7871, section 7.2.2).
func TestSubnetOnlyIfAsked(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		if r := c.ask(query(geo, codec.TypeA, opt(1232, 0, 0))); r.option(codec.EDNS0SUBNET) != nil {
			t.Errorf("got %v", &r.Msg)
		}
	})
}
