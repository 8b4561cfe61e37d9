// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// simulatedMoves is how many moves are simulated beside those that rapid draws, which are slower, but can be made small.
const simulatedMoves = 10_000

// Whatever is slow, lost, broken, or comes and goes, and however the targets change meanwhile: enough is available, not too much is
// assigned, and no client is led where nobody is, at every moment; and when everything works again it comes to an end, and
// stays there.
func TestMovesAreSafeAndEnd(t *testing.T) {
	t.Run("drawn", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			if err := simulate(func(n int, what string) int { return rapid.IntRange(0, n-1).Draw(t, what) }); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("random", func(t *testing.T) {
		seed := rand.Uint64()
		for i := range uint64(simulatedMoves) {
			r := rand.New(rand.NewPCG(seed, i))
			if err := simulate(func(n int, _ string) int { return r.IntN(n) }); err != nil {
				t.Fatalf("seed %d, move %d: %v", seed, i, err)
			}
		}
	})
}

// choice chooses a number below n: what happens next, where anything may.
type choice func(n int, what string) int

func (c choice) once(in int, what string) bool { return c(in, what) == 0 }

// world is a simulated move. A tick is a second.
type world struct {
	choose               choice
	now                  int
	desired              int64
	surge, unavailable   int64
	ttl, settle          int
	sites                []*site
	resolved             bool // there is a name by which clients find the workload
	flapping             bool // pods that were available may be so no more, and be so again
	wasLost, changedMind bool
	// told is what name servers are told of each cluster, the latest last.
	told [][]answer
}

// answer is what a name server knows of a cluster.
type answer struct{ led, placed, serves bool }

// site is a cluster. What is assigned reaches it late, its pods become available late or never, and what it reports is late
// too.
type site struct {
	assigned, target int64
	lead             Lead
	named            Lead  // as the name has it
	placed           bool  // the name has it at all
	spec             int64 // what has reached it
	pods             []bool
	reported         Share // Pods and Available, as last seen
	lost             bool  // nothing reaches it, and nothing is seen of it
	broken           bool  // its new pods never become available
	answeredUntil    int   // clients use answers that lead there before that
}

func (s *site) available() (n int64) {
	for _, available := range s.pods {
		if available {
			n++
		}
	}
	return n
}

// act has the cluster do some of what it is to do: make pods, bring some up, or take some away, those that are not
// available first, as Kubernetes does.
func (s *site) act(choose choice) {
	if !s.lost && choose.once(2, "hears") {
		s.spec = s.assigned
	}
	for int64(len(s.pods)) < s.spec {
		s.pods = append(s.pods, false)
	}
	for int64(len(s.pods)) > s.spec {
		i := max(0, slices.Index(s.pods, false))
		s.pods = slices.Delete(s.pods, i, i+1)
	}
	for i := range s.pods {
		if !s.pods[i] && !s.broken && choose.once(2, "becomes available") {
			s.pods[i] = true
		}
	}
	if !s.lost && choose.once(2, "is seen") {
		s.see()
	}
}

func (s *site) see() { s.reported.Pods, s.reported.Available = int64(len(s.pods)), s.available() }

func newWorld(choose choice) *world {
	w := &world{
		choose: choose, desired: int64(choose(13, "desired")), surge: int64(choose(5, "surge")), unavailable: int64(choose(4, "unavailable")),
		flapping: choose.once(4, "flaps"), ttl: 1 + choose(10, "ttl"), settle: choose(5, "settle"), resolved: !choose.once(4, "no name"),
	}
	for range 1 + choose(4, "clusters") {
		w.sites = append(w.sites, &site{})
	}
	w.spread(func(s *site) *int64 { return &s.assigned })
	for _, s := range w.sites {
		s.spec, s.target = s.assigned, s.assigned
		s.pods = slices.Repeat([]bool{true}, int(s.assigned))
		s.see()
		s.tell()
	}
	return w
}

func (w *world) spread(into func(*site) *int64) {
	for _, s := range w.sites {
		*into(s) = 0
	}
	for range w.desired {
		*into(w.sites[w.choose(len(w.sites), "one to")])++
	}
}

// simulate makes a move, and says what went wrong.
func simulate(choose choice) error {
	w := newWorld(choose)
	for range 1 + choose(60, "steps") {
		if choose.once(16, "changes its mind") {
			w.spread(func(s *site) *int64 { return &s.target })
			w.changedMind = true
		}
		for _, s := range w.sites {
			s.lost, s.broken = choose.once(20, "is lost"), choose.once(10, "is broken")
			w.wasLost = w.wasLost || s.lost
			if w.flapping && len(s.pods) > 0 && choose.once(4, "flaps now") {
				s.pods[choose(len(s.pods), "pod")] = false
			}
			s.act(choose)
		}
		if _, err := w.tick(); err != nil {
			return err
		}
	}
	return w.recover()
}

// recover has everything work again, and sees that the move ends.
func (w *world) recover() error {
	for range 40*int(w.desired+1) + 3*len(w.sites)*(w.ttl+w.settle+2) {
		for _, s := range w.sites {
			s.lost, s.broken = false, false
			s.spec = s.assigned
			s.act(w.choose)
			for i := range s.pods {
				s.pods[i] = true
			}
			s.see()
			s.tell()
		}
		moved, err := w.tick()
		if err != nil {
			return err
		}
		if !moved && !slices.ContainsFunc(w.sites, func(s *site) bool { return s.assigned != s.target || s.lead != (Lead{}) }) {
			return nil
		}
	}
	return fmt.Errorf("it does not come to an end: %+v", w.move().Shares)
}

// tick is a second: the next step is taken, names are told, clients ask, and what must hold is looked at.
func (w *world) tick() (moved bool, err error) {
	w.now++
	if moved, err = w.step(); err != nil {
		return moved, err
	}
	if w.choose.once(2, "the name is told") {
		for _, s := range w.sites {
			s.tell()
		}
	}
	w.ask()
	var available, assigned int64
	for i, s := range w.sites {
		available += s.available()
		assigned += s.assigned
		// Where none at all need be available, there may be nobody to lead clients to.
		if !w.wasLost && !w.flapping && w.unavailable < w.desired && s.answeredUntil > w.now && s.available() == 0 {
			return moved, fmt.Errorf("second %d: clients are led to cluster %d, where nobody is: %+v", w.now, i, w.move().Shares)
		}
	}
	most := w.desired + w.surge
	if w.surge == 0 && w.unavailable == 0 {
		most++
	}
	// A cluster that is lost runs on, so that this holds with it. Where pods fail by themselves, see step.
	if assigned > most || available < w.desired-w.unavailable && !w.flapping {
		return moved, fmt.Errorf("second %d: %d are assigned, and %d are available, of %d", w.now, assigned, available, w.desired)
	}
	return moved, nil
}

func (w *world) time() time.Time { return noon.Add(time.Duration(w.now) * time.Second) }

func (w *world) move() Move {
	m := Move{Desired: w.desired, MaxSurge: w.surge, MaxUnavailable: w.unavailable}
	for i, s := range w.sites {
		share := s.reported
		share.Replicas, share.Target, share.Unknown = s.assigned, s.target, s.lost
		share.Serving = s.lead.Serves(w.clients(i), w.time())
		m.Shares = append(m.Shares, share)
	}
	return m
}

// clients is what is known of those who are led to a cluster.
func (w *world) clients(at int) Clients {
	c := Clients{Led: w.resolved, Wait: time.Duration(w.ttl+w.settle) * time.Second}
	elsewhere := slices.ContainsFunc(w.sites, func(s *site) bool { return s.leads() && s.reported.Available > 0 })
	c.Told = !w.sites[at].leads() && elsewhere
	return c
}

func (s *site) tell() { s.named, s.placed = s.lead, s.assigned > 0 || s.target > 0 }

// leads says whether the name leads to the cluster.
func (s *site) leads() bool { return s.placed && (s.named.State == LeadAll || s.named.Percent > 0) }

// step takes the next step. Whatever fails by itself, it takes none of the replicas that are missing: of those that are
// reported to be available, it leaves as many as are to be, or all.
func (w *world) step() (moved bool, err error) {
	m := w.move()
	steps := Step(m)
	var before, after int64
	for i, next := range steps {
		available := m.Shares[i].available()
		before, after = before+available, after+min(available, next.Replicas)
	}
	if after < min(before, w.desired-w.unavailable) {
		return false, fmt.Errorf("second %d: of %d that are available, %d are left, of %d: %+v", w.now, before, after, w.desired, m.Shares)
	}
	for i, next := range steps {
		s := w.sites[i]
		others := slices.ContainsFunc(w.sites, func(o *site) bool { return o != s && o.assigned > 0 })
		lead := s.lead.Next(m.Shares[i], next, w.clients(i), others, w.time())
		moved = moved || next.Replicas != s.assigned || lead != s.lead
		defer func() { s.assigned, s.lead = next.Replicas, lead }()
	}
	return moved, nil
}

// ask has clients ask a name server that is at most settle behind.
func (w *world) ask() {
	var now []answer
	for _, s := range w.sites {
		now = append(now, answer{led: s.leads(), placed: s.placed, serves: s.reported.Available > 0})
	}
	w.told = append(w.told, now)
	behind := w.told[max(0, len(w.told)-1-w.choose(w.settle+1, "behind"))]
	eligible := func(a answer) bool { return a.led && a.serves }
	some := slices.ContainsFunc(behind, eligible)
	for i, a := range behind {
		if w.resolved && (eligible(a) || !some && a.placed && a.serves) {
			w.sites[i].answeredUntil = w.now + w.ttl
		}
	}
}
