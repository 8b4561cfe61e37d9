// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestStatus(t *testing.T) {
	east, west := readyCluster("east"), readyCluster("west")
	east.Status.Allocatable = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10")}
	east.Status.Requested = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4")}
	east.Status.KubernetesVersion, east.Status.Nodes = "v1.37.1", v1alpha1.NodeSummary{Total: 3, Ready: 2}
	east.Spec.Unschedulable = true
	west.Status.Conditions[0] = metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: "Unreachable", Message: "nobody answers"}
	_, web := deployed("web", map[string]int32{"east": 2, "west": 1})
	web.Spec.Clusters[0].Target = ptr.To[int32](0)
	web.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionProgressing, Status: metav1.ConditionTrue, Reason: "Moving", Message: "east 2 → 0"}}
	_, api := deployed("api", map[string]int32{"east": 1})
	api.Status.Clusters[0].AvailableReplicas = 0
	api.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionSynced, Status: metav1.ConditionFalse, Reason: "Conflict", Message: "in the way"}}
	w := newWorld(east, west, web, api)
	o := NewStatusOptions(w.streams(), &FederationOptions{})
	if err := o.run(t.Context(), w.connectFederation()); err != nil {
		t.Fatal(err)
	}
	want := `2 clusters, 2 workloads, 3 of 4 replicas available

CLUSTER   READY                TAKES            REPLICAS   LOAD   NODES   VERSION   REGION
east      True                 none: cordoned   2/3        40%    2/3     v1.37.1   -
west      False: Unreachable   all              1/1        -      0/0     -         -

MOVES UNDER WAY
default/deployment web, east=2>0 west=1
   Moving: east 2 → 0

NEEDS YOU
cluster west
   Unreachable: nobody answers
default/deployment api, east=1
   Conflict: in the way
`
	if diff := cmp.Diff(want, w.out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	w.out.Reset()
	o.Output = "json"
	if err := o.run(t.Context(), w.connectFederation()); err != nil {
		t.Fatal(err)
	}
	var f fleet
	if err := json.Unmarshal(w.out.Bytes(), &f); err != nil || len(f.Clusters) != 2 || len(f.Moves) != 1 || len(f.Attention) != 2 {
		t.Errorf("%v: %s", err, w.out.String())
	}
}

// On a terminal what is watched is shown in its place, and else again when it changes.
func TestStatusShows(t *testing.T) {
	w := newWorld()
	o := NewStatusOptions(w.streams(), &FederationOptions{})
	o.Watch, o.TerminalOut = true, true
	shown := ""
	for _, text := range []string{"a\n", "a\n", "b\n"} {
		o.show(text, &shown)
	}
	if got, want := w.out.String(), clearScreen+"a\n"+clearScreen+"b\n"; got != want {
		t.Errorf("on a terminal %q, want %q", got, want)
	}
	w.out.Reset()
	o.TerminalOut, shown = false, ""
	for _, text := range []string{"a\n", "a\n", "b\n"} {
		o.show(text, &shown)
	}
	if got, want := w.out.String(), "a\n\nb\n"; got != want {
		t.Errorf("in a pipe %q, want %q", got, want)
	}
}
