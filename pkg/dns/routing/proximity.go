// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"cmp"
	"math"
	"slices"

	"drover.dev/drover/pkg/dns/snapshot"
)

// Place is where a client is.
type Place struct {
	snapshot.Location
	// Clusters are those an operator named for the client's network, most wanted first. They come before any distance.
	Clusters []string
}

// distance is how far a cluster is from a client. What comes first counts first.
type distance struct {
	named     int // the place in the operator's list; past its end if it is not there
	zone      int // 0 in the same, 1 in another
	region    int //
	country   int //
	km        float64
	continent int
}

func (d distance) compare(e distance) int {
	return cmp.Or(
		cmp.Compare(d.named, e.named),
		cmp.Compare(d.zone, e.zone),
		cmp.Compare(d.region, e.region),
		cmp.Compare(d.country, e.country),
		cmp.Compare(d.km, e.km),
		cmp.Compare(d.continent, e.continent),
	)
}

func distanceTo(client *Place, cluster string, at *snapshot.Location) distance {
	named := slices.Index(client.Clusters, cluster)
	if named < 0 {
		named = len(client.Clusters)
	}
	return distance{
		named:     named,
		zone:      differ(client.Zone, at.Zone),
		region:    differ(client.Region, at.Region),
		country:   differ(client.Country, at.Country),
		km:        kilometres(&client.Location, at),
		continent: differ(client.Continent, at.Continent),
	}
}

// differ is 0 if both are known and the same.
func differ(a, b string) int {
	if a != "" && a == b {
		return 0
	}
	return 1
}

const (
	earthRadiusKm = 6371.0088 // mean radius, IUGG
	// nowhere is further than anything on earth.
	nowhere = 1e6
)

// kilometres is the great-circle distance, by the haversine formula; nowhere if a place is not known. It is rounded to
// whole kilometres: what differs by less is equally far, on every machine.
func kilometres(a, b *snapshot.Location) float64 {
	if a.Latitude == nil || a.Longitude == nil || b.Latitude == nil || b.Longitude == nil {
		return nowhere
	}
	lat1, lat2 := radians(*a.Latitude), radians(*b.Latitude)
	sinLat := math.Sin((lat2 - lat1) / 2)
	sinLon := math.Sin(radians(*b.Longitude-*a.Longitude) / 2)
	h := sinLat*sinLat + math.Cos(lat1)*math.Cos(lat2)*sinLon*sinLon
	return math.Round(2 * earthRadiusKm * math.Asin(math.Sqrt(min(1, h))))
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }
