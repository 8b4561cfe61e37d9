// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A name that is not there is not there for any type.
func TestNoSuchNameForEveryType(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, name := range []string{nowhere, "nope.default.federation.svc.drover.test.", "web.nope.federation.svc.drover.test.", "x." + web} {
			for _, qtype := range allTypes {
				c.ask(query(name, qtype)).wantNothing(t, codec.RcodeNameError)
			}
		}
	})
}
