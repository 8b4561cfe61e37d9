// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"drover.dev/drover/pkg/dns/snapshot"
)

// scene is a fleet, a service in it, and a client.
type scene struct {
	clusters Clusters
	service  *snapshot.Service
	client   *Client
}

var allClusters = []string{"east", "east2", "eu", "tokyo", "west"}

func drawScene(t *rapid.T) scene {
	s := scene{clusters: fleet(), service: service(allClusters[:rapid.IntRange(1, len(allClusters)).Draw(t, "size")]...)}
	s.service.Mode = rapid.SampledFrom([]snapshot.Mode{snapshot.Geo, snapshot.Weighted, snapshot.Failover}).Draw(t, "mode")
	s.service.WhenNoneHealthy = rapid.SampledFrom([]snapshot.WhenNoneHealthy{snapshot.NoData, snapshot.LastKnown}).Draw(t, "none")
	if rapid.Bool().Draw(t, "saturation") {
		s.service.Saturation = &snapshot.Saturation{Low: 70, High: 90}
	}
	for i := range s.service.Backends {
		b := &s.service.Backends[i]
		*b.Weight = int32(rapid.SampledFrom([]int{0, 1, 5, 95, 1<<31 - 1}).Draw(t, "weight"))
		*b.ReadyEndpoints = int32(rapid.IntRange(0, 3).Draw(t, "ready"))
		b.State = rapid.SampledFrom([]snapshot.State{snapshot.Healthy, snapshot.Healthy, snapshot.Unhealthy, snapshot.Unknown}).Draw(t, "state")
		b.LastState = snapshot.Healthy
		b.Draining = rapid.IntRange(0, 5).Draw(t, "draining") == 0
		b.Priority = int32(rapid.IntRange(0, 2).Draw(t, "priority"))
		b.LoadPercent = new(int32(rapid.IntRange(50, 110).Draw(t, "load")))
		b.Addresses = b.Addresses[rapid.IntRange(0, 1).Draw(t, "from"):rapid.IntRange(1, 2).Draw(t, "to")]
	}
	if rapid.Bool().Draw(t, "moving") {
		s.service.Move = &snapshot.Move{From: []string{"east"}, To: []string{"eu", "west"}, Percent: int32(rapid.IntRange(0, 100).Draw(t, "percent"))}
	}
	s.client = drawClient(t)
	return s
}

func drawClient(t *rapid.T) *Client {
	c := client(rapid.IntRange(0, 1<<16-1).Draw(t, "client"))
	if rapid.Bool().Draw(t, "six") {
		c.Network = DrawPrefix(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, byte(rapid.IntRange(0, 255).Draw(t, "net"))}))
	}
	if rapid.Bool().Draw(t, "known") {
		c.Place = &Place{Location: fleet()[rapid.SampledFrom(allClusters).Draw(t, "near")].Location}
		c.PlaceBits = rapid.IntRange(1, 32).Draw(t, "bits")
	}
	return c
}

func (s scene) router() *Router { return NewRouter(s.service, s.clusters, testClock) }

func (s scene) order() (order Order) {
	table, _ := s.router().Table(Scope{})
	table.Order(s.client, &order)
	return order
}

// Nobody is answered who may not be, and everybody who may be is in the order, once.
func TestOrderIsOfThoseWhoMayBeAnswered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		var eligible, lasting []int
		for i := range s.service.Backends {
			b := &s.service.Backends[i]
			verdict, _ := testClock.judge(b, s.clusters[b.Cluster])
			if verdict == Eligible {
				eligible = append(eligible, i)
			}
			if *b.Weight > 0 && !b.Draining && len(b.Addresses) > 0 {
				lasting = append(lasting, i)
			}
		}
		want := eligible
		if len(want) == 0 && s.service.WhenNoneHealthy == snapshot.LastKnown {
			want = lasting
		}
		got := slices.Clone(s.order().Backends)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("in the order: %v, may be answered: %v", got, want)
		}
	})
}

// Two servers with the same snapshot agree, in whatever order it lists the backends.
func TestServersAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		order := s.order()
		want := names(s.service, &order)
		s.service.Backends = rapid.Permutation(s.service.Backends).Draw(t, "backends")
		s.service.Complete()
		order = s.order()
		if got := names(s.service, &order); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

// A and AAAA name one cluster wherever the ones picked have both.
func TestFamiliesAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		order := s.order()
		four, ok4 := order.Pick(IPv4, true)
		six, ok6 := order.Pick(IPv6, true)
		if ok4 && ok6 && four != six && familiesOf(&s.service.Backends[four]).address[IPv6] && familiesOf(&s.service.Backends[six]).address[IPv4] {
			t.Fatalf("A is of %d and AAAA of %d, and both have both", four, six)
		}
		for family, ok := range map[Family]bool{IPv4: ok4, IPv6: ok6} {
			has := slices.ContainsFunc(order.Backends, func(i int) bool { return familiesOf(&s.service.Backends[i]).address[family] })
			if has != ok {
				t.Fatalf("family %d: there is one to answer: %v; one is answered: %v", family, has, ok)
			}
		}
	})
}

// The order applies to every client of the network that it says, wherever in it the client is.
func TestBitsAreHonest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		order := s.order()
		other := drawClient(t)
		if order.Bits > 0 {
			other.Place, other.PlaceBits = s.client.Place, s.client.PlaceBits
		}
		if order.Bits >= s.client.Network.Bits() {
			other.Network = s.client.Network
		}
		s.client = other
		if again := s.order(); !slices.Equal(again.Backends, order.Backends) {
			t.Fatalf("%v for one client, %v for another of the same %d bits", order.Backends, again.Backends, order.Bits)
		}
	})
}

// When one weight rises, clients come to that cluster and to no other; all others stay where they are.
func TestRisingWeightOnlyDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := service(allClusters...)
		s.Mode = snapshot.Weighted
		for i := range s.Backends {
			*s.Backends[i].Weight = int32(rapid.IntRange(1, 100).Draw(t, "weight"))
		}
		target := rapid.IntRange(0, len(s.Backends)-1).Draw(t, "target")
		before := build(s, fleet(), Scope{})
		raised := *s
		raised.Backends = slices.Clone(s.Backends)
		raised.Backends[target].Weight = new(*s.Backends[target].Weight + int32(rapid.IntRange(1, 1000).Draw(t, "more")))
		after := build(&raised, fleet(), Scope{})
		var a, b Order
		for i := range 200 {
			before.Order(client(i), &a)
			after.Order(client(i), &b)
			if a.Backends[0] != b.Backends[0] && b.Backends[0] != target {
				t.Fatalf("client %d went from %d to %d, but %d was raised", i, a.Backends[0], b.Backends[0], target)
			}
		}
	})
}

// A move takes clients from its source to its target only, more and more, and at 100 % all of them.
func TestMovesOnlyMoveForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := service(allClusters...)
		s.Mode = rapid.SampledFrom([]snapshot.Mode{snapshot.Geo, snapshot.Weighted}).Draw(t, "mode")
		low := int32(rapid.IntRange(0, 100).Draw(t, "low"))
		high := int32(rapid.IntRange(int(low), 100).Draw(t, "high"))
		newcomer := rapid.Bool().Draw(t, "newcomer")
		table := func(percent int32) *Table {
			moving := *s
			moving.Move = &snapshot.Move{From: []string{"east", "east2"}, To: []string{"eu"}, Percent: percent, Newcomer: newcomer}
			return build(&moving, fleet(), Scope{})
		}
		first := func(table *Table, c *Client) string {
			var o Order
			table.Order(c, &o)
			return s.Backends[o.Backends[0]].Cluster
		}
		base, before, after := table(0), table(low), table(high)
		for range 50 {
			c := drawClient(t)
			from, early, late := first(base, c), first(before, c), first(after, c)
			leaves := from == "east" || from == "east2"
			switch {
			case newcomer && from == "eu":
				t.Fatal("a client is answered a newcomer that nobody has moved to")
			case !leaves && (early != from || late != from):
				t.Fatalf("a client of %s was moved: %s, %s", from, early, late)
			case leaves && early == "eu" && late != "eu":
				t.Fatalf("a client that had moved went back, to %s", late)
			case leaves && late != "eu" && late != from:
				t.Fatalf("a client of %s was moved to %s", from, late)
			case leaves && high == 100 && late != "eu":
				t.Fatalf("at 100 %% a client is still answered %s", late)
			}
		}
	})
}

// What the explanation says is answered, is what is answered.
func TestExplanationIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		order, router := s.order(), s.router()
		e := router.Explain(Scope{}, s.client)
		for family, name := range map[Family]string{IPv4: "A", IPv6: "AAAA"} {
			i, ok := order.Pick(family, true)
			answer, said := e.Answers[name]
			if ok != said || (ok && answer.Cluster != s.service.Backends[i].Cluster) {
				t.Fatalf("%s: said %v %q, done %v %d", name, said, answer.Cluster, ok, i)
			}
		}
		if len(e.Clusters) != len(s.service.Backends) || e.ScopeBits != order.Bits || e.Why == "" {
			t.Fatalf("it leaves something out: %+v", e)
		}
	})
}
