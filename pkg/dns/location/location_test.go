// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package location

import (
	"bytes"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"go4.org/netipx"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
)

const networks = `
networks:
- {cidr: 10.0.0.0/8, country: DE}
- {cidr: 10.1.0.0/16, region: us-west1}
- {cidr: 10.1.2.0/24, clusters: [east, west]}
- {cidr: "2001:db8::/32", country: FR}
`

func parseNetworks(t *testing.T, text string) *Networks {
	t.Helper()
	n, err := ParseNetworks([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNetworks(t *testing.T) {
	n := parseNetworks(t, networks)
	for addr, want := range map[string]struct {
		place string
		bits  int
	}{
		"10.1.2.3":      {"clusters east,west", 24},
		"10.1.3.3":      {"region us-west1, country US, continent north-america, 45.60,-121.20", 24}, // 10.1.2.0/24 is next door
		"10.1.128.1":    {"region us-west1, country US, continent north-america, 45.60,-121.20", 17},
		"10.200.1.1":    {"country DE, continent europe", 9},
		"11.0.0.1":      {"", 8},
		"192.0.2.1":     {"", 1},
		"2001:db8::1":   {"country FR, continent europe", 32},
		"2001:db9::1":   {"", 32},
		"fe80::1":       {"", 1},
		"0.0.0.0":       {"", 5},
		"9.255.255.255": {"", 7},
	} {
		place, bits := n.Find(netip.MustParseAddr(addr))
		got := ""
		if place != nil {
			got = place.String()
		}
		if got != want.place || bits != want.bits {
			t.Errorf("%s: %q for %d bits, want %q for %d", addr, got, bits, want.place, want.bits)
		}
	}
}

func TestNetworksThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"networks: [{cidr: 10.0.0.1}]":                          `"10.0.0.1" is not a network`,
		"networks: [{cidr: 10.0.0.1/8}]":                        "10.0.0.0/8 is meant",
		"networks: [{cidr: 10.0.0.0/8}, {cidr: 10.0.0.0/8}]":    "networks[1]: cidr 10.0.0.0/8 is there twice",
		"networks: [{cidr: 10.0.0.0/8, latitude: 1}]":           "come together",
		"networks: [{cidr: 10.0.0.0/8, town: x}]":               "unknown field",
		"networks: [{cidr: 1/8}, {cidr: 10.0.0.0/8}, {cidr: x}": "not a list of networks",
	} {
		if _, err := ParseNetworks([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// database makes one with a record for each network; the writer lets a later network cover an earlier one, so the wide come first.
func database(t *testing.T, records map[string]mmdbtype.Map) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: "Test-City", Description: map[string]string{"en": "for tests"}, IncludeReservedNetworks: true, RecordSize: 24,
	})
	if err != nil {
		t.Fatal(err)
	}
	widest := func(a, b string) int { return netip.MustParsePrefix(a).Bits() - netip.MustParsePrefix(b).Bits() }
	for _, cidr := range slices.SortedFunc(maps.Keys(records), widest) {
		if err := tree.Insert(netipx.PrefixIPNet(netip.MustParsePrefix(cidr)), records[cidr]); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func city(continent, country string, latitude, longitude float64) mmdbtype.Map {
	return mmdbtype.Map{
		"continent": mmdbtype.Map{"code": mmdbtype.String(continent)},
		"country":   mmdbtype.Map{"iso_code": mmdbtype.String(country)},
		"location":  mmdbtype.Map{"latitude": mmdbtype.Float64(latitude), "longitude": mmdbtype.Float64(longitude)},
	}
}

func TestDatabase(t *testing.T) {
	d, err := ParseDatabase(database(t, map[string]mmdbtype.Map{
		"81.2.0.0/16":   city("EU", "GB", 51.5, -0.1),
		"81.2.69.0/24":  city("EU", "FR", 48.9, 2.4),
		"2001:db8::/32": city("AS", "JP", 35.7, 139.7),
		"192.0.2.0/24":  {"traits": mmdbtype.Map{"is_anycast": mmdbtype.Bool(true)}},
		"198.51.0.0/16": city("EU", "GB", 1000, 0),
		"11.0.0.0/16": { // as in a database of countries
			"continent": mmdbtype.Map{"code": mmdbtype.String("SA")},
			"country":   mmdbtype.Map{"iso_code": mmdbtype.String("BR")},
		},
	}))
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]struct {
		place string
		bits  int
	}{
		"81.2.69.1":    {"country FR, continent europe, 48.90,2.40", 24},
		"81.2.128.1":   {"country GB, continent europe, 51.50,-0.10", 17},
		"2001:db8::1":  {"country JP, continent asia, 35.70,139.70", 32},
		"192.0.2.1":    {"", 24}, // it says nothing of use
		"198.51.100.1": {"", 16}, // it says nonsense
		"11.0.1.1":     {"country BR, continent south-america", 16},
	} {
		place, bits := d.Find(netip.MustParseAddr(addr))
		got := ""
		if place != nil {
			got = place.String()
		}
		if got != want.place || bits != want.bits {
			t.Errorf("%s: %q for %d bits, want %q for %d", addr, got, bits, want.place, want.bits)
		}
		if again, _ := d.Find(netip.MustParseAddr(addr)); again != place {
			t.Errorf("%s: the same place is another pointer", addr)
		}
	}
}

func TestADamagedDatabaseIsRefused(t *testing.T) {
	whole := database(t, map[string]mmdbtype.Map{"81.2.0.0/16": city("EU", "GB", 51.5, -0.1)})
	for name, data := range map[string][]byte{
		"empty":     nil,
		"text":      []byte("not a database"),
		"cut short": whole[len(whole)/2:],
	} {
		if _, err := ParseDatabase(data); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func TestTheOperatorsNetworksComeFirst(t *testing.T) {
	var f Finder
	addr := netip.MustParseAddr("81.2.69.1")
	if place, bits := f.Find(addr); place != nil || bits != 0 {
		t.Errorf("nothing is known, but it is at %v for %d bits", place, bits)
	}
	d, err := ParseDatabase(database(t, map[string]mmdbtype.Map{"81.2.0.0/16": city("EU", "GB", 51.5, -0.1)}))
	if err != nil {
		t.Fatal(err)
	}
	f.SetDatabase(d)
	f.SetNetworks(parseNetworks(t, "networks: [{cidr: 81.2.69.0/28, country: FR}]"))
	if place, bits := f.Find(addr); place == nil || place.Country != "FR" || bits != 28 {
		t.Errorf("at %v for %d bits, want the operator's", place, bits)
	}
	// Next to an operator's network, the answer holds only as far as that is not touched.
	if place, bits := f.Find(netip.MustParseAddr("81.2.69.17")); place == nil || place.Country != "GB" || bits != 28 {
		t.Errorf("at %v for %d bits, want the database's, for 28", place, bits)
	}
}

// Every address with the bits that are said is at the same place.
func TestBitsAreHonest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var entries []Network
		seen := make(map[netip.Prefix]bool)
		for range rapid.IntRange(0, 20).Draw(t, "networks") {
			prefix := netip.PrefixFrom(drawAddr(t), rapid.IntRange(0, 32).Draw(t, "bits")).Masked()
			if !seen[prefix] {
				entries = append(entries, Network{CIDR: prefix.String(), Location: snapshot.Location{Country: prefix.String()}})
			}
			seen[prefix] = true
		}
		n, err := NewNetworks(entries)
		if err != nil {
			t.Fatal(err)
		}
		addr := drawAddr(t)
		place, bits := n.Find(addr)
		if want := longest(seen, addr); (place == nil) != (want == "") || (place != nil && place.Country != want) {
			t.Fatalf("%s is at %v, want %q", addr, place, want)
		}
		first, other := addr.As4(), drawAddr(t).As4()
		for i := range bits {
			mask := byte(1) << (7 - i%8)
			other[i/8] = other[i/8]&^mask | first[i/8]&mask
		}
		if at, _ := n.Find(netip.AddrFrom4(other)); at != place {
			t.Fatalf("%s and %v share %d bits, but not their place", addr, other, bits)
		}
	})
}

func drawAddr(t *rapid.T) netip.Addr {
	var octets [4]byte
	for i := range octets {
		octets[i] = rapid.SampledFrom([]byte{0, 1, 2, 127, 128, 255}).Draw(t, "octet")
	}
	return netip.AddrFrom4(octets)
}

func longest(prefixes map[netip.Prefix]bool, addr netip.Addr) (country string) {
	most := -1
	for prefix := range prefixes {
		if prefix.Contains(addr) && prefix.Bits() > most {
			country, most = prefix.String(), prefix.Bits()
		}
	}
	return country
}

func TestRegions(t *testing.T) {
	for name := range regions {
		l := snapshot.Location{Region: name}
		Complete(&l)
		if err := l.Validate(); err != nil || l.Continent == "" || len(l.Country) != 2 {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	own := snapshot.Location{Region: "us-east1", Country: "XX", Latitude: new(1.0), Longitude: new(2.0)}
	Complete(&own)
	if want := (&routing.Place{Location: own}).String(); want != "region us-east1, country XX, continent north-america, 1.00,2.00" {
		t.Errorf("what was said was replaced: %s", want)
	}
}

func TestCountries(t *testing.T) {
	for _, codes := range countries {
		for code := range strings.FieldsSeq(codes) {
			l := snapshot.Location{Country: code}
			Complete(&l)
			if err := l.Validate(); err != nil || countries[l.Continent] != codes {
				t.Errorf("%s is in %s, and in another: %v", code, l.Continent, err)
			}
		}
	}
	for name, r := range regions {
		if continentOf[r.country] != r.continent {
			t.Errorf("%s is in %s, its country %s in %s", name, r.continent, r.country, continentOf[r.country])
		}
	}
	if n := len(continentOf); n < 249 {
		t.Errorf("%d countries", n)
	}
}

func FuzzParseNetworks(f *testing.F) {
	f.Add([]byte(networks))
	f.Fuzz(func(_ *testing.T, data []byte) {
		if n, err := ParseNetworks(data); err == nil {
			n.Find(netip.MustParseAddr("10.1.2.3"))
			n.Find(netip.MustParseAddr("2001:db8::1"))
		}
	})
}
