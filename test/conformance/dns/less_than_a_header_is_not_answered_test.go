// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// What is too short for a header cannot be answered.
func TestLessThanAHeaderIsNotAnswered(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		c.wantSilence(query(web, codec.TypeA).bytes()[:11])
	})
}
