// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// OPT goes out also when the answer is an error, or that there is nothing (RFC 6891, section 7).
func TestOptAlsoOnErrors(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, name := range []string{nowhere, "example.com.", down} {
			if r := c.ask(query(name, codec.TypeA, opt(1232, 0, 0))); r.IsEdns0() == nil {
				t.Errorf("%s: no OPT: %v", name, &r.Msg)
			}
		}
	})
}
