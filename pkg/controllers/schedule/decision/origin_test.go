// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"testing"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// What is imported runs in its cluster already: it needs no room there, and no leave to come in.
func TestWhatIsImportedRunsThereAlready(t *testing.T) {
	full := sized(resources("cpu", "4", "pods", "10"), resources("cpu", "4", "pods", "4"))
	a := func(options ...func(*v1alpha1.Cluster)) []*v1alpha1.Cluster {
		return []*v1alpha1.Cluster{member("a", options...), member("b")}
	}
	requests := resources("cpu", "1", "pods", "1")
	inA := policyWith(nil, weight("a", 1))
	for _, tt := range []struct {
		name     string
		workload Workload
		policy   *v1alpha1.PlacementPolicy
		clusters []*v1alpha1.Cluster
		current  *v1alpha1.PlacementSpec
		want     string
	}{
		{"in a full cluster", Workload{Replicas: 4, Requests: requests, Origin: "a"}, inA, a(full), nil, "a=4"},
		{"not imported, in a full cluster", Workload{Replicas: 4, Requests: requests}, inA, a(full), nil, ""},
		{"in a cordoned cluster", Workload{Replicas: 4, Requests: requests, Origin: "a"}, inA, a(cordoned), nil, "a=4"},
		{"in a cluster with a taint", Workload{Replicas: 4, Requests: requests, Origin: "a"}, inA, a(tainted("upgrade", "", v1alpha1.TaintNoSchedule)), nil, "a=4"},
		{"scaled to nothing", Workload{Origin: "a"}, inA, a(), nil, "a=0"},
		{"whole, in a cordoned cluster", Workload{Whole: "runs all of it", Origin: "a"}, inA, a(cordoned), nil, "a=-1"},
		{"autoscaled, in a cordoned cluster", Workload{Replicas: 3, Autoscaler: &v1alpha1.Autoscaler{MinReplicas: 2, MaxReplicas: 6}, Origin: "a"}, inA, a(cordoned), nil, "a=3"},
		{"drained", Workload{Replicas: 4, Requests: requests, Origin: "a"}, policyWith(nil, weight("a", 0), weight("b", 1)), a(), nil, "b=4"},
		{"moved since", Workload{Replicas: 4, Requests: requests, Origin: "a"}, policyWith(nil, weight("b", 1)), a(cordoned), running("b=4"), "b=4"},
	} {
		tt.workload.Key = "deployment/default/web"
		decide := Divide
		if tt.workload.Whole != "" {
			decide = whole
		}
		got, _ := decide(tt.workload, Inputs{Policy: tt.policy, Clusters: tt.clusters, Current: tt.current, Now: now})
		if places(got) != tt.want {
			t.Errorf("%s: placed %q, want %q: %s %s", tt.name, places(got), tt.want, got.Problem, got.ProblemMessage)
		}
	}
}
