// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A reply over UDP is never larger than 1232 octets, whatever the client says it takes, nor than what it says.
func TestUdpRepliesAreCapped(t *testing.T) {
	c := dial(t, "udp")
	for _, size := range []uint16{0, 512, 1000, 1232, 4096, 65535} {
		for _, do := range []uint16{0, dnssecOK} {
			limit := max(512, min(int(size), 1232))
			if r := c.ask(query(big, codec.TypeA, opt(size, 0, do))); len(r.raw) > limit {
				t.Errorf("a client that takes %d gets %d octets", size, len(r.raw))
			}
		}
	}
	if r := c.ask(query(big, codec.TypeA)); len(r.raw) > 512 {
		t.Errorf("a client without EDNS gets %d octets", len(r.raw))
	}
}
