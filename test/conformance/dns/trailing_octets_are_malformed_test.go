// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// What comes after the last record is FORMERR.
func TestTrailingOctetsAreMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		p := query(web, codec.TypeA)
		p.body = append(p.body, 0)
		c.ask(p).wantRcode(t, codec.RcodeFormatError)
	})
}
