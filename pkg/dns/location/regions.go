// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package location

import (
	"cmp"

	"drover.dev/drover/pkg/dns/snapshot"
)

// region is what is known of a cloud's region: the city that its provider names, to a degree or so.
type region struct {
	continent, country  string
	latitude, longitude float64
}

// Complete fills in what is missing of a location and follows from the rest: the continent, country and coordinates of a
// region that is well known, and the continent of a country.
func Complete(l *snapshot.Location) {
	r, known := regions[l.Region]
	l.Country = cmp.Or(l.Country, r.country)
	l.Continent = cmp.Or(l.Continent, r.continent, continentOf[l.Country])
	if known && l.Latitude == nil {
		l.Latitude, l.Longitude = &r.latitude, &r.longitude
	}
}

// regions are those of the larger clouds, by the names that their nodes are labelled with.
var regions = map[string]region{
	// Amazon Web Services
	"af-south-1":     {"africa", "ZA", -33.9, 18.4},
	"ap-east-1":      {"asia", "HK", 22.3, 114.2},
	"ap-northeast-1": {"asia", "JP", 35.7, 139.7},
	"ap-northeast-2": {"asia", "KR", 37.6, 127.0},
	"ap-northeast-3": {"asia", "JP", 34.7, 135.5},
	"ap-south-1":     {"asia", "IN", 19.1, 72.9},
	"ap-southeast-1": {"asia", "SG", 1.4, 103.8},
	"ap-southeast-2": {"oceania", "AU", -33.9, 151.2},
	"ca-central-1":   {"north-america", "CA", 45.5, -73.6},
	"eu-central-1":   {"europe", "DE", 50.1, 8.7},
	"eu-north-1":     {"europe", "SE", 59.3, 18.1},
	"eu-south-1":     {"europe", "IT", 45.5, 9.2},
	"eu-west-1":      {"europe", "IE", 53.3, -6.3},
	"eu-west-2":      {"europe", "GB", 51.5, -0.1},
	"eu-west-3":      {"europe", "FR", 48.9, 2.4},
	"me-south-1":     {"asia", "BH", 26.1, 50.6},
	"sa-east-1":      {"south-america", "BR", -23.6, -46.6},
	"us-east-1":      {"north-america", "US", 38.9, -77.4},
	"us-east-2":      {"north-america", "US", 40.0, -83.0},
	"us-west-1":      {"north-america", "US", 37.4, -121.9},
	"us-west-2":      {"north-america", "US", 45.8, -119.7},
	// Google Cloud
	"africa-south1":           {"africa", "ZA", -26.2, 28.0},
	"asia-east1":              {"asia", "TW", 24.1, 120.5},
	"asia-east2":              {"asia", "HK", 22.3, 114.2},
	"asia-northeast1":         {"asia", "JP", 35.7, 139.7},
	"asia-northeast2":         {"asia", "JP", 34.7, 135.5},
	"asia-northeast3":         {"asia", "KR", 37.6, 127.0},
	"asia-south1":             {"asia", "IN", 19.1, 72.9},
	"asia-south2":             {"asia", "IN", 28.6, 77.2},
	"asia-southeast1":         {"asia", "SG", 1.3, 103.7},
	"asia-southeast2":         {"asia", "ID", -6.2, 106.8},
	"australia-southeast1":    {"oceania", "AU", -33.9, 151.2},
	"australia-southeast2":    {"oceania", "AU", -37.8, 145.0},
	"europe-central2":         {"europe", "PL", 52.2, 21.0},
	"europe-north1":           {"europe", "FI", 60.6, 27.2},
	"europe-southwest1":       {"europe", "ES", 40.4, -3.7},
	"europe-west1":            {"europe", "BE", 50.4, 3.8},
	"europe-west2":            {"europe", "GB", 51.5, -0.1},
	"europe-west3":            {"europe", "DE", 50.1, 8.7},
	"europe-west4":            {"europe", "NL", 53.4, 6.8},
	"europe-west6":            {"europe", "CH", 47.4, 8.5},
	"europe-west8":            {"europe", "IT", 45.5, 9.2},
	"europe-west9":            {"europe", "FR", 48.9, 2.4},
	"me-west1":                {"asia", "IL", 32.1, 34.8},
	"northamerica-northeast1": {"north-america", "CA", 45.5, -73.6},
	"northamerica-northeast2": {"north-america", "CA", 43.7, -79.4},
	"southamerica-east1":      {"south-america", "BR", -23.5, -46.6},
	"southamerica-west1":      {"south-america", "CL", -33.4, -70.7},
	"us-central1":             {"north-america", "US", 41.3, -95.9},
	"us-east1":                {"north-america", "US", 33.2, -80.0},
	"us-east4":                {"north-america", "US", 39.0, -77.5},
	"us-east5":                {"north-america", "US", 40.0, -83.0},
	"us-south1":               {"north-america", "US", 32.8, -96.8},
	"us-west1":                {"north-america", "US", 45.6, -121.2},
	"us-west2":                {"north-america", "US", 34.1, -118.2},
	"us-west3":                {"north-america", "US", 40.8, -111.9},
	"us-west4":                {"north-america", "US", 36.2, -115.1},
	// Microsoft Azure
	"australiaeast":      {"oceania", "AU", -33.9, 151.2},
	"brazilsouth":        {"south-america", "BR", -23.6, -46.6},
	"canadacentral":      {"north-america", "CA", 43.7, -79.4},
	"centralindia":       {"asia", "IN", 18.6, 73.9},
	"centralus":          {"north-america", "US", 41.6, -93.6},
	"eastasia":           {"asia", "HK", 22.3, 114.2},
	"eastus":             {"north-america", "US", 37.4, -79.8},
	"eastus2":            {"north-america", "US", 36.7, -78.4},
	"francecentral":      {"europe", "FR", 46.4, 2.4},
	"germanywestcentral": {"europe", "DE", 50.1, 8.7},
	"japaneast":          {"asia", "JP", 35.7, 139.8},
	"koreacentral":       {"asia", "KR", 37.6, 127.0},
	"northeurope":        {"europe", "IE", 53.3, -6.3},
	"southafricanorth":   {"africa", "ZA", -25.7, 28.2},
	"southcentralus":     {"north-america", "US", 29.4, -98.5},
	"southeastasia":      {"asia", "SG", 1.3, 103.8},
	"swedencentral":      {"europe", "SE", 60.7, 17.1},
	"switzerlandnorth":   {"europe", "CH", 47.5, 8.6},
	"uaenorth":           {"asia", "AE", 25.3, 55.3},
	"uksouth":            {"europe", "GB", 50.9, -0.8},
	"westeurope":         {"europe", "NL", 52.4, 4.9},
	"westus":             {"north-america", "US", 37.8, -122.4},
	"westus2":            {"north-america", "US", 47.2, -119.9},
	"westus3":            {"north-america", "US", 33.4, -112.1},
}
