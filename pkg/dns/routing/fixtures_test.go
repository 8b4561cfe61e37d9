// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"drover.dev/drover/pkg/dns/snapshot"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var testClock = Clock{At: now, Fresh: 2 * time.Minute, Grace: time.Hour, window: failureWindow}

// fleet has clusters of four regions; two of them in one.
func fleet() Clusters {
	clusters := make(Clusters)
	for _, c := range []snapshot.Cluster{
		{Name: "east", Location: at("north-america", "US", "us-east1", "us-east1-b", 33.8, -84.4)},
		{Name: "east2", Location: at("north-america", "US", "us-east1", "us-east1-c", 33.8, -84.4)},
		{Name: "west", Location: at("north-america", "US", "us-west1", "us-west1-a", 45.6, -121.2)},
		{Name: "eu", Location: at("europe", "BE", "europe-west1", "europe-west1-b", 50.4, 3.8)},
		{Name: "tokyo", Location: at("asia", "JP", "asia-northeast1", "asia-northeast1-a", 35.7, 139.7)},
	} {
		c.Complete()
		clusters[c.Name] = &c
	}
	return clusters
}

func at(continent, country, region, zone string, latitude, longitude float64) snapshot.Location {
	return snapshot.Location{
		Continent: continent, Country: country, Region: region, Zone: zone, Latitude: &latitude, Longitude: &longitude,
	}
}

// service runs in the clusters of those names, with an address of each family.
func service(clusters ...string) *snapshot.Service {
	s := &snapshot.Service{Namespace: "default", Name: "web"}
	for i, name := range clusters {
		s.Backends = append(s.Backends, snapshot.Backend{
			Cluster:        name,
			Addresses:      []string{fmt.Sprintf("192.0.2.%d", i+1), fmt.Sprintf("2001:db8::%d", i+1)},
			ReadyEndpoints: new(int32(1)),
		})
	}
	s.Complete()
	return s
}

// backend returns that of a cluster, to be changed.
func backend(s *snapshot.Service, cluster string) *snapshot.Backend {
	for i := range s.Backends {
		if s.Backends[i].Cluster == cluster {
			return &s.Backends[i]
		}
	}
	panic("no backend in " + cluster)
}

func build(s *snapshot.Service, clusters Clusters, scope Scope) *Table {
	t := &Table{}
	t.decide(s, judgeAll(s, clusters, testClock), scope)
	return t
}

// order is the clusters that a client is answered, the first first.
func order(s *snapshot.Service, scope Scope, client *Client) []string {
	var o Order
	build(s, fleet(), scope).Order(client, &o)
	return names(s, &o)
}

func names(s *snapshot.Service, o *Order) []string {
	var list []string
	for _, i := range o.Backends {
		list = append(list, s.Backends[i].Cluster)
	}
	return list
}

// client is the i-th of many, of whom only the network is known.
func client(i int) *Client {
	return &Client{Network: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}), 24)}
}

// shares counts which cluster each of n clients is answered.
func shares(t *testing.T, table *Table, s *snapshot.Service, n int) map[string]int {
	t.Helper()
	counts := make(map[string]int)
	var o Order
	for i := range n {
		table.Order(client(i), &o)
		if len(o.Backends) == 0 {
			t.Fatal("a client is answered nothing")
		}
		counts[s.Backends[o.Backends[0]].Cluster]++
	}
	return counts
}
