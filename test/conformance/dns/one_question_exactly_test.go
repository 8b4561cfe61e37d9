// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A query has one question: none or two are FORMERR (RFC 9619).
func TestOneQuestionExactly(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		none := packet{id: id}
		c.ask(none).wantRcode(t, codec.RcodeFormatError)
		two := query(web, codec.TypeA)
		two.questions, two.body = 2, append(two.body, asked(geo, codec.TypeA, codec.ClassINET)...)
		c.ask(two).wantRcode(t, codec.RcodeFormatError)
	})
}
