// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"testing"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

const (
	begunJob = `{"startTime":"2026-01-01T00:00:00Z","active":2,"succeeded":1}`
	endedJob = `{"startTime":"2026-01-01T00:00:00Z","succeeded":3,"conditions":[{"type":"Complete","status":"True"}]}`
)

// A Job that has begun in a cluster that is left runs to its end there, and goes then. One that has not begun goes at once,
// and so does one that is to be ended.
func TestJobsRunToTheirEnd(t *testing.T) {
	ending := func(c *v1alpha1.Cluster) { c.Spec.Drain = &v1alpha1.ClusterDrain{EndJobs: true} }
	drains := member("a", drained(0))
	zero := policyWith(nil, weight("a", 0), weight("*", 1))
	divided := Workload{Key: "job/default/sum", Generation: 1, Replicas: 6, Fixed: true, Finite: true}
	queue := Workload{Key: "job/default/sum", Generation: 1, Replicas: 6, Finite: true}
	whole := Workload{Key: "job/default/sum", Generation: 1, Replicas: 6, Fixed: true, Finite: true, Whole: "runs all of it"}
	for _, tt := range []struct {
		name    string
		w       Workload
		policy  *v1alpha1.PlacementPolicy
		a       *v1alpha1.Cluster
		current *v1alpha1.PlacementSpec
		status  string // in a
		want    string
		code    string // of a
		done    int32
	}{
		{"divided, drained", divided, policyWith(nil), drains, running("a=3", "b=3"), begunJob, "a=3 b=3", v1alpha1.KeptUntilEnd, 0},
		{"divided, drained, ended", divided, policyWith(nil), drains, running("a=3", "b=3"), endedJob, "b=3", v1alpha1.ExcludedTaint, 3},
		{"divided, drained, not begun", divided, policyWith(nil), drains, running("a=3", "b=3"), `{}`, "b=3 c=3", v1alpha1.ExcludedTaint, 0},
		{"divided, drained, to be ended", divided, policyWith(nil), member("a", drained(0), ending), running("a=3", "b=3"), begunJob, "b=3 c=2", v1alpha1.ExcludedTaint, 1},
		{"divided, tainted by others", divided, policyWith(nil), member("a", tainted("k", "", v1alpha1.TaintNoExecute)), running("a=3", "b=3"), begunJob, "b=3 c=2", v1alpha1.ExcludedTaint, 1},
		{"divided, drained and tainted by others", divided, policyWith(nil), member("a", drained(0), tainted("k", "", v1alpha1.TaintNoExecute)), running("a=3", "b=3"), begunJob, "b=3 c=2", v1alpha1.ExcludedTaint, 1},
		{"divided, weight 0", divided, zero, member("a"), running("a=3", "b=3"), begunJob, "a=3 b=3", v1alpha1.KeptUntilEnd, 0},
		{"works off a queue, drained", queue, policyWith(nil), drains, running("a=3", "b=3"), begunJob, "a=3 b=3", v1alpha1.KeptUntilEnd, 0},
		{"works off a queue, weight 0", queue, zero, member("a"), running("a=3", "b=3"), begunJob, "a=3 b=3", v1alpha1.KeptUntilEnd, 0},
		{"works off a queue, weight 0, ended", queue, zero, member("a"), running("a=3", "b=6"), endedJob, "b=6", "Drained", 0},
		{"whole, drained", whole, policyWith(nil), drains, runningWhole("a", "b"), begunJob, "a=-1 b=-1 c=-1", v1alpha1.KeptUntilEnd, 0},
		{"whole, weight 0", whole, zero, member("a"), runningWhole("a", "b"), begunJob, "a=-1 b=-1 c=-1", v1alpha1.KeptUntilEnd, 0},
		{"whole, drained, ended", whole, policyWith(nil), drains, runningWhole("a", "b"), endedJob, "b=-1 c=-1", v1alpha1.ExcludedTaint, 0},
		{"whole, waiting for its turn", whole, policyWith(nil), member("a", drained(1, "other")), runningWhole("a", "b"), begunJob, "a=-1 b=-1 c=-1", v1alpha1.KeptUntilTurn, 0},
	} {
		in := Inputs{
			Namespace: "default", Policy: tt.policy, Clusters: []*v1alpha1.Cluster{tt.a, member("b"), member("c")}, Current: tt.current, Now: now,
			Reports: []v1alpha1.ClusterPlacementStatus{{Name: "a", WorkloadStatus: &v1alpha1.JSON{Raw: []byte(tt.status)}}}, ReportsCurrent: true,
		}
		got, _ := Decide(tt.w, in)
		code, _ := codeOf(&got, "a")
		if places(got) != tt.want || code != tt.code || got.Completed != tt.done {
			t.Errorf("%s: placed %s, a by %s, %d completed; want %s, %s, %d", tt.name, places(got), code, got.Completed, tt.want, tt.code, tt.done)
		}
		if keeps := RunsOut(&got, "a") != ""; keeps != (tt.code == v1alpha1.KeptUntilEnd) {
			t.Errorf("%s: that it runs to its end is said: %t", tt.name, keeps)
		}
	}
}
