// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// What lies in no zone that is served is REFUSED, without AA and without records.
func TestOtherZonesAreRefused(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, name := range []string{"example.com.", ".", "test.", "xdrover.test."} {
			r := c.ask(query(name, codec.TypeA))
			r.wantRcode(t, codec.RcodeRefused)
			if len(r.Answer)+len(r.Ns) != 0 {
				t.Errorf("%s: %v", name, &r.Msg)
			}
		}
	})
}
