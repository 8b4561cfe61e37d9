// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A client in a network is answered the cluster that is near it, wherever its resolver is.
func TestSubnetLeadsTheClient(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for want, sent := range map[string][]byte{
			"192.0.2.1": subnet(1, 24, 0, 10, 1, 2), "198.51.100.1": subnet(1, 24, 0, 10, 2, 2),
		} {
			c.ask(query(geo, codec.TypeA, opt(1232, 0, 0, sent))).wantValues(t, codec.TypeA, want)
		}
	})
}
