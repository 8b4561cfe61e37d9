// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A query may be larger than 512 octets: OPT has room for much.
func TestQueriesAbove512OctetsAreRead(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		padded := opt(4096, 0, 0, option(codec.EDNS0PADDING, make([]byte, 1000)...))
		c.ask(query(web, codec.TypeA, padded)).wantValues(t, codec.TypeA, "192.0.2.1", "192.0.2.2")
	})
}
