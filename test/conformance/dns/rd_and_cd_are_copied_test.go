// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// RD and CD come back as they were sent (RFC 1035, section 4.1.1; RFC 4035, section 3.2.2).
func TestRdAndCdAreCopied(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, flags := range []uint16{0, flagRD, flagCD, flagRD | flagCD} {
			for _, name := range []string{web, nowhere} {
				p := query(name, codec.TypeA)
				p.flags = flags
				if r := c.ask(p); r.flags()&(flagRD|flagCD) != flags {
					t.Errorf("%s: sent %016b, got %016b", name, flags, r.flags())
				}
			}
		}
	})
}
