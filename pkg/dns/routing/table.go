// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"drover.dev/drover/pkg/dns/snapshot"
)

// Scope is the part of the fleet that a name stands for. The zero Scope is all of it.
type Scope struct {
	Region string
	Zone   string // with Region
}

func (s Scope) holds(at *snapshot.Location) bool {
	return (s.Region == "" || s.Region == at.Region) && (s.Zone == "" || s.Zone == at.Zone)
}

// MinTTLSeconds is the TTL while a move or a failure is under way, and when nothing is eligible.
const MinTTLSeconds = 5

// Table is what is decided about a service in a scope before a client asks. It is safe for concurrent use.
type Table struct {
	// What is read for each client comes first, and is together: of many services, it is seldom in the processor's cache.
	candidates []candidate // by name
	orders     orderCache
	weighted   bool // the mode is Weighted
	even       bool // all candidates have one weight
	lastKnown  bool // nobody is eligible; these are answered all the same
	places     bool // the place of a client matters
	draws      bool // the draw matters wherever the client is
	seed       hash
	service    *snapshot.Service
	scope      Scope
	judged     []judged // every backend, by name, wherever it is
}

// candidate is a cluster that may be answered. It is small, like Table: what is only told to people is not in it.
type candidate struct {
	draw    hash
	keeps   float64 // part of its clients that stay with it
	weight  int32
	backend int32 // in the service's list
	rank    int32 // 0 is the highest priority there is; the same for all but in mode Failover
	has     families
	leaves  bool // a move goes from it
	gains   bool // a move goes to it
	spare   bool // it serves only who moved to it
}

// cluster is that of a candidate.
func (t *Table) cluster(candidate int) *snapshot.Cluster {
	return t.judged[t.candidates[candidate].backend].cluster
}

// Judgement says what was found about one cluster.
type Judgement struct {
	Cluster string  `json:"cluster"`
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason"`
}

// Clusters finds a cluster by name.
type Clusters map[string]*snapshot.Cluster

// judged is a backend about which a judgement was made.
type judged struct {
	Judgement
	cluster *snapshot.Cluster
}

// in is the judgement in a scope.
func (j *judged) in(scope Scope) Judgement {
	if scope.holds(&j.cluster.Location) {
		return j.Judgement
	}
	return Judgement{j.Cluster, OutOfScope, "lies elsewhere"}
}

// judgeAll makes a judgement about every backend of a service.
func judgeAll(service *snapshot.Service, clusters Clusters, clock Clock) []judged {
	all := make([]judged, 0, len(service.Backends))
	for i := range service.Backends {
		b := &service.Backends[i]
		cluster := clusters[b.Cluster]
		verdict, why := clock.judge(b, cluster)
		all = append(all, judged{Judgement{b.Cluster, verdict, why}, cluster})
	}
	return all
}

// decide makes the table of a service in a scope.
func (t *Table) decide(service *snapshot.Service, all []judged, scope Scope) {
	t.service, t.scope, t.seed, t.judged = service, scope, seedOf(service), all
	t.weighted = service.Mode == snapshot.Weighted
	held := 0
	for i := range all {
		if scope.holds(&all[i].cluster.Location) {
			held++
		}
	}
	t.candidates = make([]candidate, 0, held)
	for i := range all {
		if all[i].in(scope).Verdict == Eligible {
			t.add(i, all[i].cluster)
		}
	}
	if len(t.candidates) == 0 && scope == (Scope{}) {
		for i := range all {
			if all[i].Verdict == Withdrawn { // better than nobody
				t.add(i, all[i].cluster)
			}
		}
	}
	if len(t.candidates) == 0 && service.WhenNoneHealthy == snapshot.LastKnown {
		for i := range all {
			if !all[i].in(scope).Verdict.lasting() {
				t.add(i, all[i].cluster)
				t.lastKnown = true
			}
		}
	}
	t.settleMove()
	t.rankPriorities()
	t.whatMatters()
}

// Eligible reports whether there is a cluster to answer on its own merits, not as the last one known.
func (t *Table) Eligible() bool { return len(t.candidates) > 0 && !t.lastKnown }

// Empty reports whether there is no cluster to answer.
func (t *Table) Empty() bool { return len(t.candidates) == 0 }

func seedOf(service *snapshot.Service) hash {
	return fnvOffset.string(service.Namespace).string(service.Name).uint64(uint64(service.Generation))
}

func (t *Table) add(backend int, cluster *snapshot.Cluster) {
	b := &t.service.Backends[backend]
	t.candidates = append(t.candidates, candidate{
		backend: int32(backend),
		has:     familiesOf(b),
		weight:  *b.Weight,
		keeps:   min(Keeps(t.service.Saturation, cmp.Or(b.LoadPercent, cluster.LoadPercent)), comes(b)),
		draw:    t.seed.string(b.Cluster),
	})
}

// Keeps is the part of its clients that a cluster keeps at a load, between 0 and 1. Without marks, or if the load is not
// known, that is all.
func Keeps(marks *snapshot.Saturation, load *int32) float64 {
	switch {
	case marks == nil || load == nil || *load <= marks.Low:
		return 1
	case *load >= marks.High:
		return 0
	}
	return float64(marks.High-*load) / float64(marks.High-marks.Low)
}

// comes is the part of its clients that a cluster keeps while it is coming or leaving.
func comes(b *snapshot.Backend) float64 {
	if b.KeepsPercent == nil {
		return 1
	}
	return float64(*b.KeepsPercent) / 100
}

// settleMove marks both ends of a move. One that leads only to clusters that may not be answered waits.
func (t *Table) settleMove() {
	move := t.service.Move
	if move == nil {
		return
	}
	for i := range t.candidates {
		t.candidates[i].spare = move.Newcomer && slices.Contains(move.To, t.cluster(i).Name)
	}
	if t.scope != (Scope{}) && !slices.ContainsFunc(t.candidates, func(c candidate) bool { return !c.spare }) {
		t.candidates = nil // the name of all clusters says who has moved
		return
	}
	if move.Percent == 0 {
		return
	}
	arrives := false
	for i := range t.candidates {
		arrives = arrives || slices.Contains(move.To, t.cluster(i).Name)
	}
	if !arrives {
		return
	}
	for i := range t.candidates {
		t.candidates[i].leaves = slices.Contains(move.From, t.cluster(i).Name)
		t.candidates[i].gains = slices.Contains(move.To, t.cluster(i).Name)
	}
}

// rankPriorities makes ranks of priorities, so that the highest that is eligible is 0.
func (t *Table) rankPriorities() {
	if t.service.Mode != snapshot.Failover {
		return
	}
	var priorities []int32
	for i := range t.candidates {
		priorities = append(priorities, t.priority(i))
	}
	slices.Sort(priorities)
	priorities = slices.Compact(priorities)
	slices.Reverse(priorities)
	for i := range t.candidates {
		t.candidates[i].rank = int32(slices.Index(priorities, t.priority(i)))
	}
}

func (t *Table) priority(i int) int32 { return t.service.Backends[t.candidates[i].backend].Priority }

// whatMatters finds out what of a client can change the order, so that an answer can be given for as many as possible.
func (t *Table) whatMatters() {
	if len(t.candidates) < 2 {
		return
	}
	ranks := make(map[int32]bool)
	t.even = true
	for _, c := range t.candidates {
		t.even = t.even && c.weight == t.candidates[0].weight
		ranks[c.rank] = true
		t.draws = t.draws || (c.keeps > 0 && c.keeps < 1) || (c.leaves && t.service.Move.Percent < 100)
	}
	switch {
	case t.weighted:
		t.draws = true
	case len(ranks) < len(t.candidates):
		t.places = true
	}
}

// TTL returns the TTL of the service's records, in seconds.
func TTL(service *snapshot.Service, clusters Clusters, clock Clock) uint32 {
	ttl := service.TTLSeconds
	moving := service.Move != nil && service.Move.Percent < 100
	for i := range service.Backends {
		b := &service.Backends[i]
		cluster := clusters[b.Cluster]
		moving = moving || b.Draining || b.KeepsPercent != nil || cluster.Draining || clock.unsettled(&b.Health) || clock.unsettled(&cluster.Health)
	}
	if moving {
		ttl = min(ttl, MinTTLSeconds)
	}
	return ttl
}

// orderCache keeps orders by distance: they are asked for again and again by clients of the same few networks. Most
// tables are never asked.
type orderCache struct{ orders atomic.Pointer[orders] }

type orders struct {
	entries sync.Map // *Place → []int
	size    atomic.Int32
}

const maxOrders = 4096

func (c *orderCache) get(place *Place) ([]int, bool) {
	kept := c.orders.Load()
	if kept == nil {
		return nil, false
	}
	order, ok := kept.entries.Load(place)
	if !ok {
		return nil, false
	}
	return order.([]int), true
}

func (c *orderCache) put(place *Place, order []int) {
	c.orders.CompareAndSwap(nil, &orders{})
	kept := c.orders.Load()
	if kept.size.Add(1) > maxOrders {
		kept.entries.Clear()
		kept.size.Store(1)
	}
	kept.entries.Store(place, order)
}
