// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// runningWhole is a decision that was made before: all of it on each of the clusters.
func runningWhole(clusters ...string) *v1alpha1.PlacementSpec {
	spec := &v1alpha1.PlacementSpec{WorkloadGeneration: 1, Policy: "web", PolicyGeneration: 1}
	for _, name := range clusters {
		spec.Clusters = append(spec.Clusters, v1alpha1.ClusterAssignment{Name: name, Code: v1alpha1.RunsWhole, Reason: "runs all of it"})
	}
	return spec
}

func TestDecideWhole(t *testing.T) {
	three := []*v1alpha1.Cluster{member("a"), member("b"), member("c")}
	for _, tt := range []struct {
		name             string
		policy           *v1alpha1.PlacementPolicy
		clusters         []*v1alpha1.Cluster
		current          *v1alpha1.PlacementSpec
		placed, excluded string // with codes
		problem          string
		again            time.Duration
	}{
		{"every cluster", nil, three, nil, "a:Whole b:Whole c:Whole", "", "", 0},
		{"weights do not count", policyWith(nil, weight("a", 9), weight("b", 1)), three, nil, "a:Whole b:Whole", "c:NotNamed", "", 0},
		{"but weight 0 drains", policyWith(nil, weight("a", 0), weight("*", 1)), three, runningWhole("a", "b"), "b:Whole c:Whole", "a:Drained", "", 0},
		{"drained everywhere: what runs stays", policyWith(nil, weight("*", 0)), three[:2], runningWhole("a"), "a:Whole", "b:Drained", "AllWeightsZero", 0},
		{"who joins gets it", nil, three, runningWhole("a"), "a:Whole b:Whole c:Whole", "", "", 0},
		{"who is cordoned keeps it, and does not get it", nil, []*v1alpha1.Cluster{member("a", cordoned), member("b", cordoned), member("c")}, runningWhole("a"), "a:Cordoned c:Whole", "b:Cordoned", "", 0},
		{"NoExecute takes it away", nil, []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoExecute")), member("b")}, runningWhole("a", "b"), "b:Whole", "a:Taint", "", 0},
		{"lost for a minute", nil, []*v1alpha1.Cluster{member("a", notReadySince(time.Minute)), member("b"), member("c")}, runningWhole("a", "b", "c"), "a:KeptNotReady b:Whole c:Whole", "", "", 4 * time.Minute},
		{"lost for five", nil, []*v1alpha1.Cluster{member("a", notReadySince(5*time.Minute)), member("b"), member("c")}, runningWhole("a", "b", "c"), "b:Whole c:Whole", "a:NotReady", "", 0},
		{"too many are lost at once", nil, []*v1alpha1.Cluster{member("a", degraded), member("b", degraded), member("c")}, runningWhole("a", "b", "c"), "a:KeptNotReady b:KeptNotReady c:Whole", "", "FleetDegraded", 30 * time.Second},
		{"nowhere to go", nil, []*v1alpha1.Cluster{member("a", leaving)}, nil, "", "a:Leaving", "NoClusters", 0},
		{"divided before", nil, three[:2], running("a=4"), "a:Whole b:Whole", "", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, again := Decide(Workload{Key: "statefulset/default/db", Replicas: 3, Whole: "runs all of it"}, Inputs{Policy: tt.policy, Clusters: tt.clusters, Current: tt.current, Now: now})
			var placed []string
			for _, c := range got.Clusters {
				placed = append(placed, c.Name+":"+c.Code)
				if c.Replicas != nil || c.Reason == "" {
					t.Errorf("%s has %d replicas because %q", c.Name, *c.Replicas, c.Reason)
				}
			}
			if diff := gocmp.Diff([]any{tt.placed, tt.excluded, tt.problem, tt.again}, []any{strings.Join(placed, " "), leavesOut(got), got.Problem, again}); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if got.Replicas != nil || got.Unplaced != 0 {
				t.Errorf("of what is not divided %d are unplaced", got.Unplaced)
			}
		})
	}
}

// What is divided, and what is whole: by its kind, the policy, and what it is.
func TestDivision(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "default", Name: "web", Generation: 1}
	six := ptr.To[int32](6)
	indexed := &batchv1.Job{ObjectMeta: meta, Spec: batchv1.JobSpec{Completions: six, CompletionMode: ptr.To(batchv1.IndexedCompletion)}}
	const whole, divided = "a=-1 b=-1", "a=3 b=3"
	for _, tt := range []struct {
		obj                  workload.Object
		byDefault, divide, w string
	}{
		{&appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: six}}, divided, divided, whole},
		{&appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{Replicas: six}}, whole, divided, whole},
		{&appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Replicas: six}}, whole, divided, whole},
		{&appsv1.DaemonSet{ObjectMeta: meta}, whole, whole, whole},
		{&batchv1.Job{ObjectMeta: meta, Spec: batchv1.JobSpec{Completions: six}}, divided, divided, whole},
		{&batchv1.Job{ObjectMeta: meta, Spec: batchv1.JobSpec{Parallelism: six}}, divided, divided, whole},
		{indexed, whole, whole, whole},
		{&batchv1.CronJob{ObjectMeta: meta}, whole, whole, whole},
	} {
		kind := workload.KindOf(tt.obj)
		for division, want := range map[v1alpha1.Division]string{"": tt.byDefault, v1alpha1.Divide: tt.divide, v1alpha1.Whole: tt.w} {
			policy := policyWith(func(s *v1alpha1.PlacementPolicySpec) { s.Division = division })
			in := written{clusters: []*v1alpha1.Cluster{member("a"), member("b")}, policies: map[string][]*v1alpha1.PlacementPolicy{"default": {policy}}}
			got, _, err := Place(in, kind, tt.obj, now)
			if err != nil {
				t.Fatal(err)
			}
			if places(got) != want || (got.Replicas == nil) != (want == whole) {
				t.Errorf("%s, division %q: %s of %v, want %s", kind.Kind, division, places(got), got.Replicas, want)
			}
			if tt.obj == workload.Object(indexed) && division != v1alpha1.Whole && !strings.Contains(got.Clusters[0].Reason, "indexes") {
				t.Errorf("a Job with indexes %s", got.Clusters[0].Reason)
			}
		}
	}
}
