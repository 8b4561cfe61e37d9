// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"testing"
	"time"

	codec "github.com/miekg/dns"
)

// Who holds a key of the zone may have it, over TCP, from SOA to SOA (RFC 5936).
func TestTransfersNeedAKeyOfTheZone(t *testing.T) {
	m := new(codec.Msg).SetAxfr(apex)
	m.SetTsig(keyName, codec.HmacSHA256, 300, time.Now().Unix())
	transfer := &codec.Transfer{TsigSecret: map[string]string{keyName: keySecret}}
	in, err := transfer.In(m, address)
	if err != nil {
		t.Fatal(err)
	}
	var records []codec.RR
	for envelope := range in {
		if envelope.Error != nil {
			t.Fatal(envelope.Error)
		}
		records = append(records, envelope.RR...)
	}
	if len(records) < 10 || records[0].Header().Rrtype != codec.TypeSOA || records[len(records)-1].Header().Rrtype != codec.TypeSOA {
		t.Errorf("got %v", records)
	}
}
