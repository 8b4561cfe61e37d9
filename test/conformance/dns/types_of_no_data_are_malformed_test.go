// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// OPT and TSIG are no types to ask for.
func TestTypesOfNoDataAreMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, qtype := range []uint16{codec.TypeOPT, codec.TypeTSIG} {
			c.ask(query(web, qtype)).wantRcode(t, codec.RcodeFormatError)
		}
	})
}
