// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"bytes"
	"testing"

	codec "github.com/miekg/dns"
)

// Family, source and address of a client subnet come back as they were sent (RFC 7871, section 7.2.1).
func TestSubnetIsEchoed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, sent := range [][]byte{
			subnet(1, 24, 0, 10, 1, 2), subnet(1, 20, 0, 10, 1, 16), subnet(1, 32, 0, 10, 1, 2, 3), subnet(2, 56, 0, 0x20, 1, 0xd, 0xb8, 0, 2, 0),
		} {
			got := c.ask(query(geo, codec.TypeA, opt(1232, 0, 0, sent))).option(codec.EDNS0SUBNET)
			if len(got) < 4 || !bytes.Equal(got[:3], sent[4:7]) || !bytes.Equal(got[4:], sent[8:]) {
				t.Errorf("%x comes back as %x", sent[4:], got)
			}
		}
	})
}
