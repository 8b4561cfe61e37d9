// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Nobody may have the whole zone without a key.
func TestTransfersAreRefused(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, qtype := range []uint16{codec.TypeAXFR, codec.TypeIXFR} {
			r := c.ask(query(apex, qtype))
			r.wantRcode(t, codec.RcodeRefused)
			if len(r.Answer) != 0 {
				t.Errorf("got %v", &r.Msg)
			}
		}
	})
}
