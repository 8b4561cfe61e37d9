// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A set that does not fit is left out as a whole, with TC; over TCP all of it comes (RFC 2181, section 9).
func TestSetsAreTruncatedWhole(t *testing.T) {
	r := dial(t, "udp").ask(query(big, codec.TypeA))
	if r.flags()&flagTC == 0 || len(r.Answer) != 0 {
		t.Errorf("over UDP: %v", &r.Msg)
	}
	r = dial(t, "tcp").ask(query(big, codec.TypeA))
	if r.flags()&flagTC != 0 || len(r.values(codec.TypeA)) != 40 {
		t.Errorf("over TCP: %v", &r.Msg)
	}
}
