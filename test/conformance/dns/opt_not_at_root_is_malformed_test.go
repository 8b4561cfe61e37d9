// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// An OPT record whose owner is not the root is FORMERR (RFC 6891, section 6.1.2).
func TestOptNotAtRootIsMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		elsewhere := append(name("test."), opt(1232, 0, 0)[1:]...)
		c.ask(query(web, codec.TypeA, elsewhere)).wantRcode(t, codec.RcodeFormatError)
	})
}
