// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package location

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/oschwald/maxminddb-golang/v2"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
)

// Database is a database in MaxMind's format with country or city records, e.g. GeoLite2-City. It is held in memory.
type Database struct {
	reader *maxminddb.Reader
	// places has what was read, by where it is in the file: the same record is the same place.
	places sync.Map // uintptr → *routing.Place
	size   atomic.Int32
}

// maxPlaces bounds the records that are kept decoded.
const maxPlaces = 1 << 16

// record is the part of a country or city record that routing uses.
type record struct {
	Continent struct {
		Code string `maxminddb:"code"`
	} `maxminddb:"continent"`
	Country struct {
		ISOCode string `maxminddb:"iso_code"`
	} `maxminddb:"country"`
	Location struct {
		Latitude  *float64 `maxminddb:"latitude"`
		Longitude *float64 `maxminddb:"longitude"`
	} `maxminddb:"location"`
}

// ParseDatabase reads a database and checks that it is whole.
func ParseDatabase(data []byte) (*Database, error) {
	reader, err := maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("not a database in MaxMind's format: %w", err)
	}
	if err := reader.Verify(); err != nil {
		return nil, fmt.Errorf("the database is damaged: %w", err)
	}
	return &Database{reader: reader}, nil
}

// String says what kind of database it is.
func (d *Database) String() string { return d.reader.Metadata.DatabaseType }

// Find returns where an address is, nil if the database does not know, and how many of its bits that holds for.
func (d *Database) Find(addr netip.Addr) (place *routing.Place, bits int) {
	result := d.reader.Lookup(addr)
	if result.Err() != nil {
		return nil, 0
	}
	bits = result.Prefix().Bits()
	if !result.Found() {
		return nil, bits
	}
	if known, ok := d.places.Load(result.Offset()); ok {
		return known.(*routing.Place), bits
	}
	place = d.decode(result)
	if place == nil {
		return nil, bits
	}
	if d.size.Add(1) > maxPlaces {
		d.places.Clear()
		d.size.Store(1)
	}
	kept, _ := d.places.LoadOrStore(result.Offset(), place)
	return kept.(*routing.Place), bits
}

// decode returns nil for a record that cannot be read, or that says nothing of use.
func (d *Database) decode(result maxminddb.Result) *routing.Place {
	var r record
	if err := result.Decode(&r); err != nil {
		return nil
	}
	location := snapshot.Location{
		Continent: continents[r.Continent.Code],
		Country:   strings.ToUpper(r.Country.ISOCode),
		Latitude:  r.Location.Latitude,
		Longitude: r.Location.Longitude,
	}
	if location.Validate() != nil || location == (snapshot.Location{}) {
		return nil
	}
	return &routing.Place{Location: location}
}

// continents has the names that clusters' locations use, by MaxMind's codes.
var continents = map[string]string{
	"AF": "africa", "AN": "antarctica", "AS": "asia", "EU": "europe",
	"NA": "north-america", "OC": "oceania", "SA": "south-america",
}
