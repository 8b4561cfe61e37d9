// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// migrating is a migration in force from one cluster to another.
func migrating(from, to string, weight int32) *v1alpha1.Migration {
	m := &v1alpha1.Migration{Spec: v1alpha1.MigrationSpec{From: from, To: to}}
	m.Name, m.Status.Phase, m.Status.Weight = "ab", v1alpha1.MigrationMoving, weight
	return m
}

// settled is what a workload comes to, as clusters do what is decided.
func settled(t interface{ Fatalf(string, ...any) }, w Workload, in Inputs) v1alpha1.PlacementSpec {
	for range 100 {
		in.Reports, in.ReportsCurrent = nil, true
		if in.Current != nil {
			in.Reports = allReady(in.Current, w.Generation)
		}
		next, _ := Decide(w, in)
		if in.Current != nil && SameClusters(in.Current.Clusters, next.Clusters) {
			return next
		}
		in.Current = &next
	}
	t.Fatalf("it does not settle: %s", assigned(*in.Current))
	return v1alpha1.PlacementSpec{}
}

// Each step moves its part of what the source would have, both parts rounded up; the last leaves the source with none.
func TestMigrationMovesReplicas(t *testing.T) {
	onlyA := policyWith(nil, weight("a", 1))
	for _, tt := range []struct {
		name     string
		policy   *v1alpha1.PlacementPolicy
		replicas int32
		clusters []*v1alpha1.Cluster
		want     map[int32]string
		blocked  string
	}{
		{"all are in the source", onlyA, 10, nil, map[int32]string{0: "a=10 b=1", 5: "a=10 b=1", 25: "a=8 b=3", 50: "a=5 b=5", 99: "a=1 b=10", 100: "a=0 b=10"}, ""},
		{"one replica", onlyA, 1, nil, map[int32]string{0: "a=1 b=1", 50: "a=1 b=1", 99: "a=1 b=1", 100: "a=0 b=1"}, ""},
		{"the target has some of its own", policyWith(nil, weight("a", 1), weight("b", 1)), 8, nil, map[int32]string{0: "a=4 b=5", 50: "a=2 b=6", 100: "a=0 b=8"}, ""},
		{"others are left alone", nil, 9, []*v1alpha1.Cluster{member("a"), member("b"), member("c")}, map[int32]string{0: "a=3 b=4 c=3", 50: "a=2 b=5 c=3", 100: "a=0 b=6 c=3"}, ""},
		{"the source has none", policyWith(nil, weight("b", 1)), 4, nil, map[int32]string{50: "b=4"}, ""},
		{
			"a maximum", policyWith(nil, weight("a", 3), v1alpha1.ClusterWeight{Name: "b", Weight: ptr.To[int64](1), MaxReplicas: ptr.To[int32](3)}), 8, nil,
			map[int32]string{25: "a=5 b=3", 100: "a=5 b=3"},
			"policy web allows 3 there",
		},
		{"a cordon", onlyA, 4, []*v1alpha1.Cluster{member("a"), member("b", cordoned)}, map[int32]string{50: "a=4"}, "cordoned: takes nothing new"},
		{"a taint", onlyA, 4, []*v1alpha1.Cluster{member("a"), member("b", tainted("k", "v", v1alpha1.TaintNoExecute))}, map[int32]string{50: "a=4"}, "taint k=v:NoExecute"},
		{"nobody is there", onlyA, 4, []*v1alpha1.Cluster{member("a")}, map[int32]string{50: "a=4"}, "the cluster is not joined"},
		{
			"none more than asked for", policyWith(func(s *v1alpha1.PlacementPolicySpec) {
				s.Move = v1alpha1.Move{MaxSurge: ptr.To(intstr.FromInt32(0)), MaxUnavailable: ptr.To(intstr.FromInt32(1))}
			}, weight("a", 1)), 10, nil,
			map[int32]string{0: "a=10", 5: "a=10", 25: "a=8 b=2", 100: "a=0 b=10"},
			"",
		},
	} {
		if tt.clusters == nil {
			tt.clusters = []*v1alpha1.Cluster{member("a"), member("b")}
		}
		w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: tt.replicas}
		for percent, want := range tt.want {
			in := Inputs{Policy: tt.policy, Clusters: tt.clusters, Now: now}
			before := settled(t, w, in)
			in.Current, in.Migration = &before, migrating("a", "b", percent)
			next := settled(t, w, in)
			if got := assigned(next); got != want {
				t.Errorf("%s, at %d %%: %s, want %s", tt.name, percent, got, want)
			}
			if tt.blocked != "" && (next.Migration == nil || next.Migration.Blocked != tt.blocked) {
				t.Errorf("%s: says %+v, want it blocked: %s", tt.name, next.Migration, tt.blocked)
			}
			in.Current, in.Migration = &next, nil
			if got := settled(t, w, in); assigned(got) != assigned(before) || got.Migration != nil {
				t.Errorf("%s, rolled back from %d %%: %s, want %s as before", tt.name, percent, assigned(got), assigned(before))
			}
		}
	}
}

// What is scaled to nothing goes where it would run.
func TestMigrationMovesWhatHasNoReplicas(t *testing.T) {
	w := Workload{Key: "deployment/default/web", Generation: 1}
	in := Inputs{Policy: policyWith(nil, weight("a", 1)), Clusters: []*v1alpha1.Cluster{member("a"), member("b")}, Current: running("a=0"), Migration: migrating("a", "b", 50), Now: now}
	if got := assigned(settled(t, w, in)); got != "a=0 b=0" {
		t.Error(got)
	}
}

// Both clusters run what is whole until clients have left; what runs by the clock runs in one, and what is on every node
// stays until the end.
func TestMigrationMovesWhatIsWhole(t *testing.T) {
	clusters := []*v1alpha1.Cluster{member("a"), member("b")}
	for _, tt := range []struct {
		name string
		w    Workload
		want map[int32]string
	}{
		{"a StatefulSet", Workload{Replicas: 3}, map[int32]string{0: "a b", 50: "a b", 99: "a b", 100: "a(idle) b"}},
		{"a CronJob", Workload{Timed: true}, map[int32]string{0: "a b(idle)", 99: "a b(idle)", 100: "a(idle) b"}},
		{"a DaemonSet", Workload{Everywhere: true}, map[int32]string{0: "a b", 100: "a b"}},
	} {
		tt.w.Key, tt.w.Whole, tt.w.Generation = "x/default/web", "runs all of it", 1
		for percent, want := range tt.want {
			next, _ := Decide(tt.w, Inputs{Policy: policyWith(nil, weight("a", 1)), Clusters: clusters, Migration: migrating("a", "b", percent), Now: now})
			var got []string
			for _, a := range next.Clusters {
				if a.Idle {
					a.Name += "(idle)"
				}
				got = append(got, a.Name)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s, at %d %%: %v, want %s", tt.name, percent, got, want)
			}
		}
	}
}

// An autoscaler at the source keeps its bounds until the target has what it begins with.
func TestMigrationDividesBounds(t *testing.T) {
	w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: 6, Autoscaler: &v1alpha1.Autoscaler{Name: "web", MinReplicas: 4, MaxReplicas: 8}}
	in := Inputs{Policy: policyWith(nil, weight("a", 1)), Clusters: []*v1alpha1.Cluster{member("a"), member("b")}, Now: now}
	bounds := func(spec v1alpha1.PlacementSpec) string {
		var out []string
		for _, a := range spec.Clusters {
			out = append(out, a.Name+"="+text(a.MinReplicas)+"-"+text(a.Replicas)+"-"+text(a.MaxReplicas))
		}
		return strings.Join(out, " ")
	}
	before, _ := Decide(w, in)
	in.Current, in.Migration = &before, migrating("a", "b", 50)
	waits, _ := Decide(w, in)
	if got, want := bounds(waits), "a=4-6-8 b=2-3-4"; got != want {
		t.Errorf("before the target is ready: %s, want %s", got, want)
	}
	in.Reports = []v1alpha1.ClusterPlacementStatus{{Name: "b", AvailableReplicas: 2}}
	if next, _ := Decide(w, in); bounds(next) != "a=2-3-4 b=2-3-4" {
		t.Errorf("when it is: %s", bounds(next))
	}
	in.Migration = migrating("a", "b", 100)
	in.Reports[0].AvailableReplicas = 4
	next, _ := Decide(w, in)
	if bounds(next) != "a=1-0-1 b=4-6-8" || !next.Clusters[0].Idle {
		t.Errorf("in the end: %s", bounds(next))
	}
}

func text(n *int32) string {
	if n == nil {
		return "?"
	}
	return strconv.Itoa(int(*n))
}

// Whatever the clusters and the policy: no replica is lost, at most one is there more than without the migration, what has
// moved stays moved as the weight grows, others are not touched, and afterwards all is as it was.
func TestMigrationsOnlyMoveForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, policy, clusters, current := situation(t)
		if policy != nil {
			// The unavailable part of a move is another test's.
			policy.Spec.Move = v1alpha1.Move{}
		}
		w := Workload{Key: "deployment/default/web", Generation: d.Generation, Replicas: *d.Spec.Replicas}
		in := Inputs{Policy: policy, Clusters: clusters, Current: current, Now: now}
		base, _ := Divide(w, in)
		low := rapid.Int32Range(0, 100).Draw(t, "low")
		high := rapid.Int32Range(low, 100).Draw(t, "high")
		at := func(percent int32) v1alpha1.PlacementSpec {
			in := in
			in.Migration = migrating("c0", "c1", percent)
			next := *base.DeepCopy()
			redirect(&next, w, in)
			return next
		}
		early, late := at(low), at(high)
		for _, next := range []v1alpha1.PlacementSpec{early, late} {
			if extra := sum(next) - sum(base); extra < 0 || extra > 1 {
				t.Fatalf("%s comes of %s", assigned(next), assigned(base))
			}
			for _, a := range base.Clusters {
				if a.Name != "c0" && a.Name != "c1" && ptr.Deref(workload.Share(&next, a.Name).Replicas, 0) != *a.Replicas {
					t.Fatalf("another cluster is touched: %s comes of %s", assigned(next), assigned(base))
				}
			}
			if undone := withoutMigration(&next, nil); assigned(*undone) != assigned(base) && sum(base) > 0 {
				t.Fatalf("%s is undone to %s, and came of %s", assigned(next), assigned(*undone), assigned(base))
			}
		}
		if has(early, "c0") < has(late, "c0") || has(early, "c1") > has(late, "c1") {
			t.Fatalf("from %d to %d %%, %s goes back to %s", low, high, assigned(early), assigned(late))
		}
	})
}

func has(spec v1alpha1.PlacementSpec, cluster string) int32 {
	if a := workload.Share(&spec, cluster); a != nil {
		return *a.Replicas
	}
	return 0
}

func sum(spec v1alpha1.PlacementSpec) (n int32) {
	for _, a := range spec.Clusters {
		n += *a.Replicas
	}
	return n
}

// A Service moves with what is behind it: its clients with the one that lags most.
func TestFollowersMigrate(t *testing.T) {
	behind := func(m *v1alpha1.PlacementMigration, clusters ...string) *v1alpha1.Placement {
		spec := running(clusters...)
		spec.Migration = m
		return &v1alpha1.Placement{Spec: *spec}
	}
	clusters := []*v1alpha1.Cluster{member("a"), member("b")}
	fast := &v1alpha1.PlacementMigration{Name: "ab", From: "a", To: "b", Weight: 50, Traffic: 50, Newcomer: true}
	slow := &v1alpha1.PlacementMigration{Name: "ab", From: "a", To: "b", Weight: 25, Traffic: 5, Newcomer: true}
	for name, tt := range map[string]struct {
		behind  []*v1alpha1.Placement
		percent int32
		fresh   bool
	}{
		"two":                      {[]*v1alpha1.Placement{behind(fast, "a=1", "b=1"), behind(slow, "a=1", "b=1")}, 5, true},
		"one that is not moved":    {[]*v1alpha1.Placement{behind(fast, "a=1", "b=1"), behind(nil, "a=1")}, 50, true},
		"one that is there anyway": {[]*v1alpha1.Placement{behind(fast, "a=1", "b=1"), behind(nil, "b=1")}, 50, false},
	} {
		got := Follow(1, workload.Service.Kind, tt.behind, false, clusters, nil, now).Migration
		if got == nil || got.Traffic != tt.percent || got.Newcomer != tt.fresh {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := Follow(1, workload.Service.Kind, []*v1alpha1.Placement{behind(nil, "a=1")}, false, clusters, nil, now).Migration; got != nil {
		t.Errorf("nothing moves: %+v", got)
	}
}
