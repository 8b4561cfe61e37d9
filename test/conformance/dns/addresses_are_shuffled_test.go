// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// The order of a set changes from answer to answer.
func TestAddressesAreShuffled(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		first := map[string]int{}
		for range 200 {
			r := c.ask(query(web, codec.TypeA))
			first[r.Answer[0].String()]++
		}
		if len(first) != 2 {
			t.Errorf("first comes %v", first)
		}
	})
}
