// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"math"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// located is where a cluster is, as "continent/region/zone".
func located(where string) func(*v1alpha1.Cluster) {
	return func(c *v1alpha1.Cluster) {
		parts := strings.Split(where, "/")
		c.Status.Location = v1alpha1.Location{Continent: parts[0], Region: parts[1], Zone: parts[2]}
	}
}

// preferring gives the clusters with the label tier a share more or less, in per cent: "gold", 50, "gold", -20.
func preferring(preferences ...any) func(*v1alpha1.PlacementPolicySpec) {
	return func(s *v1alpha1.PlacementPolicySpec) {
		s.ClusterAffinity = &v1alpha1.ClusterAffinity{}
		for i := 0; i < len(preferences); i += 2 {
			p := v1alpha1.PreferredClusters{Weight: int32(preferences[i+1].(int))}
			if tier := preferences[i].(string); tier != "" {
				p.Selector.MatchLabels = map[string]string{"tier": tier}
			}
			s.ClusterAffinity.Preferred = append(s.ClusterAffinity.Preferred, p)
		}
	}
}

func TestPreferredClusters(t *testing.T) {
	gold, iron := member("gold", labelled("tier", "gold")), member("iron", labelled("tier", "iron"))
	for _, tt := range []struct {
		name             string
		replicas         int32
		policy           *v1alpha1.PlacementPolicy
		placed, excluded string
		problem          string
	}{
		{"half as much again", 5, policyWith(preferring("gold", 50)), "gold=3 iron=2", "", ""},
		{"of the weight that it has", 8, policyWith(preferring("gold", 100), weight("gold", 3), weight("iron", 2)), "gold=6 iron=2", "", ""},
		{"half as much", 6, policyWith(preferring("gold", -50)), "gold=2 iron=4", "", ""},
		{"by one per cent", 199, policyWith(preferring("gold", -1)), "gold=99 iron=100", "", ""},
		{"the sum of what matches", 6, policyWith(preferring("gold", 50, "gold", 50)), "gold=4 iron=2", "", ""},
		{"the sum, and not what does not match", 6, policyWith(preferring("gold", 100, "lead", 100)), "gold=4 iron=2", "", ""},
		{"more and less", 6, policyWith(preferring("gold", 100, "gold", -100)), "gold=3 iron=3", "", ""},
		{"all alike is no preference", 6, policyWith(preferring("", 100)), "gold=3 iron=3", "", ""},
		{"all alike, and one of them", 5, policyWith(preferring("", -50, "gold", 25)), "gold=3 iron=2", "", ""},
		{"nothing is left", 6, policyWith(preferring("gold", -100)), "iron=6", "gold:ClusterAffinity", ""},
		{"less than nothing is left", 6, policyWith(preferring("gold", -60, "gold", -60)), "iron=6", "gold:ClusterAffinity", ""},
		{"what was drained is drained", 6, policyWith(preferring("gold", -100), weight("gold", 0), weight("iron", 1)), "iron=6", "gold:Drained", ""},
		{"and stays so if it is preferred", 6, policyWith(preferring("gold", 100), weight("gold", 0), weight("iron", 1)), "iron=6", "gold:Drained", ""},
		{"nothing is left of any", 6, policyWith(preferring("", -100)), "", "gold:ClusterAffinity iron:ClusterAffinity", "NoClusters"},
		{"the greatest weights", 3, policyWith(preferring("gold", 100), weight("gold", math.MaxInt32), weight("iron", math.MaxInt32)), "gold=2 iron=1", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := divide(web(1, tt.replicas), tt.policy, []*v1alpha1.Cluster{gold, iron}, nil, now)
			want := []string{tt.placed, tt.excluded, tt.problem}
			if diff := gocmp.Diff(want, []string{places(got), leavesOut(got), got.Problem}); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
		})
	}
	moved, _ := divide(web(1, 4), policyWith(preferring("gold", -100)), []*v1alpha1.Cluster{gold, iron}, running("gold=2", "iron=2"), now)
	if places(moved) != "iron=4" || moved.Excluded[0].Reason != "preferences leave nothing of its weight" {
		t.Errorf("what runs where nothing is left: %s, %+v", places(moved), moved.Excluded)
	}
}

// beside has a workload follow db, or keep apart from it.
func beside(topology v1alpha1.Topology, weight int32, required bool, clusters ...string) Neighbour {
	return Neighbour{Clusters: clusters, WorkloadAffinity: v1alpha1.WorkloadAffinity{
		Workload: v1alpha1.AffineWorkload{Kind: "Deployment", Name: "db"}, Topology: topology, Weight: ptr.To(weight), Required: required,
	}}
}

func TestWorkloadAffinity(t *testing.T) {
	clusters := []*v1alpha1.Cluster{
		member("east-1", located("america/us-east/a")), member("east-2", located("america/us-east/b")),
		member("west", located("america/us-west/c")), member("eu", located("europe/eu-central/d")),
		member("dark"),
	}
	for _, tt := range []struct {
		name       string
		neighbours []Neighbour
		replicas   int32
		placed     string
	}{
		{"follows onto the cluster", []Neighbour{beside("cluster", 100, true, "east-1")}, 12, "east-1=12"},
		{"follows into the zone", []Neighbour{beside("zone", 100, true, "east-1")}, 12, "east-1=12"},
		{"follows into the region", []Neighbour{beside("region", 100, true, "east-1")}, 12, "east-1=6 east-2=6"},
		{"follows onto the continent", []Neighbour{beside("continent", 100, true, "east-1")}, 12, "east-1=4 east-2=4 west=4"},
		{"follows however little it is weighted", []Neighbour{beside("region", 1, true, "east-1")}, 12, "east-1=6 east-2=6"},
		{"follows to several", []Neighbour{beside("region", 100, true, "east-1", "eu")}, 12, "east-1=4 east-2=4 eu=4"},
		{"keeps apart from the cluster", []Neighbour{beside("cluster", -100, true, "east-1")}, 12, "dark=3 east-2=3 eu=3 west=3"},
		{"keeps apart from the zone", []Neighbour{beside("zone", -100, true, "east-1")}, 12, "dark=3 east-2=3 eu=3 west=3"},
		{"keeps apart from the region", []Neighbour{beside("region", -1, true, "east-1")}, 12, "dark=4 eu=4 west=4"},
		{"keeps apart from the continent", []Neighbour{beside("continent", -100, true, "east-1")}, 12, "dark=6 eu=6"},
		{"keeps apart from everywhere", []Neighbour{beside("cluster", -100, true, "dark", "east-1", "east-2", "eu", "west")}, 12, ""},

		{"waits for what it follows", []Neighbour{beside("region", 100, true)}, 12, ""},
		{"does not wait for what it keeps apart from", []Neighbour{beside("region", -100, true)}, 10, "dark=2 east-1=2 east-2=2 eu=2 west=2"},
		{"does not wait for what it only likes", []Neighbour{beside("region", 100, false)}, 10, "dark=2 east-1=2 east-2=2 eu=2 west=2"},

		{"nobody is known to be near where the place is not known", []Neighbour{beside("region", 100, true, "dark")}, 12, ""},
		{"nor to be in the way", []Neighbour{beside("region", -100, true, "dark")}, 10, "dark=2 east-1=2 east-2=2 eu=2 west=2"},
		{"the name is always known", []Neighbour{beside("cluster", 100, true, "dark")}, 12, "dark=12"},
		{"on a cluster that left", []Neighbour{beside("region", 100, true, "gone")}, 12, ""},

		{"likes to be near", []Neighbour{beside("region", 100, false, "east-1")}, 14, "dark=2 east-1=4 east-2=4 eu=2 west=2"},
		{"likes to be apart", []Neighbour{beside("cluster", -50, false, "east-1")}, 9, "dark=2 east-1=1 east-2=2 eu=2 west=2"},
		{"likes not to be near at all", []Neighbour{beside("continent", -100, false, "east-1")}, 4, "dark=2 eu=2"},
		{"is near or not, not near twice", []Neighbour{beside("region", 100, false, "east-1", "east-2")}, 14, "dark=2 east-1=4 east-2=4 eu=2 west=2"},
		{"a weight left open is the whole", []Neighbour{{WorkloadAffinity: v1alpha1.WorkloadAffinity{Topology: "cluster"}, Clusters: []string{"eu"}}}, 12, "dark=2 east-1=2 east-2=2 eu=4 west=2"},

		{"near one and apart from another", []Neighbour{beside("region", 100, true, "east-1"), beside("cluster", -100, true, "east-1")}, 12, "east-2=12"},
		{"near both, which are apart", []Neighbour{beside("region", 100, true, "east-1"), beside("region", 100, true, "eu")}, 12, ""},
		{"likes both", []Neighbour{beside("region", 100, false, "east-1"), beside("cluster", 100, false, "east-1")}, 8, "dark=1 east-1=3 east-2=2 eu=1 west=1"},
		{"must be near one, and likes another", []Neighbour{beside("region", 100, true, "east-1"), beside("cluster", 100, false, "east-2")}, 6, "east-1=2 east-2=4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := Inputs{Policy: policyWith(nil), Clusters: clusters, Neighbours: tt.neighbours, Now: now}
			got, _ := Divide(Workload{Key: "deployment/default/web", Generation: 1, Replicas: tt.replicas}, in)
			if diff := gocmp.Diff(tt.placed, places(got)); diff != "" {
				t.Errorf("placed (-want +got):\n%s", diff)
			}
			if (tt.placed == "") != (got.Problem == "NoClusters") {
				t.Errorf("problem %q: %s", got.Problem, got.ProblemMessage)
			}
		})
	}
}

// Why a cluster is left out for another workload's sake says which workload it is.
func TestWorkloadAffinityReasons(t *testing.T) {
	east, west := member("east", located("america/us-east/a")), member("west", located("america/us-west/c"))
	for _, tt := range []struct {
		neighbour Neighbour
		want      v1alpha1.ClusterExclusion
	}{
		{beside("region", 100, true, "east"), v1alpha1.ClusterExclusion{Name: "west", Code: "WorkloadAffinity", Reason: "Deployment db is not in the same region"}},
		{beside("zone", -100, true, "west"), v1alpha1.ClusterExclusion{Name: "west", Code: "WorkloadAffinity", Reason: "keeps apart from Deployment db in the same zone"}},
	} {
		got, _ := Divide(Workload{Replicas: 2}, Inputs{Clusters: []*v1alpha1.Cluster{east, west}, Neighbours: []Neighbour{tt.neighbour}, Now: now})
		if diff := gocmp.Diff([]v1alpha1.ClusterExclusion{tt.want}, got.Excluded); diff != "" {
			t.Errorf("excluded (-want +got):\n%s", diff)
		}
	}
	waits := Inputs{Clusters: []*v1alpha1.Cluster{east}, Neighbours: []Neighbour{beside("region", 100, true)}, Current: running("east=2"), Now: now}
	got, _ := Divide(Workload{Replicas: 2, Generation: 2}, waits)
	if want := "no cluster may take the workload: east: waits for Deployment db, which is not placed"; got.ProblemMessage != want || places(got) != "east=2" {
		t.Errorf("placed %s, and %q; want what runs to stay, and %q", places(got), got.ProblemMessage, want)
	}
}

// following reads "web>db,api db>web" as who follows whom.
func following(text string) func(string) []string {
	edges := map[string][]string{}
	for _, f := range strings.Fields(text) {
		name, followed, _ := strings.Cut(f, ">")
		edges[name] = strings.Split(followed, ",")
	}
	return func(name string) []string { return edges[name] }
}

func TestCycle(t *testing.T) {
	for _, tt := range []struct{ name, follows, of, want string }{
		{"follows nobody", "", "web", ""},
		{"follows another", "web>db", "web", ""},
		{"is followed", "web>db", "db", ""},
		{"follows two that follow one", "web>api,jobs api>db jobs>db", "web", ""},
		{"follows itself", "web>web", "web", "web"},
		{"two, seen by the first", "api>web web>api", "api", "api web"},
		{"two, seen by the second", "api>web web>api", "web", "api web"},
		{"three, seen by the first", "c>a a>b b>c", "a", "a b c"},
		{"three, seen by the second", "c>a a>b b>c", "b", "a b c"},
		{"three, seen by the third", "c>a a>b b>c", "c", "a b c"},
		{"three the other way round", "a>c c>b b>a", "b", "a c b"},
		{"leads into a circle", "web>a a>b b>a", "web", ""},
		{"follows one that follows itself", "web>db db>db", "web", ""},
		{"a dead end first", "a>x,b x>y b>a", "a", "a b"},
		{"a circle beside it first", "c>a,d a>b b>a d>c", "c", "c d"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(Cycle(tt.of, following(tt.follows)), " "); got != tt.want {
				t.Errorf("cycle %q, want %q", got, tt.want)
			}
		})
	}
}

// The first of a circle follows nobody, so that the others can be placed: then there must be no circle left.
func TestCyclesAreBroken(t *testing.T) {
	broken := func(names []string, follows func(string) []string) (left string) {
		first := map[string]bool{}
		for _, name := range names {
			if c := Cycle(name, follows); len(c) > 0 && c[0] == name {
				first[name] = true
			}
		}
		for _, name := range names {
			if c := Cycle(name, func(at string) []string {
				if first[at] {
					return nil
				}
				return follows(at)
			}); len(c) > 0 {
				return strings.Join(c, " ")
			}
		}
		return ""
	}
	t.Run("two circles share a workload", func(t *testing.T) {
		if left := broken([]string{"a", "b", "c"}, following("a>b b>a,c c>b")); left != "" {
			t.Errorf("%s follow each other still, and wait for each other for ever", left)
		}
	})
	t.Run("any", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			names := []string{"a", "b", "c", "d", "e"}[:rapid.IntRange(1, 5).Draw(t, "workloads")]
			edges := map[string][]string{}
			for _, name := range names {
				edges[name] = rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, min(2, len(names)), rapid.ID[string]).Draw(t, name+" follows")
			}
			follows := func(name string) []string { return edges[name] }
			for _, name := range names {
				c := Cycle(name, follows)
				if len(c) == 0 {
					continue
				}
				if !slices.Contains(c, name) || c[0] != slices.Min(c) {
					t.Errorf("the circle %v that %s is in does not have it, or does not begin with the first", c, name)
				}
				for i, at := range c {
					if next := c[(i+1)%len(c)]; !slices.Contains(follows(at), next) {
						t.Errorf("%v: %s does not follow %s", c, at, next)
					}
				}
			}
			if left := broken(names, follows); left != "" {
				t.Errorf("%s follow each other still: %v", left, edges)
			}
		})
	})
}

// A circle is a problem of the first in it, which is placed as if it followed nobody.
func TestCycleIsToldOf(t *testing.T) {
	in := Inputs{Clusters: []*v1alpha1.Cluster{member("a"), member("b")}, Cycle: []string{"api", "web"}, Now: now}
	got, _ := Divide(Workload{Replicas: 4}, in)
	want := "the workloads follow each other in a circle (api → web → api), so api follows nobody: take one workloadAffinity out"
	if places(got) != "a=2 b=2" || got.Problem != "AffinityCycle" || got.ProblemMessage != want {
		t.Errorf("placed %s, problem %s: %s", places(got), got.Problem, got.ProblemMessage)
	}
	in.Clusters = nil
	if got, _ = Divide(Workload{Replicas: 4}, in); got.Problem != "NoClusters" {
		t.Errorf("a worse problem is hidden by %s", got.Problem)
	}
}

// related draws a decision that also depends on labels, locations, preferences, spread and other workloads.
func related(t *rapid.T) (Workload, Inputs) {
	d, policy, clusters, current := situation(t)
	if policy == nil {
		policy = policyWith(nil)
	}
	for _, c := range clusters {
		region := rapid.SampledFrom([]string{"", "r0", "r1", "r2"}).Draw(t, "region")
		c.Status.Location = v1alpha1.Location{Region: region, Continent: strings.Trim(region, "012")}
		if rapid.Bool().Draw(t, "labelled") {
			c.Labels = map[string]string{"tier": rapid.SampledFrom([]string{"gold", "iron"}).Draw(t, "tier"), "env": "prod"}
		}
	}
	percent := rapid.Int32Range(-100, 100)
	for range rapid.IntRange(0, 3).Draw(t, "preferences") {
		if policy.Spec.ClusterAffinity == nil {
			policy.Spec.ClusterAffinity = &v1alpha1.ClusterAffinity{}
		}
		policy.Spec.ClusterAffinity.Preferred = append(policy.Spec.ClusterAffinity.Preferred, v1alpha1.PreferredClusters{
			Weight: percent.Draw(t, "preference"), Selector: metav1.LabelSelector{MatchLabels: map[string]string{"tier": rapid.SampledFrom([]string{"gold", "iron"}).Draw(t, "preferred")}},
		})
	}
	for _, topology := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"cluster", "region", "continent", "tier"}), 0, 2, rapid.ID[string]).Draw(t, "spread") {
		policy.Spec.Spread = append(policy.Spec.Spread, v1alpha1.Spread{Topology: topology, MinDomains: rapid.Int32Range(1, 4).Draw(t, "domains")})
	}
	in := Inputs{Policy: policy, Clusters: clusters, Current: current, Now: now}
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "neighbours") {
		n := beside(rapid.SampledFrom([]v1alpha1.Topology{"cluster", "zone", "region", "continent"}).Draw(t, "topology"), percent.Draw(t, "affinity"), rapid.Bool().Draw(t, "required"))
		for _, c := range clusters {
			if rapid.Bool().Draw(t, "neighbour in "+c.Name) {
				n.Clusters = append(n.Clusters, c.Name)
			}
		}
		in.Neighbours = append(in.Neighbours, n)
	}
	return Workload{Key: "deployment/default/web", Generation: d.Generation, Replicas: *d.Spec.Replicas}, in
}

// With affinities and spread, too, every cluster and every replica is accounted for, once.
func TestRelatedWorkloadsAreAccountedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, in := related(t)
		got, _ := Divide(w, in)
		seen, placed := map[string]int{}, got.Unplaced
		for _, a := range got.Clusters {
			seen[a.Name]++
			placed += *a.Replicas
		}
		for _, e := range got.Excluded {
			seen[e.Name]++
			if e.Code == "" || e.Reason == "" {
				t.Errorf("no reason for %+v", e)
			}
		}
		for _, c := range in.Clusters {
			if seen[c.Name] != 1 {
				t.Errorf("cluster %s is mentioned %d times: placed %s, excluded %s, problem %q", c.Name, seen[c.Name], places(got), leavesOut(got), got.Problem)
			}
		}
		if kept := got.Problem == "NoClusters" || got.Problem == "AllWeightsZero"; placed != w.Replicas && !(kept && placed > w.Replicas && got.Unplaced == 0) {
			t.Errorf("%d of %d are placed or said not to be: %s", placed, w.Replicas, places(got))
		}
		if (got.Problem == "") != (got.ProblemMessage == "") {
			t.Errorf("problem %q is explained by %q", got.Problem, got.ProblemMessage)
		}
	})
}

func TestRelatedWorkloadsStayWhereTheyAre(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, in := related(t)
		if in.Policy.Spec.Rebalance.Mode == v1alpha1.RebalanceAutomatic {
			in.Policy.Spec.Rebalance.MaxMovesPerMinute = ptr.To[int32](math.MaxInt32) // comes to an end at once
		}
		before := candidateNames(w, in)
		first, _ := Divide(w, in)
		in.Current = &first
		// A cluster that takes nothing new, and has given up what it had, is no candidate any more, nor covers its domain.
		same := slices.Equal(candidateNames(w, in), before)
		second, _ := Divide(w, in)
		if same && places(first) != places(second) {
			t.Fatalf("%s became %s (excluded %s, then %s)", places(first), places(second), leavesOut(first), leavesOut(second))
		}
		in.Current = &second
		third, _ := Divide(w, in)
		if diff := gocmp.Diff(second, third); diff != "" {
			t.Fatalf("it does not settle (-second +third):\n%s", diff)
		}
	})
}

func candidateNames(w Workload, in Inputs) (names []string) {
	for _, c := range selectCandidates(w, in).candidates {
		names = append(names, c.Name)
	}
	return names
}

// A required affinity holds for every replica there is, unless nobody may take any.
func TestRequiredAffinityHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, in := related(t)
		got, _ := Divide(w, in)
		if got.Problem == "NoClusters" {
			return // what runs stays
		}
		for _, a := range got.Clusters {
			i := slices.IndexFunc(in.Clusters, func(c *v1alpha1.Cluster) bool { return c.Name == a.Name })
			for _, n := range in.Neighbours {
				if !n.Required || *n.Weight == 0 {
					continue
				}
				if near := n.near(in.Clusters[i], in.Clusters); near != (*n.Weight > 0) {
					t.Errorf("%s has replicas; near: %v, of a neighbour on %v with weight %d", a.Name, near, n.Clusters, *n.Weight)
				}
			}
		}
	})
}
