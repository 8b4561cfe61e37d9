// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A name that is there, and has no records of a type, is NODATA for every such type.
func TestNoDataForEveryType(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, qtype := range allTypes {
			if qtype != codec.TypeA && qtype != codec.TypeAAAA {
				c.ask(query(web, qtype)).wantNothing(t, codec.RcodeSuccess)
			}
		}
	})
}
