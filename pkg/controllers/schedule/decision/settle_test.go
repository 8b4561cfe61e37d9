// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// reported are what clusters say of a Job of which they have completed so many.
func reported(completed map[string]int32) (reports []v1alpha1.ClusterPlacementStatus) {
	for name, n := range completed {
		reports = append(reports, v1alpha1.ClusterPlacementStatus{Name: name, WorkloadStatus: &v1alpha1.JSON{Raw: fmt.Appendf(nil, `{"succeeded":%d}`, n)}})
	}
	return reports
}

// full has no room for another pod.
func full(c *v1alpha1.Cluster) { c.Status.Nodes.Total = 1 }

// What a cluster was given of a Job stays its share, until the cluster is given up.
func TestSettle(t *testing.T) {
	a, b, c := member("a"), member("b"), member("c")
	noExecute := member("a", tainted("k", "v", "NoExecute"))
	lost := member("a", notReadySince(time.Hour))
	before := func(completed int32, clusters ...string) *v1alpha1.PlacementSpec {
		spec := running(clusters...)
		spec.Completed = completed
		return spec
	}
	type output struct {
		Placed, Excluded    string
		Completed, Unplaced int32
		Problem             string
		Again               time.Duration
	}
	for _, tt := range []struct {
		name     string
		policy   *v1alpha1.PlacementPolicy
		clusters []*v1alpha1.Cluster
		current  *v1alpha1.PlacementSpec
		done     map[string]int32
		want     output
	}{
		{"by weight at first", policyWith(nil, weight("a", 1), weight("b", 2)), []*v1alpha1.Cluster{a, b}, nil, nil, output{Placed: "a=2 b=4"}},
		{"more than there is room for at once", nil, []*v1alpha1.Cluster{member("a", full), member("b", full)}, nil, nil, output{Placed: "a=3 b=3"}},
		{"no more than it may", policyWith(nil, v1alpha1.ClusterWeight{Name: "a", MaxReplicas: ptr.To[int32](2)}), []*v1alpha1.Cluster{a, b}, nil, nil, output{Placed: "a=2", Unplaced: 4, Problem: "Unplaced"}},
		{"and stays so", policyWith(nil, v1alpha1.ClusterWeight{Name: "a", MaxReplicas: ptr.To[int32](2)}), []*v1alpha1.Cluster{a, b}, before(0, "a=2"), nil, output{Placed: "a=2", Unplaced: 4, Problem: "Unplaced"}},
		{"nowhere at first", nil, nil, nil, nil, output{Unplaced: 6, Problem: "NoClusters"}},
		{"as soon as there is a cluster", nil, []*v1alpha1.Cluster{a}, before(0), nil, output{Placed: "a=6"}},
		{"who joins gets nothing", nil, []*v1alpha1.Cluster{a, b, c}, before(0, "a=3", "b=3"), nil, output{Placed: "a=3 b=3"}},
		{"weights change nothing", policyWith(rebalancing(v1alpha1.RebalanceAutomatic), weight("a", 0), weight("b", 5)), []*v1alpha1.Cluster{a, b}, before(0, "a=3", "b=3"), nil, output{Placed: "a=3 b=3"}},
		{"nor does who is named", policyWith(nil, weight("b", 1)), []*v1alpha1.Cluster{a, b}, before(0, "a=3", "b=3"), nil, output{Placed: "a=3 b=3"}},
		{"nor a cordon", nil, []*v1alpha1.Cluster{member("a", cordoned), b, c}, before(0, "a=3", "b=3"), nil, output{Placed: "a=3 b=3"}},
		{"what one that left had not done goes to who has none", nil, []*v1alpha1.Cluster{b, c}, before(0, "a=3", "b=3"), map[string]int32{"a": 1, "b": 2}, output{Placed: "b=3 c=2", Completed: 1}},
		{"and stays there", nil, []*v1alpha1.Cluster{b, c}, before(1, "b=3", "c=2"), map[string]int32{"b": 2}, output{Placed: "b=3 c=2", Completed: 1}},
		{"NoExecute gives it up", nil, []*v1alpha1.Cluster{noExecute, b, c}, before(0, "a=3", "b=3"), nil, output{Placed: "b=3 c=3", Excluded: "a:Taint"}},
		{"lost for long gives it up", nil, []*v1alpha1.Cluster{lost, b, c}, before(0, "a=3", "b=3"), nil, output{Placed: "b=3 c=3", Excluded: "a:NotReady"}},
		{"lost for a minute does not", nil, []*v1alpha1.Cluster{member("a", notReadySince(time.Minute)), b, c}, before(0, "a=3", "b=3"), nil, output{Placed: "a=3 b=3", Again: 4 * time.Minute}},
		{"no other is left", nil, []*v1alpha1.Cluster{noExecute, b}, before(0, "a=3", "b=3"), map[string]int32{"a": 2}, output{Placed: "b=3", Excluded: "a:Taint", Completed: 2, Unplaced: 1, Problem: "Unplaced"}},
		{"until one joins", nil, []*v1alpha1.Cluster{b, c}, before(2, "b=3"), nil, output{Placed: "b=3 c=1", Completed: 2}},
		{"all of them is given up, and counted once", nil, []*v1alpha1.Cluster{noExecute}, before(0, "a=6"), map[string]int32{"a": 2}, output{Placed: "a=6", Problem: "NoClusters"}},
		{"who had done all leaves nothing behind", nil, []*v1alpha1.Cluster{b, c}, before(0, "a=3", "b=3"), map[string]int32{"a": 3}, output{Placed: "b=3", Completed: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := Workload{Key: "job/default/sum", Generation: 1, Replicas: 6, Fixed: true, Requests: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1")}}
			got, again := Decide(w, Inputs{Policy: tt.policy, Clusters: tt.clusters, Current: tt.current, Reports: reported(tt.done), Now: now})
			excluded := ""
			for _, e := range got.Excluded {
				if e.Code == "Taint" || e.Code == "NotReady" { // who else gets nothing has its share, or needs none
					excluded = e.Name + ":" + e.Code
				}
			}
			out := output{places(got), excluded, got.Completed, got.Unplaced, got.Problem, again}
			if diff := gocmp.Diff(tt.want, out); diff != "" && tt.want.Problem != "NoClusters" || out.Placed != tt.want.Placed || out.Completed != tt.want.Completed {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if (got.Problem == "") != (got.ProblemMessage == "") {
				t.Errorf("problem %q is explained by %q", got.Problem, got.ProblemMessage)
			}
		})
	}
}

func TestJobStaysAsItBegan(t *testing.T) {
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "sum", Generation: 1}, Spec: batchv1.JobSpec{Completions: ptr.To[int32](6)}}
	finished := job.DeepCopy()
	finished.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
	one := &v1alpha1.Placement{Spec: *running("a=6")}
	all := &v1alpha1.Placement{Spec: *runningWhole("a")}
	one.Status.Clusters, all.Status.Clusters = reported(map[string]int32{"a": 4}), reported(map[string]int32{"a": 4})
	for _, tt := range []struct {
		name      string
		job       *batchv1.Job
		division  v1alpha1.Division
		current   *v1alpha1.Placement
		clusters  []*v1alpha1.Cluster
		placed    string
		completed int32
	}{
		{"divided, though the policy says whole now", job, v1alpha1.Whole, one, []*v1alpha1.Cluster{member("a"), member("b")}, "a=6", 0},
		{"whole, though the policy says divided now", job, v1alpha1.Divide, all, []*v1alpha1.Cluster{member("a"), member("b")}, "a=-1 b=-1", 0},
		{"whole and finished: who joins does not run it again", finished, v1alpha1.Whole, all, []*v1alpha1.Cluster{member("a"), member("b")}, "a=-1", 0},
		{"divided and finished: who leaves is not replaced", finished, v1alpha1.Divide, one, []*v1alpha1.Cluster{member("a", leaving), member("b")}, "", 4},
		{"what was done is taken from the report", job, v1alpha1.Divide, one, []*v1alpha1.Cluster{member("a", leaving), member("b")}, "b=2", 4},
	} {
		policy := policyWith(func(s *v1alpha1.PlacementPolicySpec) { s.Division = tt.division })
		got, _, err := Place(written{
			clusters: tt.clusters, policies: map[string][]*v1alpha1.PlacementPolicy{"default": {policy}}, placements: map[string]*v1alpha1.Placement{"default/job-sum": tt.current},
		}, workload.Job, tt.job, now)
		if err != nil {
			t.Fatal(err)
		}
		if places(got) != tt.placed || got.Completed != tt.completed {
			t.Errorf("%s: %s, %d completed before, want %s and %d", tt.name, places(got), got.Completed, tt.placed, tt.completed)
		}
	}
}
