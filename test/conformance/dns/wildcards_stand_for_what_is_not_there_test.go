// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// The * of a host stands for names that are not there, and for none that are (RFC 4592).
func TestWildcardsStandForWhatIsNotThere(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		c.ask(query("any.wild.drover.test.", codec.TypeA)).wantValues(t, codec.TypeA, "192.0.2.5")
		c.ask(query("a.b.wild.drover.test.", codec.TypeA)).wantValues(t, codec.TypeA, "192.0.2.5")
		c.ask(query("wild.drover.test.", codec.TypeA)).wantNothing(t, codec.RcodeSuccess)
	})
}
