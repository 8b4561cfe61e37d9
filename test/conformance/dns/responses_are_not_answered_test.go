// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// What is a response itself gets none: two servers could go on for ever.
func TestResponsesAreNotAnswered(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		p := query(web, codec.TypeA)
		p.flags = flagQR
		c.wantSilence(p.bytes())
	})
}
