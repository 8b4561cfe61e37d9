// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// More than one OPT is FORMERR (RFC 6891, section 6.1.1).
func TestTwoOptsAreMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		c.ask(query(web, codec.TypeA, opt(1232, 0, 0), opt(1232, 0, 0))).wantRcode(t, codec.RcodeFormatError)
	})
}
