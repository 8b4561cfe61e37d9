// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Scope is 0 where everyone is answered alike: of what is not there, of the zone itself, of one cluster.
func TestSubnetScopeIsZeroForAll(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, q := range []struct {
			name  string
			qtype uint16
		}{{nowhere, codec.TypeA}, {geo, codec.TypeMX}, {"svc.drover.test.", codec.TypeA}, {down, codec.TypeA}, {apex, codec.TypeSOA}, {apex, codec.TypeNS}, {web, codec.TypeA}} {
			got := c.ask(query(q.name, q.qtype, opt(1232, 0, 0, subnet(1, 24, 0, 10, 1, 2)))).option(codec.EDNS0SUBNET)
			if len(got) < 4 || got[3] != 0 {
				t.Errorf("%s %s: %x", q.name, codec.TypeToString[q.qtype], got)
			}
		}
	})
}
