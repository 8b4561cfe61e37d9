// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A signature without content is FORMERR (RFC 8945, section 5.2).
func TestEmptySignatureIsMalformed(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		for _, qtype := range []uint16{codec.TypeA, codec.TypeAXFR} {
			empty := append(name(keyName), 0, byte(codec.TypeTSIG), 0, byte(codec.ClassANY), 0, 0, 0, 0, 0, 0)
			c.ask(query(apex, qtype, empty)).wantRcode(t, codec.RcodeFormatError)
		}
	})
}
