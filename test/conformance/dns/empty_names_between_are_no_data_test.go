// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A name that only has others below it is there, and empty (RFC 8020).
func TestEmptyNamesBetweenAreNoData(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, name := range []string{
			"svc.drover.test.", "federation.svc.drover.test.", "default.federation.svc.drover.test.", "us-east1.drover.test.",
			"cluster.drover.test.", "east.cluster.drover.test.", "_tcp." + web, "wild.drover.test.",
		} {
			for _, qtype := range allTypes {
				c.ask(query(name, qtype)).wantNothing(t, codec.RcodeSuccess)
			}
		}
	})
}
