// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/component-base/metrics/testutil"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// A move is counted when it begins and when it ends, for as long as it took; what is missing meanwhile is added up.
func TestMovesAreCounted(t *testing.T) {
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	still := &v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: "a", Replicas: ptr.To[int32](4)}}}
	moving := &v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: "a", Replicas: ptr.To[int32](4), Target: ptr.To[int32](0)}}}
	status := func(available int32) *v1alpha1.PlacementStatus {
		return &v1alpha1.PlacementStatus{
			Clusters:   []v1alpha1.ClusterPlacementStatus{{Name: "a", AvailableReplicas: available}},
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionProgressing, Reason: v1alpha1.ReasonMoving, LastTransitionTime: metav1.NewTime(now.Add(-30 * time.Second))}},
		}
	}
	want := func(step, text string) {
		t.Helper()
		if err := testutil.GatherAndCompare(legacyregistry.DefaultGatherer, strings.NewReader(text), "drover_workload_move_replicas_below_floor"); err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
	below := func(n string) string {
		return "# HELP drover_workload_move_replicas_below_floor [ALPHA] Replicas that workloads which are moved have fewer available than their policies and PodDisruptionBudgets ask for.\n" +
			"# TYPE drover_workload_move_replicas_below_floor gauge\ndrover_workload_move_replicas_below_floor " + n + "\n"
	}
	m := newMoves()
	m.decided("web", nil, still, status(1), 4, now)
	want("what is not moved is not missed", below("0"))
	m.decided("web", still, moving, status(4), 4, now)
	want("a move begins", below("0"))
	m.decided("web", moving, moving, status(3), 4, now)
	m.decided("api", still, moving, status(2), 4, now)
	want("two are moved, and miss some", below("3"))
	m.decided("web", moving, still, status(4), 4, now)
	want("one has ended", below("2"))
	m.forget("api")
	want("the other is deleted", below("0"))

	families, err := legacyregistry.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		switch metric := f.GetMetric()[0]; f.GetName() {
		case "drover_workload_moves_started_total", "drover_workload_moves_finished_total":
			got[f.GetName()] = metric.GetCounter().GetValue()
		case "drover_workload_move_duration_seconds":
			got[f.GetName()] = metric.GetHistogram().GetSampleSum()
		}
	}
	if diff := cmp.Diff(map[string]float64{
		"drover_workload_moves_started_total": 2, "drover_workload_moves_finished_total": 1, "drover_workload_move_duration_seconds": 30,
	}, got); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}
