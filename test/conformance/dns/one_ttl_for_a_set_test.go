// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// All records of a set have one TTL (RFC 2181, section 5.2).
func TestOneTtlForASet(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, name := range []string{web, geo, "web.default.federation.svc.east.cluster.drover.test."} {
			for _, rr := range c.ask(query(name, codec.TypeA)).Answer {
				if rr.Header().Ttl != 20 {
					t.Errorf("%s: %v", name, rr)
				}
			}
		}
	})
}
