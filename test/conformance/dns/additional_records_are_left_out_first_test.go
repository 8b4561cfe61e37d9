// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"

	codec "github.com/miekg/dns"
)

// Additional records that do not fit are left out without TC.
func TestAdditionalRecordsAreLeftOutFirst(t *testing.T) {
	r := dial(t, "udp").ask(query("_http._tcp."+big, codec.TypeSRV))
	if r.flags()&flagTC != 0 || len(r.values(codec.TypeSRV)) != 1 || len(r.Extra) != 0 {
		t.Errorf("got %v", &r.Msg)
	}
}
