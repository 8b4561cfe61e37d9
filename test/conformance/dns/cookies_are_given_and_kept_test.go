// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"bytes"
	"testing"

	codec "github.com/miekg/dns"
)

// A client cookie is answered with a server cookie of 16 octets, and that one is good (RFC 9018).
func TestCookiesAreGivenAndKept(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		client := []byte{1, 2, 3, 4, 5, 6, 7, 8}
		first := c.ask(query(web, codec.TypeA, opt(1232, 0, 0, option(codec.EDNS0COOKIE, client...)))).option(codec.EDNS0COOKIE)
		if len(first) != 24 || !bytes.Equal(first[:8], client) || first[8] != 1 {
			t.Fatalf("got %x", first)
		}
		second := c.ask(query(web, codec.TypeA, opt(1232, 0, 0, option(codec.EDNS0COOKIE, first...)))).option(codec.EDNS0COOKIE)
		if len(second) != 24 || !bytes.Equal(second[:8], client) {
			t.Errorf("got %x", second)
		}
	})
}
