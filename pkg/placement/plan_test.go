// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func of(n int64) *int64 { return &n }

// lines renders a result as a person would write it down.
func lines(r Result) string {
	var b strings.Builder
	for _, a := range r.Assignments {
		fmt.Fprintf(&b, "%s %d %s: %s\n", a.Name, a.Replicas, a.Code, a.Reason)
	}
	fmt.Fprintf(&b, "%s", r.Outcome)
	if r.Unplaced > 0 {
		fmt.Fprintf(&b, " %d", r.Unplaced)
	}
	return b.String()
}

func TestPlanWorkedExamples(t *testing.T) {
	for _, tc := range []struct {
		name     string
		replicas int64
		keep     bool // rebalancing is off
		clusters []Cluster
		want     string
	}{{
		name:     "weights divide evenly",
		replicas: 30,
		clusters: []Cluster{{Name: "a", Weight: 1}, {Name: "b", Weight: 2}, {Name: "c", Weight: 3}},
		want: `a 5 Share: weight 1 of 6
b 10 Share: weight 2 of 6
c 15 Share: weight 3 of 6
Placed`,
	}, {
		name:     "two replicas spread for safety",
		replicas: 2,
		clusters: []Cluster{{Name: "a", Weight: 2}, {Name: "b", Weight: 1}},
		want: `a 1 Share: weight 2 of 3
b 1 Share: weight 1 of 3
Placed`,
	}, {
		name:     "a share below one replica",
		replicas: 1,
		clusters: []Cluster{{Name: "a", Weight: 2}, {Name: "b", Weight: 1}},
		want: `a 1 Share: weight 2 of 3
b 0 Share: weight 1 of 3: less than one replica
Placed`,
	}, {
		name:     "one dominant weight stays at its share",
		replicas: 10,
		clusters: []Cluster{{Name: "a", Weight: 4}, {Name: "b", Weight: 1}, {Name: "c", Weight: 1}, {Name: "d", Weight: 1}, {Name: "e", Weight: 1}},
		want: `a 5 Share: weight 4 of 8
b 1 Share: weight 1 of 8
c 1 Share: weight 1 of 8
d 2 Share: weight 1 of 8
e 1 Share: weight 1 of 8
Placed`,
	}, {
		name:     "weights in hundredths",
		replicas: 30,
		clusters: []Cluster{{Name: "a", Weight: 2 * 150}, {Name: "b", Weight: 1 * 100}, {Name: "c", Weight: 1 * 50}},
		want: `a 20 Share: weight 6 of 9
b 7 Share: weight 2 of 9
c 3 Share: weight 1 of 9
Placed`,
	}, {
		name:     "the largest weights",
		replicas: MaxReplicas,
		clusters: []Cluster{{Name: "a", Weight: MaxWeight}, {Name: "b", Weight: MaxWeight - 1}, {Name: "c", Weight: 1, Max: of(MaxReplicas)}},
		want: `a 500000 Share: weight 21689584834700 of 43379169669400
b 500000 Share: weight 21689584834699 of 43379169669400
c 0 Share: weight 1 of 43379169669400: less than one replica
Placed`,
	}, {
		name:     "drained",
		replicas: 6,
		clusters: []Cluster{{Name: "a", Weight: 0, Min: 2, Current: 3}, {Name: "b", Weight: 1}, {Name: "c", Weight: 1}},
		want: `a 0 Drained: weight 0: drained
b 3 Share: weight 1 of 2
c 3 Share: weight 1 of 2
Placed`,
	}, {
		name:     "all drained keeps what runs",
		replicas: 6,
		clusters: []Cluster{{Name: "a", Current: 3}, {Name: "b", Current: 1}},
		want: `a 3 Kept: stays: every weight is 0
b 1 Kept: stays: every weight is 0
AllWeightsZero 2`,
	}, {
		name:     "maximum and capacity spill to the others",
		replicas: 12,
		clusters: []Cluster{{Name: "a", Weight: 1, Max: of(2)}, {Name: "b", Weight: 1, Max: of(9), Capacity: of(3)}, {Name: "c", Weight: 1}, {Name: "d", Weight: 1, Capacity: of(100)}},
		want: `a 2 Maximum: maximum 2 reached
b 3 Capacity: room for 3 only
c 3 Share: weight 1 of 2 among the clusters that are not at a limit
d 4 Share: weight 1 of 2 among the clusters that are not at a limit
Placed`,
	}, {
		name:     "more than fits",
		replicas: 12,
		clusters: []Cluster{{Name: "a", Weight: 1, Max: of(2)}, {Name: "b", Weight: 1, Capacity: of(0)}},
		want: `a 2 Maximum: maximum 2 reached
b 0 Capacity: room for 0 only
Unplaced 10`,
	}, {
		name:     "minimum above the share",
		replicas: 10,
		clusters: []Cluster{{Name: "a", Weight: 1, Min: 4}, {Name: "b", Weight: 9}},
		want: `a 4 Minimum: minimum 4
b 6 Share: weight 9 of 9 among the clusters that are not at a limit
Placed`,
	}, {
		name:     "a minimum and a maximum that are the share",
		replicas: 12,
		clusters: []Cluster{{Name: "a", Weight: 1, Min: 2}, {Name: "b", Weight: 2, Max: of(4)}, {Name: "c", Weight: 3}},
		want: `a 2 Share: weight 1 of 6
b 4 Share: weight 2 of 6
c 6 Share: weight 3 of 6
Placed`,
	}, {
		name:     "minimum never beats maximum",
		replicas: 10,
		clusters: []Cluster{{Name: "a", Weight: 1, Min: 6, Max: of(2)}, {Name: "b", Weight: 1}},
		want: `a 2 Maximum: maximum 2 reached
b 8 Share: weight 1 of 1 among the clusters that are not at a limit
Placed`,
	}, {
		name:     "minimums that ask too much",
		replicas: 5,
		clusters: []Cluster{{Name: "a", Weight: 1, Min: 1}, {Name: "b", Weight: 1, Min: 8}, {Name: "c", Weight: 9}},
		want: `a 1 Minimum: minimum 1
b 4 MinimumUnmet: minimum 8 not met: the minimums add up to 9, replicas to 5
c 0 NotNeeded: minimums elsewhere take every replica
MinimumsInfeasible`,
	}, {
		name:     "priority overflows",
		replicas: 10,
		clusters: []Cluster{{Name: "a", Weight: 1, Priority: 2, Capacity: of(6)}, {Name: "b", Weight: 1, Priority: 1}, {Name: "c", Weight: 1, Priority: 1}, {Name: "d", Weight: 5}},
		want: `a 6 Capacity: room for 6 only
b 2 Overflow: higher priorities are full: weight 1 of 2
c 2 Overflow: higher priorities are full: weight 1 of 2
d 0 NotNeeded: higher priorities hold every replica
Placed`,
	}, {
		name:     "a minimum comes before priority",
		replicas: 10,
		clusters: []Cluster{{Name: "a", Weight: 1, Priority: 1}, {Name: "b", Weight: 1, Min: 2}},
		want: `a 8 Share: weight 1 of 1
b 2 Minimum: minimum 2
Placed`,
	}, {
		name:     "who joins pulls nothing over",
		replicas: 10, keep: true,
		clusters: []Cluster{{Name: "a", Weight: 1, Current: 5}, {Name: "b", Weight: 1, Current: 5}, {Name: "c", Weight: 1}},
		want: `a 5 Kept: stays: rebalancing is off
b 5 Kept: stays: rebalancing is off
c 0 Kept: below its share: rebalancing is off, and what runs elsewhere stays
Placed`,
	}, {
		name:     "the difference goes to who is most below its share",
		replicas: 12, keep: true,
		clusters: []Cluster{{Name: "a", Weight: 1, Current: 5}, {Name: "b", Weight: 1, Current: 5}, {Name: "c", Weight: 1}},
		want: `a 5 Kept: stays: rebalancing is off
b 5 Kept: stays: rebalancing is off
c 2 Kept: below its share: rebalancing is off, and what runs elsewhere stays
Placed`,
	}, {
		name:     "the difference comes from who is most above its share",
		replicas: 9, keep: true,
		clusters: []Cluster{{Name: "a", Weight: 1, Current: 8}, {Name: "b", Weight: 1, Current: 3}, {Name: "c", Weight: 1, Current: 1}},
		want: `a 5 Kept: stays: rebalancing is off
b 3 Share: weight 1 of 3
c 1 Kept: below its share: rebalancing is off, and what runs elsewhere stays
Placed`,
	}, {
		name:     "what is drained or capped goes elsewhere",
		replicas: 9, keep: true,
		clusters: []Cluster{{Name: "a", Weight: 0, Current: 3}, {Name: "b", Weight: 1, Current: 3, Capacity: of(2)}, {Name: "c", Weight: 1, Current: 3}},
		want: `a 0 Drained: weight 0: drained
b 2 Capacity: room for 2 only
c 7 Share: weight 1 of 1 among the clusters that are not at a limit
Placed`,
	}, {
		name:     "scaling down empties the lowest priority first",
		replicas: 5, keep: true,
		clusters: []Cluster{{Name: "a", Weight: 1, Priority: 1, Current: 4}, {Name: "b", Weight: 1, Current: 4}},
		want: `a 4 Kept: below its share: rebalancing is off, and what runs elsewhere stays
b 1 Kept: stays: rebalancing is off
Placed`,
	}, {
		name:     "nothing asked for",
		clusters: []Cluster{{Name: "a", Weight: 1, Min: 1, Current: 4}},
		want: `a 0 NoReplicas: no replicas asked for
MinimumsInfeasible`,
	}, {
		name:     "nobody to ask",
		replicas: 3,
		want:     `NoClusters 3`,
	}} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Plan(Request{Key: "deployment/default/web", Replicas: tc.replicas, Clusters: tc.clusters, Rebalance: !tc.keep})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, lines(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPlanSpread(t *testing.T) {
	in := func(zone string) map[string]string { return map[string]string{"zone": zone, "region": zone[:2]} }
	tests := []struct {
		name     string
		replicas int64
		keep     bool // rebalancing is off
		spread   []Spread
		clusters []Cluster
		want     string
		domains  []int64
	}{{
		name:     "a domain of little weight gets one",
		replicas: 4,
		spread:   []Spread{{"region", 2}},
		clusters: []Cluster{{Name: "a", Weight: 50, Domains: in("eu-1")}, {Name: "b", Weight: 50, Domains: in("eu-2")}, {Name: "c", Weight: 1, Domains: in("us-1")}, {Name: "d", Weight: 2, Domains: in("us-1")}},
		want: `a 1 Share: weight 50 of 101 among the clusters that are not at a limit
b 2 Share: weight 50 of 101 among the clusters that are not at a limit
c 0 Share: weight 1 of 101 among the clusters that are not at a limit: less than one replica
d 1 Spread: one replica for region us: at least 2 must have one
Placed`,
		domains: []int64{2},
	}, {
		name:     "what the shares spread anyway stays as it is",
		replicas: 6,
		spread:   []Spread{{"region", 2}, {"zone", 3}},
		clusters: []Cluster{{Name: "a", Weight: 1, Domains: in("eu-1")}, {Name: "b", Weight: 2, Domains: in("eu-2")}, {Name: "c", Weight: 3, Domains: in("us-1")}},
		want: `a 1 Share: weight 1 of 6
b 2 Share: weight 2 of 6
c 3 Share: weight 3 of 6
Placed`,
		domains: []int64{2, 3},
	}, {
		name:     "with fewer replicas than domains each has its own",
		replicas: 2,
		spread:   []Spread{{"zone", 3}, {"region", 2}},
		clusters: []Cluster{{Name: "a", Weight: 9, Domains: in("eu-1")}, {Name: "b", Weight: 9, Domains: in("eu-2")}, {Name: "c", Weight: 1, Domains: in("us-1")}},
		want: `a 0 NotNeeded: other domains come first and take every replica
b 1 Spread: one replica for region eu: at least 2 must have one
c 1 Spread: one replica for region us: at least 2 must have one
Placed`,
		domains: []int64{2, 2},
	}, {
		name:     "too few domains",
		replicas: 4,
		spread:   []Spread{{"region", 3}},
		clusters: []Cluster{{Name: "a", Weight: 1, Domains: in("eu-1")}, {Name: "b", Weight: 1, Domains: in("us-1")}, {Name: "c", Domains: in("ap-1")}, {Name: "d", Weight: 1, Capacity: of(0), Domains: in("sa-1")}, {Name: "e", Weight: 2}},
		want: `a 1 Share: weight 1 of 4 among the clusters that are not at a limit
b 1 Share: weight 1 of 4 among the clusters that are not at a limit
c 0 Drained: weight 0: drained
d 0 Capacity: room for 0 only
e 2 Share: weight 2 of 4 among the clusters that are not at a limit
SpreadUnsatisfiable`,
		domains: []int64{2},
	}, {
		name:     "domains of lower priority come last",
		replicas: 8,
		spread:   []Spread{{"region", 2}},
		clusters: []Cluster{{Name: "a", Weight: 9, Priority: 1, Domains: in("eu-1")}, {Name: "b", Weight: 1, Priority: 1, Domains: in("us-1")}, {Name: "c", Weight: 90, Domains: in("ap-1")}},
		want: `a 7 Share: weight 9 of 9 among the clusters that are not at a limit
b 1 Spread: one replica for region us: at least 2 must have one
c 0 NotNeeded: higher priorities hold every replica
Placed`,
		domains: []int64{2},
	}, {
		name:     "only a lower priority has another domain",
		replicas: 8,
		spread:   []Spread{{"region", 2}},
		clusters: []Cluster{{Name: "a", Weight: 1, Priority: 1, Domains: in("eu-1")}, {Name: "b", Weight: 1, Domains: in("us-1")}},
		want: `a 7 Share: weight 1 of 1
b 1 Spread: one replica for region us: at least 2 must have one
Placed`,
		domains: []int64{2},
	}, {
		name:     "the spread comes before minimums",
		replicas: 3,
		spread:   []Spread{{"region", 2}},
		clusters: []Cluster{{Name: "a", Weight: 9, Min: 3, Domains: in("eu-1")}, {Name: "b", Weight: 1, Domains: in("us-1")}},
		want: `a 2 MinimumUnmet: minimum 3 not met: the minimums and the spread add up to 4, replicas to 3
b 1 Spread: one replica for region us: at least 2 must have one
MinimumsInfeasible`,
		domains: []int64{2},
	}, {
		name:     "who is spread already stays",
		replicas: 4, keep: true,
		spread:   []Spread{{"region", 2}},
		clusters: []Cluster{{Name: "a", Weight: 9, Domains: in("eu-1")}, {Name: "b", Weight: 1, Current: 3, Domains: in("eu-1")}, {Name: "c", Weight: 9, Domains: in("us-1")}, {Name: "d", Weight: 1, Current: 1, Domains: in("us-1")}},
		want: `a 0 Kept: below its share: rebalancing is off, and what runs elsewhere stays
b 3 Kept: stays: rebalancing is off
c 0 Kept: below its share: rebalancing is off, and what runs elsewhere stays
d 1 Spread: one replica for region us: at least 2 must have one
Placed`,
		domains: []int64{2},
	}, {
		name:     "the spread moves what runs",
		replicas: 4, keep: true,
		spread:   []Spread{{"region", 2}},
		clusters: []Cluster{{Name: "a", Weight: 1, Current: 4, Domains: in("eu-1")}, {Name: "b", Weight: 1, Domains: in("us-1")}},
		want: `a 3 Kept: stays: rebalancing is off
b 1 Kept: below its share: rebalancing is off, and what runs elsewhere stays
Placed`,
		domains: []int64{2},
	}}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got := plan(t, Request{Key: "deployment/default/web", Replicas: tc.replicas, Clusters: tc.clusters, Spread: tc.spread, Rebalance: !tc.keep})
			if diff := cmp.Diff(tc.want, lines(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			var domains []int64
			for _, c := range got.Spread {
				domains = append(domains, c.Domains)
			}
			if diff := cmp.Diff(tc.domains, domains); diff != "" {
				t.Errorf("domains: -want +got:\n%s", diff)
			}
		})
	}
}

func TestPlanLeavesNoneOfTenEqualEmptyAtEleven(t *testing.T) {
	r := Request{Replicas: 11, Rebalance: true}
	for i := range 10 {
		r.Clusters = append(r.Clusters, Cluster{Name: fmt.Sprint(i), Weight: 7})
	}
	counts := map[int64]int{}
	for _, a := range plan(t, r).Assignments {
		counts[a.Replicas]++
	}
	if diff := cmp.Diff(map[int64]int{1: 9, 2: 1}, counts); diff != "" {
		t.Error(diff)
	}
}

func TestPlanReadsRequestFromJSON(t *testing.T) {
	var r Request
	err := json.Unmarshal([]byte(`{"replicas":10,"key":"default/web","clusters":[
		{"name":"a","weight":2,"min":0,"max":5,"current":3,"capacity":8},{"name":"b","weight":1,"priority":-1,"domains":{"region":"eu"}}],
		"spread":[{"topology":"region","minDomains":1}],"rebalance":true}`), &r)
	if err != nil {
		t.Fatal(err)
	}
	want := `a 5 Maximum: maximum 5 reached
b 5 Overflow: higher priorities are full: weight 1 of 1
Placed`
	if diff := cmp.Diff(want, lines(plan(t, r))); diff != "" {
		t.Error(diff)
	}
}

func tooHeavy() []Cluster {
	clusters := make([]Cluster, 1+maxWeights/MaxWeight)
	for i := range clusters {
		clusters[i] = Cluster{Name: fmt.Sprint(i), Weight: MaxWeight}
	}
	return clusters
}

func TestPlanRefusesWhatItCannotAnswer(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    Request
		want string
	}{
		{"replicas below 0", Request{Replicas: -1}, "replicas is -1: use 0 to 1000000"},
		{"too many replicas", Request{Replicas: MaxReplicas + 1}, "replicas is 1000001: use 0 to 1000000"},
		{"no name", Request{Clusters: []Cluster{{Weight: 1}}}, "a cluster has no name: give it one"},
		{"the same name twice", Request{Clusters: []Cluster{{Name: "a"}, {Name: "b"}, {Name: "a"}}}, `cluster "a" is listed twice: list it once`},
		{"weight below 0", Request{Clusters: []Cluster{{Name: "a", Weight: -1}}}, `cluster "a" has weight -1: use 0 to 21689584834700`},
		{"weight too large", Request{Clusters: []Cluster{{Name: "a", Weight: 1 << 45}}}, `cluster "a" has weight 35184372088832: use 0 to 21689584834700`},
		{"min below 0", Request{Clusters: []Cluster{{Name: "a", Min: -2}}}, `cluster "a" has min -2: use 0 or more`},
		{"max below 0", Request{Clusters: []Cluster{{Name: "a", Max: of(-2)}}}, `cluster "a" has max -2: use 0 or more`},
		{"capacity below 0", Request{Clusters: []Cluster{{Name: "a", Capacity: of(-2)}}}, `cluster "a" has capacity -2: use 0 or more`},
		{"weights too large together", Request{Clusters: tooHeavy()}, "the weights add up to more than 2305843009213693952: use smaller ones"},
		{"spread over nothing", Request{Spread: []Spread{{MinDomains: 2}}}, "a spread has no topology: give it one"},
		{"spread twice", Request{Spread: []Spread{{"zone", 2}, {"zone", 3}}}, `topology "zone" is spread over twice: list it once`},
		{"spread below 0", Request{Spread: []Spread{{"zone", -2}}}, `the spread over "zone" has minDomains -2: use 0 or more`},
		{"current below 0", Request{Clusters: []Cluster{{Name: "a", Current: -2}}}, `cluster "a" has current -2: use 0 or more`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Plan(tc.r)
			if !errors.Is(err, ErrInvalid) {
				t.Fatalf("got %v, want an ErrInvalid", err)
			}
			if got := strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": "); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
