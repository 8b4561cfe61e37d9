// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// The question comes back in the case it was asked in, and answers are owned by that name.
func TestCaseIsPreserved(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		const mixed = "wEb.DEFAULT.federation.Svc.Drover.TEST."
		r := c.ask(query(mixed, codec.TypeA))
		if len(r.Question) != 1 || r.Question[0].Name != mixed || len(r.Answer) != 2 || r.Answer[0].Header().Name != mixed {
			t.Errorf("got %v", &r.Msg)
		}
	})
}
