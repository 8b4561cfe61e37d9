// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// An option that is longer than the record it is in is FORMERR.
func TestOptCutOffIsMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		cut := opt(1232, 0, 0, option(codec.EDNS0NSID))
		cut[len(cut)-1] = 9
		c.ask(query(web, codec.TypeA, cut)).wantRcode(t, codec.RcodeFormatError)
	})
}
