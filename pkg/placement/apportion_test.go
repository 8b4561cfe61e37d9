// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// oracle applies the rule of the package comment by the book: in exact
// fractions, and looking ahead by trying every future.
type oracle struct {
	claims []claim
	end    int64 // every share is whole then
	shares map[int64][]*big.Rat
	safes  map[string]bool
}

func newOracle(claims []claim, atLeast int64) *oracle {
	o := &oracle{claims: claims, shares: map[int64][]*big.Rat{}, safes: map[string]bool{}}
	for o.end = min(atLeast, o.room()); o.end < o.room(); o.end++ {
		if !slices.ContainsFunc(o.share(o.end), func(x *big.Rat) bool { return !x.IsInt() }) {
			break
		}
	}
	return o
}

func (o *oracle) room() (n int64) {
	for _, c := range o.claims {
		n += c.hi - c.lo
	}
	return n
}

// share returns the exact shares when t seats are out: level × weight, within
// bounds, with the level at which they add up.
func (o *oracle) share(t int64) []*big.Rat {
	if s, ok := o.shares[t]; ok {
		return s
	}
	at := func(level *big.Rat) (shares []*big.Rat, out *big.Rat) {
		out = new(big.Rat)
		for _, c := range o.claims {
			x := new(big.Rat).Mul(level, big.NewRat(c.weight, 1))
			if lo := big.NewRat(c.lo, 1); x.Cmp(lo) < 0 {
				x = lo
			}
			if hi := big.NewRat(c.hi, 1); x.Cmp(hi) > 0 {
				x = hi
			}
			shares = append(shares, x)
			out.Add(out, x).Sub(out, big.NewRat(c.lo, 1))
		}
		return shares, out
	}
	var edges []*big.Rat
	for _, c := range o.claims {
		edges = append(edges, big.NewRat(c.lo, c.weight), big.NewRat(c.hi, c.weight))
	}
	slices.SortFunc(edges, (*big.Rat).Cmp)
	want := big.NewRat(t, 1)
	level := edges[0]
	for i := 1; i < len(edges); i++ {
		_, low := at(edges[i-1])
		_, high := at(edges[i])
		if high.Cmp(low) > 0 && high.Cmp(want) >= 0 {
			part := new(big.Rat).Quo(new(big.Rat).Sub(want, low), new(big.Rat).Sub(high, low))
			level = part.Mul(part, new(big.Rat).Sub(edges[i], edges[i-1])).Add(part, edges[i-1])
			break
		}
	}
	shares, _ := at(level)
	o.shares[t] = shares
	return shares
}

func (o *oracle) keepsQuota(t int64, got []int64) bool {
	for i, x := range o.share(t) {
		if off := new(big.Rat).Sub(x, big.NewRat(got[i], 1)); off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
			return false
		}
	}
	return true
}

// safe reports whether some order of awards keeps the quota from here to the end.
func (o *oracle) safe(t int64, got []int64) bool {
	if !o.keepsQuota(t, got) {
		return false
	}
	if t == o.end {
		return true
	}
	key := fmt.Sprint(t, got)
	if s, ok := o.safes[key]; ok {
		return s
	}
	s := false
	for i := range got {
		got[i]++
		s = s || o.safe(t+1, got)
		got[i]--
	}
	o.safes[key] = s
	return s
}

// run returns what everyone holds after 0, 1, … n awards.
func (o *oracle) run(n int64) [][]int64 {
	got := make([]int64, len(o.claims))
	for i, c := range o.claims {
		got[i] = c.lo
	}
	runs := [][]int64{slices.Clone(got)}
	for t := int64(1); t <= n; t++ {
		best := -1
		for i := range o.claims {
			got[i]++
			if o.safe(t, got) && (best < 0 || o.before(i, best, got)) {
				best = i
			}
			got[i]--
		}
		got[best]++
		runs = append(runs, slices.Clone(got))
	}
	return runs
}

// before compares Webster's priorities weight ÷ (2·held + 1). got[i] counts the
// seat in question already, got[j] does not.
func (o *oracle) before(i, j int, got []int64) bool {
	a := big.NewRat(o.claims[i].weight, 2*got[i]-1)
	b := big.NewRat(o.claims[j].weight, 2*got[j]+1)
	if c := a.Cmp(b); c != 0 {
		return c > 0
	}
	return o.claims[i].tie < o.claims[j].tie
}

func apportioned(n int64, claims []claim) []int64 {
	return apportion(n, claims, spansOf(claims))
}

// processOf is ready to make every award since all shares were whole.
func processOf(n int64, claims []claim) *process {
	spans := spansOf(claims)
	start := lastWhole(n, claims, spans)
	r := newRounding(claims, spans)
	r.at(start)
	return newProcess(start, r.got, n, claims, spans)
}

func checkAgainstOracle(t fataler, claims []claim, n int64) {
	t.Helper()
	o := newOracle(claims, n)
	n = min(n, o.room()-1)
	for seats, want := range o.run(n) {
		if got := apportioned(int64(seats), claims); !slices.Equal(got, want) {
			t.Fatalf("%d seats over %+v:\n got %v\nwant %v", seats, claims, got, want)
		}
	}
}

func TestApportionEqualsOracleOnEverySmallCase(t *testing.T) {
	top := int64(6)
	if testing.Short() {
		top = 4
	}
	var claims []claim
	var each func(least int64)
	each = func(least int64) {
		if len(claims) > 0 {
			checkAgainstOracle(t, claims, 20)
		}
		if len(claims) == 4 {
			return
		}
		for w := least; w <= top; w++ {
			claims = append(claims, claim{weight: w, hi: unbounded, tie: uint64(w*7919+int64(len(claims))*31) % 13})
			each(w)
			claims = claims[:len(claims)-1]
		}
	}
	each(1)
}

func TestApportionEqualsOracleWithinBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claims := make([]claim, rapid.IntRange(1, 5).Draw(t, "claims"))
		for i := range claims {
			lo := rapid.Int64Range(0, 4).Draw(t, "lo")
			claims[i] = claim{
				weight: rapid.Int64Range(1, 9).Draw(t, "weight"),
				lo:     lo,
				hi:     lo + rapid.Int64Range(1, 6).Draw(t, "room"),
				tie:    rapid.Uint64Range(0, 2).Draw(t, "tie")*8 + uint64(i),
			}
		}
		checkAgainstOracle(t, claims, 30)
	})
}

// plainly applies the rule to unbounded claims with no shortcut but integers: an
// award is safe if at no later time more claims are ahead of their share than
// the shares are above whole numbers in sum.
func plainly(n int64, claims []claim) []int64 {
	var sum int64
	for _, c := range claims {
		sum += c.weight
	}
	held := make([]int64, len(claims))
	for t := int64(1); t <= n; t++ {
		best := -1
		for i, c := range claims {
			released := t*c.weight > held[i]*sum
			if !released || best >= 0 && !plainlyBefore(claims, held, i, best) {
				continue
			}
			held[i]++
			if plainlySafe(t, sum, claims, held, i) {
				best = i
			}
			held[i]--
		}
		held[best]++
	}
	return held
}

func plainlyBefore(claims []claim, held []int64, i, j int) bool {
	a, b := (2*held[i]+1)*claims[j].weight, (2*held[j]+1)*claims[i].weight
	return a < b || a == b && claims[i].tie < claims[j].tie
}

func plainlySafe(t, sum int64, claims []claim, held []int64, i int) bool {
	for u := t; u*claims[i].weight < held[i]*sum; u++ {
		above := u
		for j, c := range claims {
			whole := u * c.weight / sum
			above -= whole
			if held[j] > whole {
				above--
			}
		}
		if above < 0 {
			return false
		}
	}
	return true
}

func TestApportionEqualsPlainRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Many of about one size and a few that dwarf them lead to the most
		// conflicts between priority and quota.
		claims := make([]claim, rapid.IntRange(2, 150).Draw(t, "claims"))
		small := rapid.Int64Range(1, 6).Draw(t, "small")
		large := rapid.Int64Range(1, 400).Draw(t, "large")
		larges := rapid.IntRange(0, 4).Draw(t, "larges")
		for i := range claims {
			claims[i] = claim{weight: rapid.Int64Range(1, small).Draw(t, "weight"), hi: unbounded, tie: uint64(i)}
			if i < larges {
				claims[i].weight += large
			}
		}
		n := rapid.Int64Range(0, 150).Draw(t, "seats")
		got, want := apportioned(n, claims), plainly(n, claims)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

// awarded makes every award since all shares were whole: what apportion returns
// without.
func awarded(n int64, claims []claim) []int64 {
	p := processOf(n, claims)
	for t := p.start + 1; t <= n; t++ {
		p.award(t)
	}
	return p.got
}

// family draws claims of which the shapes bring out different trouble: any, few or
// many that dwarf the others, all sizes, equal ones, up to the largest weights.
func family(r *rand.Rand, most int, bounded bool) []claim {
	claims := make([]claim, 1+r.IntN(1+r.IntN(most)))
	larges, large, small := r.IntN(len(claims)+1), int64(1)<<r.IntN(20), int64(1)<<r.IntN(5)
	shape, scale := r.IntN(5), 1+r.Int64N(MaxWeight/(large+small))
	for i := range claims {
		c := claim{hi: unbounded, tie: r.Uint64N(uint64(2 * len(claims)))}
		switch {
		case shape == 0:
			c.weight = 1 + r.Int64N(int64(1)<<r.IntN(45))
		case shape == 1:
			c.weight = 1 << r.IntN(45)
		case shape == 2:
			c.weight = 1 + r.Int64N(100)
		case i < larges:
			c.weight = large + 1 + r.Int64N(small)
		default:
			c.weight = 1 + r.Int64N(small)
		}
		if shape == 4 {
			c.weight *= scale
		}
		if bounded && r.IntN(2) == 0 {
			c.lo = r.Int64N(20)
		}
		if bounded && r.IntN(2) == 0 {
			c.hi = c.lo + 1 + r.Int64N(100)
		}
		claims[i] = c
	}
	return claims
}

// Results may be skipped to only where that changes nothing.
func TestApportionEqualsMakingEveryAward(t *testing.T) {
	cases := 20_000
	if testing.Short() {
		cases = 2000
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	skipped := 0
	for i := range cases {
		claims := family(r, 100, i%2 == 0)
		var room int64
		for _, c := range claims {
			room += c.hi - c.lo
		}
		n := r.Int64N(min(room, 1<<r.IntN(12)))
		got, want := apportioned(n, claims), awarded(n, claims)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %d seats over %+v: %s", seed, n, claims, diff)
		}
		if newRounding(claims, spansOf(claims)).at(n) {
			skipped++
		}
	}
	if skipped < cases/2 || skipped == cases {
		t.Errorf("seed %d: %d of %d were sure", seed, skipped, cases)
	}
	t.Logf("%d of %d were sure", skipped, cases)
}

// Looking ahead takes shortcuts only where they change nothing. Far conflicts are
// rare, and rapid draws small, so these are drawn large and at random.
func TestApportionEqualsLookingAheadInFull(t *testing.T) {
	cases := 3000
	if testing.Short() {
		cases = 300
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	for range cases {
		claims := make([]claim, 2+r.IntN(300))
		larges, large, small := r.IntN(len(claims)), int64(1)<<r.IntN(20), int64(1)<<r.IntN(3)
		for i := range claims {
			claims[i] = claim{weight: 1 + r.Int64N(small), hi: unbounded, tie: uint64(i)}
			if i < larges {
				claims[i].weight += large
			}
		}
		n := r.Int64N(2000)
		short, full := processOf(n, claims), processOf(n, claims)
		full.countDue(20 * (n + 1))
		for at := short.start + 1; at <= n; at++ {
			short.award(at)
			full.margin = margin{}
			full.award(at)
			if !slices.Equal(short.got, full.got) {
				t.Fatalf("seed %d: seat %d of %d over %+v went elsewhere", seed, at, n, claims)
			}
			if at%16 > 0 || len(full.ready.items) == 0 {
				continue
			}
			next := full.ready.items[0].claim
			if until, tight := full.tight(at+1, next); tight && until > at && full.settled(at+1, next) {
				t.Fatalf("seed %d: after seat %d of %d over %+v claim %d is tight until %d, yet settled", seed, at, n, claims, next, until)
			}
		}
	}
}

// Where a seat of the highest priority would leave someone below quota later,
// the rule has to look ahead; see that the cases above contain such ones.
func TestApportionLooksAhead(t *testing.T) {
	claims := []claim{{weight: 10, hi: unbounded}}
	for range 10 {
		claims = append(claims, claim{weight: 1, hi: unbounded, tie: uint64(len(claims))})
	}
	held := apportioned(10, claims)
	if diff := cmp.Diff([]int64{5, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0}, held); diff != "" {
		t.Error(diff)
	}
}
