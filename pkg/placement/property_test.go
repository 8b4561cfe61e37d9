// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func plan(t fataler, r Request) Result {
	t.Helper()
	res, err := Plan(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// numbers draws mostly small ones, with every size up to most.
func numbers(most int64) *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64Range(0, min(most, 3)),
		rapid.Int64Range(0, min(most, 30)),
		rapid.Int64Range(0, min(most, 3000)),
		rapid.Int64Range(0, most),
	)
}

// weights draws families of weights that bring out different trouble.
func weights() *rapid.Generator[func(i int) *rapid.Generator[int64]] {
	return rapid.Custom(func(t *rapid.T) func(int) *rapid.Generator[int64] {
		most := rapid.SampledFrom([]int64{1, 2, 9, 100, 99_991, math.MaxInt32, MaxWeight}).Draw(t, "largest weight")
		dominant := rapid.IntRange(0, 3).Draw(t, "dominant")
		return func(i int) *rapid.Generator[int64] {
			if i < dominant {
				return rapid.Int64Range(max(1, most-5), most)
			}
			return numbers(most)
		}
	})
}

type shape struct {
	clusters   int
	replicas   int64
	bounds     bool
	priorities int32
	spreads    bool
}

func requests(s shape) *rapid.Generator[Request] {
	return rapid.Custom(func(t *rapid.T) Request {
		r := Request{
			Key:       rapid.SampledFrom([]string{"", "deployment/default/web", "deployment/default/db"}).Draw(t, "key"),
			Replicas:  numbers(s.replicas).Draw(t, "replicas"),
			Rebalance: rapid.Bool().Draw(t, "rebalance"),
		}
		weight := weights().Draw(t, "weights")
		n := rapid.IntRange(1, s.clusters).Draw(t, "clusters")
		each := max(3, 3*r.Replicas/int64(n))
		for i := range n {
			c := Cluster{Name: fmt.Sprintf("c%d", i), Weight: weight(i).Draw(t, "weight")}
			if s.bounds {
				bound := rapid.OneOf(rapid.Just[*int64](nil), rapid.Map(numbers(each), of))
				c.Max, c.Capacity = bound.Draw(t, "max"), bound.Draw(t, "capacity")
				c.Min = rapid.OneOf(rapid.Just[int64](0), numbers(each/3)).Draw(t, "min")
				c.Current = numbers(each).Draw(t, "current")
				c.Priority = rapid.Int32Range(0, s.priorities).Draw(t, "priority")
			}
			if s.spreads {
				zone := rapid.IntRange(0, 8).Draw(t, "zone")
				c.Domains = map[string]string{"zone": fmt.Sprintf("z%d", zone), "region": fmt.Sprintf("r%d", zone/3)}
			}
			r.Clusters = append(r.Clusters, c)
		}
		if allDrained(r.Clusters) {
			r.Clusters[0].Weight = 1
		}
		if s.spreads {
			r.Spread = rapid.Permutation([]Spread{
				{"zone", rapid.Int64Range(0, 10).Draw(t, "zones")},
				{"region", rapid.Int64Range(0, 4).Draw(t, "regions")},
			}).Draw(t, "spread")[:rapid.IntRange(0, 2).Draw(t, "spreads")]
		}
		return r
	})
}

var (
	anything = shape{clusters: 20, replicas: 5000, bounds: true, priorities: 2, spreads: true}
	free     = shape{clusters: 40, replicas: 5000}
	loose    = shape{clusters: 40, replicas: 5000, spreads: true}
)

func byName(r Request) map[string]*candidate {
	candidates := candidatesOf(r.Clusters)
	derive(r.Key, candidates)
	cover(&r, candidates)
	m := map[string]*candidate{}
	for i := range candidates {
		m[candidates[i].Name] = &candidates[i]
	}
	return m
}

func TestSumIsWhatBoundsAllow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		var allowed int64
		clusters := byName(r)
		for i := range r.Clusters {
			allowed += clusters[r.Clusters[i].Name].ceiling
		}
		res := plan(t, r)
		var sum int64
		for _, a := range res.Assignments {
			sum += a.Replicas
		}
		if want := min(r.Replicas, allowed); sum != want || res.Unplaced != r.Replicas-want || len(res.Assignments) != len(r.Clusters) {
			t.Fatalf("placed %d and left %d of %d, want %d placed", sum, res.Unplaced, r.Replicas, want)
		}
		if (res.Outcome == OutcomeUnplaced) != (res.Unplaced > 0) {
			t.Fatalf("%s with %d unplaced", res.Outcome, res.Unplaced)
		}
	})
}

func TestBoundsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		clusters, res := byName(r), plan(t, r)
		var minimums, floors int64
		for _, c := range clusters {
			minimums += c.minimum
			floors += c.floor()
		}
		infeasible := floors > r.Replicas
		if unmet := res.Outcome == OutcomeMinimumsInfeasible; unmet && !infeasible || !unmet && minimums > r.Replicas {
			t.Fatalf("%s with minimums of %d for %d", res.Outcome, minimums, r.Replicas)
		}
		for _, a := range res.Assignments {
			c := clusters[a.Name]
			switch {
			case c.Weight == 0 && a.Replicas != 0,
				c.Max != nil && a.Replicas > *c.Max,
				c.Capacity != nil && a.Replicas > *c.Capacity,
				!infeasible && a.Replicas < c.floor(),
				infeasible && a.Replicas > c.floor():
				t.Fatalf("%+v gets %d", *c.Cluster, a.Replicas)
			}
		}
	})
}

// The share of a cluster is Replicas × its weight ÷ the sum of weights, as long
// as that is within everyone's bounds.
func TestQuotaHoldsWhereNoBoundBinds(t *testing.T) {
	check := func(t *rapid.T, r Request) {
		var sum int64
		for _, c := range r.Clusters {
			sum += c.Weight
		}
		whole := func(c *Cluster) (down, up int64) {
			down, rem := mulDiv(r.Replicas, c.Weight, sum)
			if rem > 0 {
				return down, down + 1
			}
			return down, down
		}
		for i := range r.Clusters {
			if c := &r.Clusters[i]; c.Max != nil {
				down, up := whole(c)
				c.Min, *c.Max = min(c.Min, down), max(*c.Max, up)
			}
		}
		clusters := byName(r)
		for _, c := range clusters {
			if down, _ := whole(c.Cluster); c.covers > 0 && down == 0 {
				return
			}
		}
		for _, a := range plan(t, r).Assignments {
			down, up := whole(clusters[a.Name].Cluster)
			if a.Replicas < down || a.Replicas > up {
				t.Fatalf("%s gets %d, want %d or %d", a.Name, a.Replicas, down, up)
			}
		}
	}
	t.Run("free", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { check(t, requests(free).Draw(t, "request")) })
	})
	t.Run("loose", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			r := requests(loose).Draw(t, "request")
			r.Rebalance = true
			for i := range r.Clusters {
				r.Clusters[i].Min = numbers(r.Replicas).Draw(t, "min")
				r.Clusters[i].Max = of(numbers(r.Replicas).Draw(t, "max"))
			}
			check(t, r)
		})
	})
}

func TestHouseIsMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		before := plan(t, r)
		for range 10 {
			r.Replicas += rapid.Int64Range(1, 3).Draw(t, "more")
			after := plan(t, r)
			for i, a := range after.Assignments {
				if b := before.Assignments[i]; a.Replicas < b.Replicas {
					t.Fatalf("at %d replicas %s has %d, down from %d", r.Replicas, a.Name, a.Replicas, b.Replicas)
				}
			}
			before = after
		}
	})
}

func TestOrderOfInputIsIrrelevant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		want := plan(t, r)
		r.Clusters = rapid.Permutation(r.Clusters).Draw(t, "order")
		before := slices.Clone(r.Clusters)
		if diff := cmp.Diff(want, plan(t, r)); diff != "" {
			t.Fatal(diff)
		}
		if diff := cmp.Diff(before, r.Clusters); diff != "" {
			t.Fatalf("the request was changed: %s", diff)
		}
		r.Spread = slices.Clone(r.Spread)
		slices.Reverse(r.Spread)
		if diff := cmp.Diff(want.Assignments, plan(t, r).Assignments); diff != "" {
			t.Fatalf("the order of spreads counts: %s", diff)
		}
	})
}

func TestOnlyRatiosOfWeightsCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		var most int64
		for _, c := range r.Clusters {
			most = max(most, c.Weight)
		}
		factor := rapid.Int64Range(1, MaxWeight/most).Draw(t, "factor")
		want := plan(t, r)
		for i := range r.Clusters {
			r.Clusters[i].Weight *= factor
		}
		if diff := cmp.Diff(want, plan(t, r)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// A lower priority gets more than its minimum, and more than it is left to keep,
// only if every higher one is full.
func TestPrioritiesAreFilledInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		clusters, res := byName(r), plan(t, r)
		for _, low := range res.Assignments {
			l := clusters[low.Name]
			own := l.floor()
			if !r.Rebalance {
				own = max(own, l.kept)
			}
			for _, high := range res.Assignments {
				if h := clusters[high.Name]; h.Priority > l.Priority && low.Replicas > own && high.Replicas < h.ceiling {
					t.Fatalf("%s gets %d while %s has room above %d", low.Name, low.Replicas, high.Name, high.Replicas)
				}
			}
		}
	})
}

// Without rebalancing nothing moves but what the bounds and the number of
// replicas make move.
func TestMovementIsMinimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		r.Rebalance = false
		res := plan(t, r)
		clusters := byName(r)
		var needed, floors, taken int64
		for _, c := range clusters {
			floors += c.floor()
		}
		stays, needs := func(c *candidate) int64 { return c.kept }, func(c *candidate) int64 { return max(c.kept, c.floor()) }
		if floors > r.Replicas {
			if len(r.Spread) > 0 {
				return
			}
			stays = func(c *candidate) int64 { return min(c.kept, c.floor()) }
			needs = stays
		}
		for _, a := range res.Assignments {
			c := clusters[a.Name]
			needed += needs(c)
			taken += max(0, stays(c)-a.Replicas)
		}
		if want := max(0, needed-r.Replicas); taken != want {
			t.Fatalf("%d replicas were taken from where they run, want %d", taken, want)
		}
	})
}

func TestWhatRunsStaysWhenItIsAnAnswer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		first := plan(t, r)
		for i := range r.Clusters {
			for _, a := range first.Assignments {
				if a.Name == r.Clusters[i].Name {
					r.Clusters[i].Current = a.Replicas
				}
			}
		}
		for _, r.Rebalance = range []bool{false, r.Rebalance} {
			for i, a := range plan(t, r).Assignments {
				if a.Replicas != first.Assignments[i].Replicas {
					t.Fatalf("rebalance %v: %s went from %d to %d", r.Rebalance, a.Name, first.Assignments[i].Replicas, a.Replicas)
				}
			}
		}
	})
}

func TestEveryNumberHasAReason(t *testing.T) {
	known := []ReasonCode{ReasonShare, ReasonOverflow, ReasonMinimum, ReasonSpread, ReasonMinimumUnmet, ReasonMaximum, ReasonCapacity, ReasonKept, ReasonDrained, ReasonNotNeeded, ReasonNoReplicas}
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		clusters := byName(r)
		for _, a := range plan(t, r).Assignments {
			c := clusters[a.Name]
			atMaximum := c.Max != nil && a.Replicas == *c.Max
			atCapacity := c.Capacity != nil && a.Replicas == *c.Capacity
			switch {
			case !slices.Contains(known, a.Code) || a.Reason == "",
				a.Code == ReasonMaximum && !atMaximum,
				a.Code == ReasonCapacity && !atCapacity,
				a.Code == ReasonMinimum && a.Replicas != c.Min && !atMaximum && !atCapacity,
				a.Code == ReasonSpread && a.Replicas != 1,
				a.Code == ReasonMinimumUnmet && a.Replicas >= c.Min,
				a.Code == ReasonNotNeeded && a.Replicas != 0,
				a.Code == ReasonKept && r.Rebalance:
				t.Fatalf("%+v: %+v", *c.Cluster, a)
			}
		}
	})
}

// Here regions are made of zones. Where domains are not within one another there
// may be an answer that is not found.
func TestSpreadIsReachedWhereItCanBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := requests(anything).Draw(t, "request")
		clusters, res := byName(r), plan(t, r)
		short := false
		for i, s := range r.Spread {
			eligible, holding := map[string]bool{}, map[string]bool{}
			for _, a := range res.Assignments {
				c := clusters[a.Name]
				if domain := c.Domains[s.Topology]; c.ceiling > 0 {
					eligible[domain] = true
					holding[domain] = holding[domain] || a.Replicas > 0
				}
			}
			maps.DeleteFunc(holding, func(_ string, holds bool) bool { return !holds })
			want := Coverage{s, int64(len(holding)), int64(len(eligible))}
			if res.Spread[i] != want {
				t.Fatalf("got %+v, want %+v", res.Spread[i], want)
			}
			if want.Domains < min(s.MinDomains, r.Replicas, want.Eligible) {
				t.Fatalf("%d replicas: %+v", r.Replicas, want)
			}
			short = short || r.Replicas > 0 && want.Eligible < s.MinDomains
		}
		switch res.Outcome {
		case OutcomeSpreadUnsatisfiable, OutcomePlaced:
			if (res.Outcome == OutcomeSpreadUnsatisfiable) != short {
				t.Fatalf("%s: %+v", res.Outcome, res.Spread)
			}
		}
	})
}

func TestTiesSpreadOverClusters(t *testing.T) {
	const keys, clusters = 10_000, 10
	r := Request{Replicas: 1, Rebalance: true}
	for i := range clusters {
		r.Clusters = append(r.Clusters, Cluster{Name: fmt.Sprintf("cluster-%d", i), Weight: 1})
	}
	counts := map[string]float64{}
	for i := range keys {
		r.Key = fmt.Sprintf("deployment/default/web-%d", i)
		for _, a := range plan(t, r).Assignments {
			counts[a.Name] += float64(a.Replicas)
		}
	}
	// χ² with 9 degrees of freedom is above 27.9 once in 1,000 times.
	var chi2 float64
	for _, c := range r.Clusters {
		chi2 += math.Pow(counts[c.Name]-keys/clusters, 2) / (keys / clusters)
	}
	if chi2 > 27.9 {
		t.Errorf("χ² is %.1f: %v", chi2, counts)
	}
}

// TestLargeRequests shows that extremes overflow nothing and end in time.
func TestLargeRequests(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	for name, weight := range map[string]func(i int) int64{
		"equal":            func(int) int64 { return MaxWeight },
		"almost equal":     func(i int) int64 { return MaxWeight - int64(i) },
		"powers":           func(i int) int64 { return 1 << (i % 31) },
		"one large":        func(i int) int64 { return max(1, MaxWeight*int64(1-min(i, 1))) },
		"half large":       func(i int) int64 { return 1 + int64(i%2)*(MaxWeight-1) },
		"half medium":      func(i int) int64 { return 1 + int64(i%2)*(401+int64(i)) },
		"few large":        func(i int) int64 { return 1 + int64(1-min(i/7, 1))*(99_991+int64(i)) },
		"harmonic":         func(i int) int64 { return MaxWeight / int64(i+1) },
		"squares":          func(i int) int64 { return int64(i+1) * int64(i+1) },
		"one and half all": func(i int) int64 { return 1 + int64(1-min(i, 1))*998 },
	} {
		t.Run(name, func(t *testing.T) {
			r := Request{Replicas: 100_000, Rebalance: true}
			for i := range 1000 {
				r.Clusters = append(r.Clusters, Cluster{Name: fmt.Sprintf("c%03d", i), Weight: weight(i)})
			}
			for _, bounded := range []bool{false, true} {
				for i := range r.Clusters {
					if bounded {
						r.Clusters[i].Min, r.Clusters[i].Max = int64(i%90), of(int64(90+i))
					}
				}
				start := time.Now()
				res := plan(t, r)
				t.Logf("bounded %v: %v", bounded, time.Since(start))
				if res.Outcome != OutcomePlaced {
					t.Error(res.Outcome)
				}
				r.Replicas--
				for i, a := range plan(t, r).Assignments {
					if a.Replicas > res.Assignments[i].Replicas {
						t.Errorf("one replica less gives %s more", a.Name)
					}
				}
				r.Replicas++
				if bounded {
					continue
				}
				var sum int64
				for _, c := range r.Clusters {
					sum += c.Weight
				}
				for i, a := range res.Assignments {
					if down, rem := mulDiv(r.Replicas, r.Clusters[i].Weight, sum); a.Replicas < down || a.Replicas > down+min(rem, 1) {
						t.Fatalf("%s gets %d, want %d rounded down or up", a.Name, a.Replicas, down)
					}
				}
			}
		})
	}
}
