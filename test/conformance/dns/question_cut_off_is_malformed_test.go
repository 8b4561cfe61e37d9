// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A question that ends before it should is FORMERR.
func TestQuestionCutOffIsMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for cut := 1; cut < 8; cut++ {
			p := query(web, codec.TypeA)
			p.body = p.body[:len(p.body)-cut]
			c.ask(p).wantRcode(t, codec.RcodeFormatError)
		}
	})
}
