// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	codec "github.com/miekg/dns"

	"drover.dev/drover/pkg/dns/location"
)

const examples = "../../artifacts/examples"

func TestExport(t *testing.T) {
	var out bytes.Buffer
	if err := Export(&out, filepath.Join(examples, "dns-zone.yaml"), "Drover.Test"); err != nil {
		t.Fatal(err)
	}
	parser := codec.NewZoneParser(bytes.NewReader(out.Bytes()), "", "")
	counts := make(map[uint16]int)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		counts[rr.Header().Rrtype]++
	}
	if err := parser.Err(); err != nil || counts[codec.TypeSOA] != 1 || counts[codec.TypeNS] != 1 || counts[codec.TypeSRV] == 0 {
		t.Errorf("%v %v in\n%s", err, counts, out.String())
	}
	if err := Export(&out, filepath.Join(examples, "dns-zone.yaml"), "other.test"); err == nil || !strings.Contains(err.Error(), "other.test is not in") {
		t.Errorf("a zone that is not there: %v", err)
	}
}

func TestExampleOfLocations(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(examples, "dns-locations.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if networks, err := location.ParseNetworks(data); err != nil || networks.Len() == 0 {
		t.Errorf("%v", err)
	}
}
