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
		{"name":"a","weight":2,"min":0,"max":5,"current":3,"capacity":8},{"name":"b","weight":1,"priority":-1}],"rebalance":true}`), &r)
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
		{"weight below 0", Request{Clusters: []Cluster{{Name: "a", Weight: -1}}}, `cluster "a" has weight -1: use 0 to 2147483647`},
		{"weight too large", Request{Clusters: []Cluster{{Name: "a", Weight: 1 << 31}}}, `cluster "a" has weight 2147483648: use 0 to 2147483647`},
		{"min below 0", Request{Clusters: []Cluster{{Name: "a", Min: -2}}}, `cluster "a" has min -2: use 0 or more`},
		{"max below 0", Request{Clusters: []Cluster{{Name: "a", Max: of(-2)}}}, `cluster "a" has max -2: use 0 or more`},
		{"capacity below 0", Request{Clusters: []Cluster{{Name: "a", Capacity: of(-2)}}}, `cluster "a" has capacity -2: use 0 or more`},
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
