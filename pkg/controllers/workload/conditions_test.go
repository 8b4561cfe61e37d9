// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// saidOf are the conditions of an object that say what it lacks, as anybody reads them who knows no kind: type, status, reason,
// message, and how long after the beginning they came to be so.
func saidOf(t *testing.T, obj runtime.Object) (out []string) {
	t.Helper()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &read); err != nil {
		t.Fatal(err)
	}
	for _, c := range read.Status.Conditions {
		if slices.Contains(shortcomingTypes, c.Type) {
			out = append(out, fmt.Sprintf("%s=%s %s: %s (+%s)", c.Type, c.Status, c.Reason, c.Message, c.LastTransitionTime.Sub(now)))
		}
	}
	return out
}

// Every workload that has conditions says in them what has no place, what is not done, and what clusters refuse; and says so
// no more when it is not so any more.
func TestWorkloadsSayWhatTheyLack(t *testing.T) {
	for _, obj := range []Object{&appsv1.Deployment{}, &appsv1.StatefulSet{}, &appsv1.DaemonSet{}, &appsv1.ReplicaSet{}, &batchv1.Job{}} {
		kind := KindOf(obj)
		t.Run(kind.Kind, func(t *testing.T) {
			p := placedOn(nil, "east", "west")
			reports := Reports{Placement: p, Now: now, Clusters: []v1alpha1.ClusterPlacementStatus{
				{Name: "east", Synced: true}, {Name: "north", Reason: v1alpha1.ReasonNotConnected, Message: "gone"}, {Name: "west", Reason: v1alpha1.ReasonSyncing, Message: "not there yet"},
			}}
			says := func(after time.Duration, want ...string) {
				t.Helper()
				reports.Now = now.Add(after)
				kind.Sum(obj, reports)
				again := obj.DeepCopyObject()
				kind.Sum(again, Reports{Placement: p, Now: now.Add(time.Hour), Clusters: reports.Clusters})
				if diff := cmp.Diff(obj, again); diff != "" {
					t.Errorf("the same reports, another status: %s", diff)
				}
				if diff := cmp.Diff(want, saidOf(t, obj)); diff != "" {
					t.Errorf("says (-want +got):\n%s", diff)
				}
			}
			says(0)
			p.Problem, p.ProblemMessage = "NoClusters", "no cluster may take it"
			p.Omissions = []v1alpha1.PlacementOmission{{Code: "NotDivided", Message: "it is whole"}, {Code: "VolumesNotMoved", Message: "volumes stay"}}
			reports.Clusters[0] = v1alpha1.ClusterPlacementStatus{Name: "east", Reason: v1alpha1.ReasonConflict, Message: "in the way"}
			reports.Clusters[1] = v1alpha1.ClusterPlacementStatus{Name: "north", Reason: v1alpha1.ReasonSyncFailed, Message: "quota"}
			says(time.Second,
				"Scheduled=False NoClusters: no cluster may take it (+1s)",
				"Honored=False NotDivided: it is whole; volumes stay (+1s)",
				"Synced=False Conflict: east: in the way; north: quota (+1s)")
			p.Problem, p.Omissions = "", p.Omissions[1:]
			reports.Clusters[0] = v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true}
			says(2*time.Second,
				"Honored=False VolumesNotMoved: volumes stay (+1s)",
				"Synced=False SyncFailed: north: quota (+1s)")
			p.Omissions, reports.Clusters[1].Reason = nil, v1alpha1.ReasonNotConnected
			says(3 * time.Second)
		})
	}
}
