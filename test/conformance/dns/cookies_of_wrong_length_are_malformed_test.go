// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A cookie has 8, or 16 to 40 octets (RFC 7873, section 5.2.2).
func TestCookiesOfWrongLengthAreMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, size := range []int{0, 7, 9, 15, 41} {
			sent := opt(1232, 0, 0, option(codec.EDNS0COOKIE, make([]byte, size)...))
			c.ask(query(web, codec.TypeA, sent)).wantRcode(t, codec.RcodeFormatError)
		}
	})
}
