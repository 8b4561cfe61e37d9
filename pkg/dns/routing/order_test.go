// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drover.dev/drover/pkg/dns/snapshot"
)

func TestProximity(t *testing.T) {
	all := []string{"east", "east2", "eu", "tokyo", "west"}
	for name, test := range map[string]struct {
		place Place
		want  []string
	}{
		"by the operator's word": {Place{Clusters: []string{"tokyo", "eu"}, Location: at("", "US", "us-west1", "", 45, -121)}, []string{"tokyo", "eu", "west", "east", "east2"}},
		"zone":                   {Place{Location: snapshot.Location{Region: "us-east1", Zone: "us-east1-c"}}, []string{"east2", "east", "eu", "tokyo", "west"}},
		"region":                 {Place{Location: snapshot.Location{Region: "europe-west1"}}, []string{"eu", "east", "east2", "tokyo", "west"}},
		"country before distance": {
			// Vancouver island is nearer to the west than anything, but Japan is Japan.
			Place{Location: at("asia", "JP", "", "", 49, -124)},
			[]string{"tokyo", "west", "east", "east2", "eu"},
		},
		"distance":          {Place{Location: at("europe", "FR", "", "", 48.9, 2.4)}, []string{"eu", "east", "east2", "west", "tokyo"}},
		"over the antipode": {Place{Location: at("oceania", "NZ", "", "", -36.8, 174.8)}, []string{"tokyo", "west", "east", "east2", "eu"}},
		"continent only":    {Place{Location: snapshot.Location{Continent: "europe"}}, []string{"eu", "east", "east2", "tokyo", "west"}},
		"ties by name":      {Place{Location: snapshot.Location{Country: "BR"}}, []string{"east", "east2", "eu", "tokyo", "west"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := order(service(all...), Scope{}, &Client{Place: &test.place})
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDistances(t *testing.T) {
	atlanta, brussels := at("", "", "", "", 33.749, -84.388), at("", "", "", "", 50.8503, 4.3517)
	if got := kilometres(&atlanta, &brussels); got < 7060 || got > 7110 {
		t.Errorf("Atlanta to Brussels is %.0f km, about 7090 are expected", got)
	}
	east, west := at("", "", "", "", 0, 179.5), at("", "", "", "", 0, -179.5)
	if got := kilometres(&east, &west); got != 111 {
		t.Errorf("one degree over the date line is %.0f km, want 111", got)
	}
	if got := kilometres(&atlanta, &snapshot.Location{}); got != nowhere {
		t.Errorf("to nowhere it is %.0f km", got)
	}
}

func TestFailover(t *testing.T) {
	s := service("east", "west", "eu", "tokyo")
	s.Mode = snapshot.Failover
	backend(s, "eu").Priority, backend(s, "tokyo").Priority = 10, 10
	inSeattle := &Client{Place: &Place{Location: at("north-america", "US", "", "", 47.6, -122.3)}}
	if diff := cmp.Diff([]string{"tokyo", "eu", "west", "east"}, order(s, Scope{}, inSeattle)); diff != "" {
		t.Errorf("the highest priority first, within it the nearest: %s", diff)
	}
	*backend(s, "eu").ReadyEndpoints, *backend(s, "tokyo").ReadyEndpoints = 0, 0
	if diff := cmp.Diff([]string{"west", "east"}, order(s, Scope{}, inSeattle)); diff != "" {
		t.Errorf("the next priority, when nobody of the highest is left: %s", diff)
	}
}

func TestClientsOfWhomNothingIsKnownAreDivided(t *testing.T) {
	s := service("east", "eu", "west")
	counts := shares(t, build(s, fleet(), Scope{}), s, 6000)
	for cluster, count := range counts {
		if count < 1800 || count > 2200 {
			t.Errorf("%s gets %d of 6000", cluster, count)
		}
	}
}

func TestWeights(t *testing.T) {
	s := service("east", "west", "eu")
	s.Mode = snapshot.Weighted
	*backend(s, "east").Weight, *backend(s, "west").Weight, *backend(s, "eu").Weight = 95, 5, 0
	counts := shares(t, build(s, fleet(), Scope{}), s, 20000)
	if counts["eu"] != 0 {
		t.Errorf("weight 0 was answered %d times", counts["eu"])
	}
	if got := counts["west"]; got < 850 || got > 1150 {
		t.Errorf("weight 5 of 100 is answered to %d of 20000", got)
	}
	*backend(s, "west").Weight = 0
	if counts := shares(t, build(s, fleet(), Scope{}), s, 1000); counts["east"] != 1000 {
		t.Errorf("the only weight is not always answered: %v", counts)
	}
}

// Of ten thousand networks 5 % are 5 % ± 1. Raised to 20 %, nobody leaves the cluster that was raised. Another server, with a
// table of its own, decides alike.
func TestWeightsOfTenThousandNetworks(t *testing.T) {
	weighted := func(east, west int32) *Table {
		s := service("east", "west")
		s.Mode = snapshot.Weighted
		*backend(s, "east").Weight, *backend(s, "west").Weight = east, west
		return build(s, fleet(), Scope{})
	}
	first, second, raised := weighted(95, 5), weighted(95, 5), weighted(80, 20)
	const networks, west = 10_000, 1
	var a, b, c Order
	before, after := 0, 0
	for i := range networks {
		first.Order(client(i), &a)
		second.Order(client(i), &b)
		raised.Order(client(i), &c)
		if !slices.Equal(a.Backends, b.Backends) {
			t.Fatalf("two servers disagree about network %d: %v and %v", i, a.Backends, b.Backends)
		}
		if a.Backends[0] == west {
			before++
			if c.Backends[0] != west {
				t.Fatalf("network %d has left the cluster that was raised", i)
			}
		}
		if c.Backends[0] == west {
			after++
		}
	}
	if before < networks*4/100 || before > networks*6/100 || after < networks*19/100 || after > networks*21/100 {
		t.Errorf("5 %% are %d of %d, and 20 %% are %d", before, networks, after)
	}
}

func TestWeightsComeBeforeProximity(t *testing.T) {
	s := service("east", "eu")
	s.Mode = snapshot.Weighted
	table := build(s, fleet(), Scope{})
	place := &Place{Location: at("europe", "BE", "europe-west1", "", 50, 4)}
	var here, there Order
	for i := range 100 {
		near := *client(i)
		near.Place = place
		table.Order(&near, &here)
		table.Order(client(i), &there)
		if !slices.Equal(here.Backends, there.Backends) {
			t.Fatalf("client %d is answered by where it is", i)
		}
	}
}

func TestGenerationDividesAnew(t *testing.T) {
	s := service("east", "west")
	s.Mode = snapshot.Weighted
	moved := 0
	before := build(s, fleet(), Scope{})
	again := *s
	again.Generation = 1
	after := build(&again, fleet(), Scope{})
	var a, b Order
	for i := range 1000 {
		before.Order(client(i), &a)
		after.Order(client(i), &b)
		if a.Backends[0] != b.Backends[0] {
			moved++
		}
	}
	if moved < 400 || moved > 600 {
		t.Errorf("%d of 1000 clients have changed; about half are expected", moved)
	}
}

func TestMove(t *testing.T) {
	s := service("east", "eu", "tokyo", "west")
	s.Move = &snapshot.Move{From: []string{"east"}, To: []string{"tokyo"}, Percent: 100}
	near := func(region string) *Client {
		return &Client{Place: &Place{Location: snapshot.Location{Region: region}}}
	}
	for region, want := range map[string][]string{
		"us-east1":        {"tokyo", "eu", "west", "east"}, // what is left comes last
		"us-west1":        {"west", "tokyo", "eu", "east"}, // nearer than what is left
		"asia-northeast1": {"tokyo", "eu", "west", "east"},
	} {
		if diff := cmp.Diff(want, order(s, Scope{}, near(region))); diff != "" {
			t.Errorf("near %s: %s", region, diff)
		}
	}
	*backend(s, "tokyo").ReadyEndpoints = 0
	if diff := cmp.Diff([]string{"east", "eu", "west"}, order(s, Scope{}, near("us-east1"))); diff != "" {
		t.Errorf("a move that leads nowhere waits: %s", diff)
	}
}

// A newcomer is answered to those who moved, to others only if there is nobody else, and in its region to nobody.
func TestMoveToANewcomer(t *testing.T) {
	s := service("east", "eu", "tokyo")
	s.Move = &snapshot.Move{From: []string{"east"}, To: []string{"tokyo"}, Newcomer: true}
	near := &Client{Place: &Place{Location: snapshot.Location{Region: "asia-northeast1"}}}
	if diff := cmp.Diff([]string{"east", "eu", "tokyo"}, order(s, Scope{}, near)); diff != "" {
		t.Error(diff)
	}
	if got := order(s, Scope{Region: "asia-northeast1"}, near); len(got) > 0 {
		t.Errorf("by the name of its region a newcomer is answered: %v", got)
	}
	s.Move.Percent = 100
	if diff := cmp.Diff([]string{"tokyo", "eu", "east"}, order(s, Scope{}, near)); diff != "" {
		t.Errorf("at 100 %%: %s", diff)
	}
	s.Move.Percent = 0
	*backend(s, "east").ReadyEndpoints, *backend(s, "eu").ReadyEndpoints = 0, 0
	if diff := cmp.Diff([]string{"tokyo"}, order(s, Scope{}, near)); diff != "" {
		t.Errorf("with nobody else: %s", diff)
	}
}

func TestBits(t *testing.T) {
	saturated := func(s *snapshot.Service) {
		s.Saturation, s.Backends[0].LoadPercent = &snapshot.Saturation{Low: 70, High: 90}, new(int32(80))
	}
	for name, test := range map[string]struct {
		change         func(*snapshot.Service)
		known, unknown int // where the client is
	}{
		"by place, or drawn":        {func(*snapshot.Service) {}, 12, 24},
		"by weight":                 {func(s *snapshot.Service) { s.Mode = snapshot.Weighted }, 24, 24},
		"only one":                  {func(s *snapshot.Service) { s.Backends[1].Draining = true }, 0, 0},
		"by priority":               {func(s *snapshot.Service) { s.Mode, s.Backends[1].Priority = snapshot.Failover, 1 }, 0, 0},
		"by priority and place":     {func(s *snapshot.Service) { s.Mode = snapshot.Failover }, 12, 24},
		"half full":                 {saturated, 24, 24},
		"by priority, half full":    {func(s *snapshot.Service) { s.Mode, s.Backends[1].Priority = snapshot.Failover, 1; saturated(s) }, 24, 24},
		"while a move is under way": {func(s *snapshot.Service) { s.Move = move(50) }, 24, 24},
		"when all of it has moved":  {func(s *snapshot.Service) { s.Move = move(100) }, 12, 24},
		"before anything is moved":  {func(s *snapshot.Service) { s.Move = move(0) }, 12, 24},
		"nobody":                    {func(s *snapshot.Service) { s.Backends[0].Draining, s.Backends[1].Draining = true, true }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := service("east", "west")
			test.change(s)
			table := build(s, fleet(), Scope{})
			c := client(1)
			c.PlaceBits = 12
			var o Order
			table.Order(c, &o)
			if o.Bits != test.unknown {
				t.Errorf("the client is not known: %d bits, want %d", o.Bits, test.unknown)
			}
			c.Place = &Place{Location: snapshot.Location{Region: "us-east1"}}
			table.Order(c, &o)
			if o.Bits != test.known {
				t.Errorf("the client is known: %d bits, want %d", o.Bits, test.known)
			}
			table.Order(&Client{}, &o)
			if o.Bits != 0 {
				t.Errorf("made for nobody: %d bits", o.Bits)
			}
		})
	}
}

func TestSaturation(t *testing.T) {
	for load, want := range map[int32][2]int{50: {1000, 1000}, 70: {1000, 1000}, 80: {420, 580}, 89: {10, 100}, 90: {0, 0}, 120: {0, 0}} {
		t.Run(fmt.Sprint(load), func(t *testing.T) {
			s := service("east", "west")
			s.Saturation = &snapshot.Saturation{Low: 70, High: 90}
			backend(s, "east").LoadPercent = new(load)
			near := &Place{Location: snapshot.Location{Region: "us-east1"}}
			table := build(s, fleet(), Scope{})
			count := 0
			var o Order
			for i := range 1000 {
				c := client(i)
				c.Place = near
				table.Order(c, &o)
				if names(s, &o)[0] == "east" {
					count++
				}
			}
			if count < want[0] || count > want[1] {
				t.Errorf("%d of 1000 clients stay, want %v", count, want)
			}
		})
	}
}

// A cluster that comes or leaves keeps a part of its clients, and the others are answered the next. With no part it is
// answered nowhere, unless nobody else is there.
func TestComingAndLeaving(t *testing.T) {
	near := &Place{Location: snapshot.Location{Region: "us-east1"}}
	for percent, want := range map[int32][2]int{100: {1000, 1000}, 40: {340, 460}, 1: {1, 40}, 0: {0, 0}} {
		s := service("east", "west")
		backend(s, "east").KeepsPercent = &percent
		table, count := build(s, fleet(), Scope{}), 0
		var o Order
		for i := range 1000 {
			c := client(i)
			c.Place = near
			if table.Order(c, &o); names(s, &o)[0] == "east" {
				count++
			}
		}
		if count < want[0] || count > want[1] {
			t.Errorf("at %d %%, %d of 1000 clients stay, want %v", percent, count, want)
		}
		if ttl := TTL(s, fleet(), testClock); ttl != MinTTLSeconds {
			t.Errorf("at %d %% the TTL is %d", percent, ttl)
		}
	}
	s := service("east", "west")
	backend(s, "east").KeepsPercent = new(int32(0))
	client := &Client{Place: near}
	if got := order(s, Scope{}, client); !slices.Equal(got, []string{"west"}) {
		t.Errorf("answered %v", got)
	}
	if build(s, fleet(), Scope{Region: "us-east1"}).Eligible() {
		t.Error("by the name of its region, a cluster is answered that is not to be")
	}
	backend(s, "west").ReadyEndpoints = new(int32(0))
	if got := order(s, Scope{}, client); !slices.Equal(got, []string{"east"}) {
		t.Errorf("when nobody else is there, answered %v", got)
	}
}

func TestSaturationWhenAllAreFull(t *testing.T) {
	s := service("east", "west", "eu")
	s.Saturation = &snapshot.Saturation{Low: 70, High: 90}
	near := &Client{Place: &Place{Location: snapshot.Location{Region: "us-west1"}}}
	for i := range s.Backends {
		s.Backends[i].LoadPercent = new(int32(95))
	}
	if got := order(s, Scope{}, near)[0]; got != "west" {
		t.Errorf("all are full, and %s is answered, not the nearest", got)
	}
	*backend(s, "eu").LoadPercent = 89
	if got := order(s, Scope{}, near)[0]; got != "eu" {
		t.Errorf("one is not over the mark, but %s is answered", got)
	}
	backend(s, "eu").State = snapshot.Unhealthy
	if got := order(s, Scope{}, near); slices.Contains(got, "eu") {
		t.Errorf("it spills to an unhealthy cluster: %v", got)
	}
}

func TestLoadOfTheClusterCountsWhereNoneIsReported(t *testing.T) {
	s, clusters := service("east", "west"), fleet()
	s.Saturation = &snapshot.Saturation{Low: 70, High: 90}
	clusters["east"].LoadPercent = new(int32(100))
	var o Order
	build(s, clusters, Scope{}).Order(&Client{Place: &Place{Location: snapshot.Location{Region: "us-east1"}}}, &o)
	if got := names(s, &o)[0]; got != "west" {
		t.Errorf("%s is answered", got)
	}
}

func TestScopesFallBack(t *testing.T) {
	s := service("east", "east2", "eu")
	router := func() *Router { return NewRouter(s, fleet(), testClock) }
	zone := Scope{Region: "us-east1", Zone: "us-east1-b"}
	answered := func(scope Scope) (Scope, []string) {
		r := router()
		table, ok := r.Table(scope)
		for !ok {
			scope = scope.Wider()
			table, ok = r.Table(scope)
		}
		var o Order
		table.Order(&Client{}, &o)
		got := names(s, &o)
		slices.Sort(got)
		return scope, got
	}
	for _, step := range []struct {
		lost  string
		scope Scope
		want  []string
	}{
		{"", zone, []string{"east"}},
		{"east", Scope{Region: "us-east1"}, []string{"east2"}},
		{"east2", Scope{}, []string{"eu"}},
		{"eu", Scope{}, nil},
	} {
		if step.lost != "" {
			backend(s, step.lost).State = snapshot.Unhealthy
		}
		scope, got := answered(zone)
		if scope != step.scope || !slices.Equal(got, step.want) {
			t.Errorf("after %q is lost: %s answers %v, want %s %v", step.lost, scope, got, step.scope, step.want)
		}
	}
	s.WhenNoneHealthy = snapshot.LastKnown
	if scope, got := answered(zone); scope != (Scope{}) || !slices.Equal(got, []string{"east", "east2", "eu"}) {
		t.Errorf("last known: %s answers %v", scope, got)
	}
	*backend(s, "east").Weight, backend(s, "east2").Draining = 0, true
	if _, got := answered(zone); !slices.Equal(got, []string{"eu"}) {
		t.Errorf("last known, but not what is drained: %v", got)
	}
}

func TestAliases(t *testing.T) {
	s := service("east", "west")
	alias := backend(s, "west")
	alias.Addresses, alias.Hostname = nil, "lb.example.com"
	router := NewRouter(s, fleet(), testClock)
	pick := func(region string, aliases bool) [2]string {
		table, _ := router.Table(Scope{})
		var o Order
		table.Order(&Client{Place: &Place{Location: snapshot.Location{Region: region}}}, &o)
		var got [2]string
		for _, family := range []Family{IPv4, IPv6} {
			if i, ok := o.Pick(family, aliases); ok {
				got[family] = s.Backends[i].Cluster
			}
		}
		return got
	}
	if got := pick("us-west1", true); got != [2]string{"west", "west"} {
		t.Errorf("an alias that is first stands for both families: %v", got)
	}
	if got := pick("us-west1", false); got != [2]string{"east", "east"} {
		t.Errorf("where no alias may stand: %v", got)
	}
	alias.HostnameAddresses = []string{"203.0.113.1"}
	router = NewRouter(s, fleet(), testClock)
	if got := pick("us-west1", false); got != [2]string{"west", "east"} {
		t.Errorf("where no alias may stand, and it is known what it resolves to: %v", got)
	}
	backend(s, "east").Addresses = []string{"192.0.2.1"}
	router = NewRouter(s, fleet(), testClock)
	if got := pick("us-east1", true); got != [2]string{"east", ""} {
		t.Errorf("beside addresses there is no alias: %v", got)
	}
}
