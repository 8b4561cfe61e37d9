// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Of classes other than IN and CH nothing is known.
func TestOtherClassesAreRefused(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		p := packet{id: id, questions: 1, body: asked(web, codec.TypeA, codec.ClassHESIOD)}
		c.ask(p).wantRcode(t, codec.RcodeRefused)
	})
}
