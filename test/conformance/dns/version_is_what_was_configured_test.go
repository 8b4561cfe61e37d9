// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// version.bind in class CH is answered what the operator chose, and no other name there is.
func TestVersionIsWhatWasConfigured(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for name, rcode := range map[string]int{"version.bind.": codec.RcodeSuccess, "hostname.bind.": codec.RcodeRefused} {
			r := c.ask(packet{id: id, questions: 1, body: asked(name, codec.TypeTXT, codec.ClassCHAOS)})
			r.wantRcode(t, rcode)
			if rcode == codec.RcodeSuccess {
				r.wantValues(t, codec.TypeTXT, `"conformance"`)
			}
		}
	})
}
