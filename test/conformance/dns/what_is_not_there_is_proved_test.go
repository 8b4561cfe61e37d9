// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"slices"
	"testing"

	codec "github.com/miekg/dns"
)

// To those who set DO, a name that is not there is one without records, and an NSEC record proves it (RFC 9824).
func TestWhatIsNotThereIsProved(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for name, want := range map[string]bool{nowhere: true, "svc.drover.test.": false} {
			r := c.ask(query(name, codec.TypeA, opt(1232, 0, dnssecOK)))
			r.wantRcode(t, codec.RcodeSuccess)
			var proof *codec.NSEC
			for _, rr := range r.Ns {
				if nsec, ok := rr.(*codec.NSEC); ok {
					proof = nsec
				}
			}
			if proof == nil || proof.Hdr.Name != name || slices.Contains(proof.TypeBitMap, codec.TypeNXNAME) != want {
				t.Errorf("%s: %v", name, &r.Msg)
			}
		}
	})
}
