// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"slices"
	"testing"

	codec "github.com/miekg/dns"
)

// A name that points at itself, or ahead, is FORMERR, and nothing hangs.
func TestCompressionLoopsEnd(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		loops := func(at int) [][]byte {
			self, ahead := []byte{0xc0, byte(at)}, []byte{0xc0, byte(at + 2)}
			return [][]byte{self, ahead, append([]byte{1, 'a'}, self...), {0xff, 0xff}}
		}
		const header = 12
		for _, loop := range loops(header) {
			p := packet{id: id, questions: 1, body: append(loop, 0, 1, 0, 1)}
			c.ask(p).wantRcode(t, codec.RcodeFormatError)
		}
		for _, loop := range loops(header + len(query(web, codec.TypeA).body)) { // where an additional record is
			record := append(slices.Clone(loop), 0, 1, 0, 1, 0, 0, 0, 0, 0, 0)
			c.ask(query(web, codec.TypeA, record)).wantRcode(t, codec.RcodeFormatError)
		}
	})
}
