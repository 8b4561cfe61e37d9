// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A region or zone in which nobody serves is an alias of what is wider.
func TestNarrowNamesFallBackToWider(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		r := c.ask(query("web.default.federation.svc.us-west1.drover.test.", codec.TypeA))
		r.wantValues(t, codec.TypeCNAME, web)
		r.wantValues(t, codec.TypeA, "192.0.2.1", "192.0.2.2")
		r = c.ask(query("web.default.federation.svc.us-east1-b.us-east1.drover.test.", codec.TypeA))
		r.wantValues(t, codec.TypeCNAME)
		r.wantValues(t, codec.TypeA, "192.0.2.1", "192.0.2.2")
	})
}
