// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A service that nobody can serve is there, and empty, for some seconds.
func TestNobodyHealthyIsNoData(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		r := c.ask(query(down, codec.TypeA))
		r.wantNothing(t, codec.RcodeSuccess)
		if ttl := r.Ns[0].Header().Ttl; ttl != 5 {
			t.Errorf("for %d seconds", ttl)
		}
	})
}
