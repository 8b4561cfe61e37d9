// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// AA is set on all that is said of the zone, also that there is nothing; RA is never.
func TestAnswersAreAuthoritative(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, name := range []string{web, nowhere, "svc.drover.test.", apex, "lb.drover.test."} {
			if r := c.ask(query(name, codec.TypeA)); r.flags()&flagAA == 0 || r.flags()&flagRA != 0 || r.flags()&flagAD != 0 {
				t.Errorf("%s: flags %016b", name, r.flags())
			}
		}
		if r := c.ask(query("example.com.", codec.TypeA)); r.flags()&(flagAA|flagRA) != 0 {
			t.Errorf("of what is not ours: flags %016b", r.flags())
		}
	})
}
