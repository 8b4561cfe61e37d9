// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A query over TCP may arrive octet by octet.
func TestTcpQueriesMayComeInPieces(t *testing.T) {
	c := dial(t, "tcp")
	msg := query(web, codec.TypeA).bytes()
	for _, octet := range append([]byte{byte(len(msg) >> 8), byte(len(msg))}, msg...) {
		if _, err := c.Write([]byte{octet}); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.receive(); len(got) < 12 || got[7] != 2 {
		t.Errorf("got %x", got)
	}
}
