// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"strings"
	"testing"

	codec "github.com/miekg/dns"
)

// SOURCE 0 asks for an answer that is made for nobody: always the same, with scope 0 (RFC 7871, section 7.1.2).
func TestSubnetSourceZeroIsNotTailored(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, family := range []uint16{1, 2} {
			first := ""
			for range 8 {
				r := c.ask(query(geo, codec.TypeA, opt(1232, 0, 0, subnet(family, 0, 0))))
				got := r.option(codec.EDNS0SUBNET)
				if len(got) != 4 || got[2] != 0 || got[3] != 0 {
					t.Errorf("family %d: %x", family, got)
				}
				if answered := strings.Join(r.values(codec.TypeA), " "); first == "" {
					first = answered
				} else if answered != first || answered == "" {
					t.Errorf("got %q after %q", answered, first)
				}
			}
		}
	})
}
