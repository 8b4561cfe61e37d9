// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"cmp"
	"net/netip"
	"slices"
)

// Client is who asks, as far as it is known.
type Client struct {
	// Network is where the draw is made from: DrawPrefix of an address. The zero Prefix is a client that wants no
	// answer made for it.
	Network netip.Prefix
	// Place is nil if it is not known. It must not change: the same place is the same pointer.
	Place *Place
	// PlaceBits is the length of the prefix of the client's address to which Place applies, known or not.
	PlaceBits int
}

// Order is the outcome for a client. The zero Order is ready for use, and is used again to save allocations.
type Order struct {
	// Backends are indexes into the service's backends, the one to answer first.
	Backends []int
	// Bits is the length of the prefix of the client's address to which this applies. 0: to everyone.
	Bits int

	has   []families // of each of Backends
	list  []int      // of candidates
	score []float64
}

// Order ranks the clusters for a client, into o.
func (t *Table) Order(client *Client, o *Order) {
	o.Backends, o.has, o.Bits = o.Backends[:0], o.has[:0], 0
	o.list = o.list[:0]
	for i := range t.candidates {
		o.list = append(o.list, i)
	}
	if len(o.list) > 1 {
		t.rank(client, o)
		t.move(client, o)
		t.shed(client, o)
		o.Bits = t.bits(client)
	}
	for _, i := range o.list {
		o.Backends = append(o.Backends, int(t.candidates[i].backend))
		o.has = append(o.has, t.candidates[i].has)
	}
}

// rank orders by weight, or by priority and proximity. Clients of whom nothing is known are divided by weight, rather
// than all sent to one cluster.
func (t *Table) rank(client *Client, o *Order) {
	switch {
	case t.weighted || client.Place == nil:
		t.byWeight(client, o)
	default:
		order, ok := t.orders.get(client.Place)
		if !ok {
			order = t.byProximity(client.Place)
			t.orders.put(client.Place, order)
		}
		copy(o.list, order)
	}
}

func (t *Table) byWeight(client *Client, o *Order) {
	o.score = o.score[:0]
	for i := range t.candidates {
		c := &t.candidates[i]
		draw := c.draw.prefix(client.Network).unit()
		if t.even {
			o.score = append(o.score, -draw) // in the same order, without a logarithm
		} else {
			o.score = append(o.score, score(draw, c.weight))
		}
	}
	// By insertion: it is a handful, and nothing is allocated.
	for i := 1; i < len(o.list); i++ {
		for j := i; j > 0 && t.before(o.list[j], o.list[j-1], o.score); j-- {
			o.list[j], o.list[j-1] = o.list[j-1], o.list[j]
		}
	}
}

func (t *Table) before(i, j int, score []float64) bool {
	a, b := &t.candidates[i], &t.candidates[j]
	return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(score[i], score[j]), cmp.Compare(i, j)) < 0
}

func (t *Table) byProximity(place *Place) []int {
	order := make([]int, len(t.candidates))
	distances := make([]distance, len(t.candidates))
	for i := range t.candidates {
		order[i] = i
		cluster := t.cluster(i)
		distances[i] = distanceTo(place, cluster.Name, &cluster.Location)
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(t.candidates[i].rank, t.candidates[j].rank), distances[i].compare(distances[j]), cmp.Compare(i, j))
	})
	return order
}

// move puts the clusters that a move leads to where the first one that it leaves is, for the clients that have moved;
// those that it leaves come last. A newcomer comes last for everybody else.
func (t *Table) move(client *Client, o *Order) {
	regroup(o.list, func(i int) int {
		if t.candidates[i].spare {
			return 1
		}
		return 0
	})
	first := slices.IndexFunc(o.list, func(i int) bool { return t.candidates[i].leaves })
	if first < 0 || !t.moved(client) {
		return
	}
	place := func(i int) int {
		c := &t.candidates[i]
		switch {
		case c.leaves:
			return 3
		case slices.Index(o.list[:first], i) >= 0:
			return 0
		case c.gains:
			return 1
		}
		return 2
	}
	regroup(o.list, place)
}

// moved reports whether the client is among the part that has moved. Who has, stays moved as the part grows.
func (t *Table) moved(client *Client) bool {
	percent := t.service.Move.Percent
	return percent >= 100 || t.seed.string("move").prefix(client.Network).unit()*100 < float64(percent)
}

// shed passes clients of full clusters on to the next. Those who cannot be kept anywhere go to a cluster that is not
// over its high watermark, if there is one, and to the nearest if there is none.
func (t *Table) shed(client *Client, o *Order) {
	place := func(i int) int {
		c := &t.candidates[i]
		switch {
		case c.keeps >= 1:
			return 0
		case c.keeps <= 0:
			return 2
		case c.draw.string("keep").prefix(client.Network).unit() < c.keeps:
			return 0
		}
		return 1
	}
	regroup(o.list, place)
}

// regroup sorts by group and leaves the order within groups.
func regroup(list []int, group func(int) int) {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && group(list[j]) < group(list[j-1]); j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// bits is the length of the prefix to which an order for this client applies.
func (t *Table) bits(client *Client) int {
	bits := 0
	if t.places {
		bits = client.PlaceBits
	}
	if client.Network.IsValid() && (t.draws || t.places && client.Place == nil) {
		bits = max(bits, client.Network.Bits())
	}
	return bits
}
