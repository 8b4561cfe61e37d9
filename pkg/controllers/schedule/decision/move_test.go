// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// assigned is what a decision assigns, and where it is going: "a=4>0 b=1>4".
func assigned(spec v1alpha1.PlacementSpec) string {
	var out []string
	for _, a := range spec.Clusters {
		text := fmt.Sprintf("%s=%d", a.Name, *a.Replicas)
		if a.Target != nil {
			text += fmt.Sprintf(">%d", *a.Target)
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// allReady are the reports of clusters that have done what a decision assigns.
func allReady(spec *v1alpha1.PlacementSpec, generation int64) (reports []v1alpha1.ClusterPlacementStatus) {
	for _, a := range spec.Clusters {
		n := ptr.Deref(a.Replicas, 0)
		reports = append(reports, v1alpha1.ClusterPlacementStatus{
			Name: a.Name, Synced: true, ObservedGeneration: generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n,
		})
	}
	return reports
}

// Replicas are made elsewhere before they are taken away, whatever the reason; from what is gone nothing is taken.
func TestDecisionsAreStepsThatNobodyMisses(t *testing.T) {
	a, b := weight("a", 1), weight("b", 1)
	changed := func(p *v1alpha1.PlacementPolicy) *v1alpha1.PlacementPolicy { p.Generation = 2; return p }
	for _, tt := range []struct {
		name     string
		policy   *v1alpha1.PlacementPolicy
		clusters []*v1alpha1.Cluster
		current  *v1alpha1.PlacementSpec
		replicas int32
		want     []string
	}{
		{
			"a weight of 0", changed(policyWith(nil, weight("a", 0), b)),
			[]*v1alpha1.Cluster{member("a"), member("b")},
			running("a=2", "b=2"), 4,
			[]string{"a=2>0 b=3>4", "a=1>0 b=3>4", "a=1>0 b=4", "b=4"},
		},
		{
			"more at once", changed(policyWith(func(s *v1alpha1.PlacementPolicySpec) { s.Move.MaxSurge = ptr.To(intstr.FromString("100%")) }, weight("a", 0), b)),
			[]*v1alpha1.Cluster{member("a"), member("b")},
			running("a=2", "b=2"), 4,
			[]string{"a=2>0 b=4", "b=4"},
		},
		{
			"none more, and one may be missing", changed(policyWith(func(s *v1alpha1.PlacementPolicySpec) {
				s.Move = v1alpha1.Move{MaxSurge: ptr.To(intstr.FromInt32(0)), MaxUnavailable: ptr.To(intstr.FromInt32(1))}
			}, weight("a", 0), b)),
			[]*v1alpha1.Cluster{member("a"), member("b")},
			running("a=2", "b=2"), 4,
			[]string{"a=1>0 b=2>4", "a=1>0 b=3>4", "b=3>4", "b=4"},
		},
		{
			"weights in both", changed(policyWith(nil, weight("a", 3), b)),
			[]*v1alpha1.Cluster{member("a"), member("b")},
			running("b=8"), 8,
			[]string{"a=2>6 b=8>2", "a=2>6 b=6>2", "a=4>6 b=6>2", "a=4>6 b=4>2", "a=6 b=4>2", "a=6 b=2"},
		},
		{
			"what may run there already is taken over whole", changed(policyWith(func(s *v1alpha1.PlacementPolicySpec) { s.Conflict = v1alpha1.ConflictAdopt }, a, b)),
			[]*v1alpha1.Cluster{member("a"), member("b")},
			running("a=4"), 4,
			[]string{"a=4>2 b=2", "a=2 b=2"},
		},
		{
			"a taint", policyWith(nil, a, b),
			[]*v1alpha1.Cluster{member("a", tainted("upgrade", "", v1alpha1.TaintNoExecute)), member("b")},
			running("a=1", "b=1"), 2,
			[]string{"a=1>0 b=2", "b=2"},
		},
		{"a cluster that leaves keeps what it has, and is not waited for", policyWith(nil, a, b), []*v1alpha1.Cluster{member("a", leaving), member("b")}, running("a=2", "b=2"), 4, []string{"b=4"}},
		{"nor is one that is given up", policyWith(nil, a, b), []*v1alpha1.Cluster{member("a", notReadySince(time.Hour)), member("b")}, running("a=2", "b=2"), 4, []string{"b=4"}},
		{"scaling up waits for nobody", policyWith(nil, a, b), []*v1alpha1.Cluster{member("a"), member("b")}, running("a=1", "b=1"), 10, []string{"a=5 b=5"}},
		{"scaling down waits for nobody", policyWith(nil, a, b), []*v1alpha1.Cluster{member("a"), member("b")}, running("a=5", "b=5"), 2, []string{"a=1 b=1"}},
	} {
		current := tt.current
		var got []string
		for range 10 {
			w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: tt.replicas}
			next, again := Decide(w, Inputs{
				Policy: tt.policy, Clusters: tt.clusters, Current: current, Reports: allReady(current, 1), ReportsCurrent: true, Now: now,
			})
			if got = append(got, assigned(next)); !Moves(&next) {
				break
			}
			if again != moveRecheck {
				t.Errorf("%s: %s is looked at again in %v", tt.name, assigned(next), again)
			}
			current = &next
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

// Without news of the clusters a move goes no further.
func TestMovesWaitForReports(t *testing.T) {
	policy := policyWith(nil, weight("a", 0), weight("b", 1))
	policy.Generation = 2
	in := Inputs{Policy: policy, Clusters: []*v1alpha1.Cluster{member("a"), member("b")}, Current: running("a=4"), Now: now}
	in.Reports = allReady(in.Current, 1)
	w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: 4}
	for range 3 {
		next, _ := Decide(w, in)
		if got := assigned(next); got != "a=4>0 b=1>4" {
			t.Fatalf("goes on to %s", got)
		}
		in.Current = &next
	}
}
