// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A and AAAA lead a client to the same cluster, and an answer has the addresses of one.
func TestFamiliesLeadToOneCluster(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		pairs := map[string]string{"192.0.2.1": "2001:db8:1::1", "198.51.100.1": "2001:db8:2::1"}
		seen := map[string]bool{}
		for network := range byte(64) {
			sent := opt(1232, 0, 0, subnet(1, 24, 0, 203, 0, network))
			v4 := c.ask(query(geo, codec.TypeA, sent)).values(codec.TypeA)
			v6 := c.ask(query(geo, codec.TypeAAAA, sent)).values(codec.TypeAAAA)
			if len(v4) != 1 || len(v6) != 1 || pairs[v4[0]] != v6[0] {
				t.Fatalf("203.0.%d.0/24: %v and %v", network, v4, v6)
			}
			seen[v4[0]] = true
		}
		if len(seen) != 2 {
			t.Errorf("all of 64 networks are led to %v", seen)
		}
	})
}
