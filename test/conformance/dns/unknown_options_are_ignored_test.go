// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Options that are not known are passed over, and not sent back (RFC 6891, section 6.1.2).
func TestUnknownOptionsAreIgnored(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		r := c.ask(query(web, codec.TypeA, opt(1232, 0, 0, option(65001, 1, 2, 3))))
		r.wantRcode(t, codec.RcodeSuccess)
		if r.option(65001) != nil || len(r.Answer) == 0 {
			t.Errorf("got %v", &r.Msg)
		}
	})
}
