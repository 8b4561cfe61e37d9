// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Scope is the length of the widest prefix with the same answer (RFC 7871, section 7.1.3).
func TestSubnetScopeIsTheWidest(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, tt := range []struct {
			sent []byte
			want byte
		}{
			{subnet(1, 24, 0, 10, 1, 2), 16},
			{subnet(1, 16, 0, 10, 2), 16},
			{subnet(2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 2, 0), 48},
			{subnet(1, 32, 0, 203, 0, 113, 9), 24}, // drawn by network
		} {
			got := c.ask(query(geo, codec.TypeA, opt(1232, 0, 0, tt.sent))).option(codec.EDNS0SUBNET)
			if len(got) < 4 || got[3] != tt.want {
				t.Errorf("%x: got %x, want scope %d", tt.sent[4:], got, tt.want)
			}
		}
	})
}
