// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// A cluster is answered by its own name whatever its state; one that does not run the service is empty.
func TestOneClusterByItsName(t *testing.T) {
	overBoth(t, func(t *testing.T, c *conn) {
		c.ask(query("down.default.federation.svc.west.cluster.drover.test.", codec.TypeA)).wantValues(t, codec.TypeA, "198.51.100.9")
		c.ask(query("web.default.federation.svc.west.cluster.drover.test.", codec.TypeA)).wantNothing(t, codec.RcodeSuccess)
		c.ask(query("web.default.federation.svc.mars.cluster.drover.test.", codec.TypeA)).wantNothing(t, codec.RcodeNameError)
	})
}
