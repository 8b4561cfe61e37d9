// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A named port is a SRV record, whose target is one cluster, with its addresses beside it (RFC 2782).
func TestPortsHaveSrvRecords(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		r := c.ask(query("_http._tcp."+web, codec.TypeSRV, opt(1232, 0, 0)))
		r.wantValues(t, codec.TypeSRV, "0 1 80 web.default.federation.svc.east.cluster.drover.test.")
		if len(r.Extra) != 4 { // three addresses, and OPT
			t.Errorf("beside it: %v", r.Extra)
		}
		c.ask(query("_https._tcp."+web, codec.TypeSRV)).wantNothing(t, codec.RcodeNameError)
		c.ask(query("_http._udp."+web, codec.TypeSRV)).wantNothing(t, codec.RcodeNameError)
	})
}
