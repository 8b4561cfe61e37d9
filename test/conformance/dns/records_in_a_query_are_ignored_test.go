// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Records in a query that mean nothing are passed over.
func TestRecordsInAQueryAreIgnored(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		record := append(name("x."), 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1)
		c.ask(query(web, codec.TypeA, record)).wantValues(t, codec.TypeA, "192.0.2.1", "192.0.2.2")
	})
}
