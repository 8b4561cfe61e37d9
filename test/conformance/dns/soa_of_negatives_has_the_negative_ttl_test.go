// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// The SOA of what is not there has the smaller of its TTL and MINIMUM as its TTL (RFC 2308, section 3).
func TestSoaOfNegativesHasTheNegativeTtl(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, name := range []string{nowhere, "svc.drover.test."} {
			r := c.ask(query(name, codec.TypeA))
			soa, ok := r.Ns[0].(*codec.SOA)
			if !ok || soa.Hdr.Ttl != min(soa.Minttl, 3600) || soa.Hdr.Ttl == 0 {
				t.Errorf("%s: %v", name, r.Ns)
			}
		}
	})
}
