// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestChanges(t *testing.T) {
	then := &v1alpha1.PlacementSpec{
		Clusters: []v1alpha1.ClusterAssignment{{Name: "west", Replicas: ptr.To[int32](3), Code: "Share", Reason: "weight 1 of 2"}, {Name: "eu", Replicas: ptr.To[int32](3), Code: "Share", Reason: "weight 1 of 2"}},
		Excluded: []v1alpha1.ClusterExclusion{{Name: "east", Code: "Drained", Reason: "weight 0: drained"}},
	}
	change := func(name string, now, then int32, code, reason string) v1alpha1.PlacementChange {
		return v1alpha1.PlacementChange{Cluster: name, Now: now, Then: then, Code: code, Reason: reason}
	}
	for _, tt := range []struct {
		name      string
		now, then *v1alpha1.PlacementSpec
		want      []v1alpha1.PlacementChange
	}{
		{"nothing, and nothing", nil, &v1alpha1.PlacementSpec{}, nil},
		{"nothing before", nil, then, []v1alpha1.PlacementChange{
			change("east", 0, 0, "Drained", "weight 0: drained"), change("eu", 0, 3, "Share", "weight 1 of 2"), change("west", 0, 3, "Share", "weight 1 of 2"),
		}},
		{"moved", running("east=2", "west=4"), then, []v1alpha1.PlacementChange{
			change("east", 2, 0, "Drained", "weight 0: drained"), change("eu", 0, 3, "Share", "weight 1 of 2"), change("west", 4, 3, "Share", "weight 1 of 2"),
		}},
		{"a cluster that left", running("asia=6"), &v1alpha1.PlacementSpec{Clusters: then.Clusters[1:]}, []v1alpha1.PlacementChange{
			change("asia", 6, 0, "Leaving", "is not joined any more"), change("eu", 0, 3, "Share", "weight 1 of 2"),
		}},
		{"nothing after", running("asia=0"), &v1alpha1.PlacementSpec{}, []v1alpha1.PlacementChange{change("asia", 0, 0, "Leaving", "is not joined any more")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := gocmp.Diff(tt.want, Changes(tt.now, tt.then)); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOverridesByName(t *testing.T) {
	clusters := []*v1alpha1.Cluster{member("west", labelled("tier", "gold")), member("east", labelled("tier", "gold")), member("eu", labelled("tier", "iron"))}
	patch := &v1alpha1.JSON{Raw: []byte(`{"spec":{"paused":true}}`)}
	override := func(tier string, names ...string) v1alpha1.Override {
		o := v1alpha1.Override{Clusters: names, StrategicMerge: patch}
		if tier != "" {
			o.ClusterSelector = selecting("tier", tier)
		}
		return o
	}
	for _, tt := range []struct {
		name     string
		in, want []v1alpha1.Override
	}{
		{"none", nil, nil},
		{"by name", []v1alpha1.Override{override("", "eu")}, []v1alpha1.Override{override("", "eu")}},
		{"by the name of one that is not joined", []v1alpha1.Override{override("", "asia")}, []v1alpha1.Override{override("", "asia")}},
		{"by labels", []v1alpha1.Override{override("gold")}, []v1alpha1.Override{override("", "east", "west")}},
		{"by both", []v1alpha1.Override{override("gold", "eu", "east")}, []v1alpha1.Override{override("", "east", "eu", "west")}},
		{"by neither applies to all", []v1alpha1.Override{override("")}, []v1alpha1.Override{override("")}},
		{"by labels that nobody has applies to none", []v1alpha1.Override{override("lead")}, nil},
		{"by a name, and labels that nobody has", []v1alpha1.Override{override("lead", "eu")}, []v1alpha1.Override{override("", "eu")}},
		{"in their order", []v1alpha1.Override{override("", "west"), override("lead"), override("iron"), override("")}, []v1alpha1.Override{override("", "west"), override("", "eu"), override("")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy := policyWith(func(s *v1alpha1.PlacementPolicySpec) { s.Overrides = tt.in })
			before := policy.DeepCopy()
			got, _ := divide(web(1, 3), policy, clusters, nil, now)
			if diff := gocmp.Diff(tt.want, got.Overrides); diff != "" {
				t.Errorf("overrides (-want +got):\n%s", diff)
			}
			if diff := gocmp.Diff(before, policy); diff != "" {
				t.Errorf("the policy was changed (-before +after):\n%s", diff)
			}
		})
	}
	if got := overridesByName(nil, clusters); got != nil {
		t.Errorf("without a policy: %v", got)
	}
}

func TestChangeTouches(t *testing.T) {
	on := func(code string) *v1alpha1.PlacementSpec {
		return &v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: "a", Code: code}}}
	}
	off := func(code string) *v1alpha1.PlacementSpec {
		return &v1alpha1.PlacementSpec{Excluded: []v1alpha1.ClusterExclusion{{Name: "a", Code: code}}}
	}
	var (
		shared, full, overfull = on("Share"), on("Capacity"), &v1alpha1.PlacementSpec{Unplaced: 1}
		limited                = &v1alpha1.PlacementSpec{Clusters: shared.Clusters, Limits: []v1alpha1.ClusterLimit{{Name: "a"}}}
		unnamed, unlike, apart = off("NotNamed"), off("ClusterAffinity"), off("WorkloadAffinity")
		down, drained          = off("NotReady"), off("Drained")
		follower, elsewhere    = on("RunsBackend"), off("NoBackend")
		unaware                = &v1alpha1.PlacementSpec{}
		nobody                 = []*v1alpha1.PlacementSpec{}
		all                    = []*v1alpha1.PlacementSpec{shared, full, overfull, limited, unnamed, unlike, apart, down, drained, follower, elsewhere, unaware}
		mentioning             = []*v1alpha1.PlacementSpec{shared, full, limited, unnamed, unlike, apart, down, drained, follower, elsewhere}
		depending              = []*v1alpha1.PlacementSpec{shared, full, overfull, limited, down, drained, follower, unaware}
		crowded                = []*v1alpha1.PlacementSpec{full, overfull, limited}
	)
	joined := func(changes ...func(*v1alpha1.Cluster)) *v1alpha1.Cluster { return member("a", changes...) }
	for _, tt := range []struct {
		name     string
		old, obj *v1alpha1.Cluster
		want     []*v1alpha1.PlacementSpec
	}{
		{"nothing", joined(), joined(), nobody},
		{"a heartbeat", joined(), joined(askedAgo(0)), nobody},
		{"another reason for the same", joined(), joined(func(c *v1alpha1.Cluster) { c.Status.Conditions[0].Message = "x" }), nobody},
		{"it joined", nil, joined(), all},
		{"it is gone", joined(), nil, mentioning},
		{"it leaves", joined(), joined(leaving), mentioning},
		{"a label", joined(), joined(labelled("a", "b")), all},
		{"another region", joined(), joined(func(c *v1alpha1.Cluster) { c.Status.Location.Region = "r" }), all},
		{"the spec", joined(), joined(func(c *v1alpha1.Cluster) { c.Generation++ }), depending},
		{"not ready", joined(), joined(notReadySince(0)), depending},
		{"lost with too many others", joined(notReadySince(time.Hour)), joined(degraded), depending},
		{"probed for the first time", joined(neverProbed), joined(), depending},
		{"more is in use", joined(sized(resources("cpu", "8"), nil)), joined(sized(resources("cpu", "8"), resources("cpu", "1"))), crowded},
		{"a node more", joined(sized(resources("cpu", "8"), nil)), joined(sized(resources("cpu", "12"), nil)), crowded},
	} {
		change := ChangeOf(tt.old, tt.obj)
		if change.Any() != (len(tt.want) > 0) {
			t.Errorf("%s: any %v", tt.name, change.Any())
		}
		for _, p := range all {
			if got, want := change.Touches(p), slices.Contains(tt.want, p); got != want {
				t.Errorf("%s: touches %+v: %v, want %v", tt.name, *p, got, want)
			}
		}
	}
}

func TestReports(t *testing.T) {
	says := func(replicas, unschedulable int32) *v1alpha1.Placement {
		return &v1alpha1.Placement{Status: v1alpha1.PlacementStatus{Clusters: []v1alpha1.ClusterPlacementStatus{{Name: "a", Replicas: replicas, UnschedulableReplicas: unschedulable}}}}
	}
	for _, tt := range []struct {
		name     string
		old, obj *v1alpha1.Placement
		want     bool
	}{
		{"all run", says(4, 0), says(5, 0), false},
		{"one finds no node", says(4, 0), says(4, 1), true},
		{"one found one", says(4, 1), says(4, 0), true},
		{"more pods, and one still finds none", says(4, 1), says(5, 1), true},
		{"the same", says(4, 1), says(4, 1), false},
	} {
		if got := Reports(tt.old, tt.obj); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
