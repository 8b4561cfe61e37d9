// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Clients follow the ready endpoints: never more than the Migration says on the way there, and back at once if the source
// can take them.
func TestPercentMoved(t *testing.T) {
	for _, tt := range []struct {
		name            string
		weight, traffic int32
		from, to, want  int32
	}{
		{"prepared", 0, 0, 10, 1, 0},
		{"a step begins", 25, 5, 10, 1, 9},
		{"and is there", 25, 25, 8, 3, 25},
		{"the target has lost some", 25, 25, 8, 1, 25},
		{"the target has none", 50, 50, 5, 0, 0},
		{"the last step", 99, 50, 1, 9, 90},
		{"clients have left", 99, 100, 1, 10, 100},
		{"rolled back from a small step", 0, 0, 8, 3, 0},
		{"rolled back from the end: nobody is there yet", 0, 0, 0, 10, 100},
		{"the source begins to carry", 0, 0, 3, 10, 70},
		{"and can", 0, 0, 6, 6, 0},
	} {
		if got := percentMoved(tt.weight, tt.traffic, tt.from, tt.to); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int32Range(0, 1000)
		weight := rapid.Int32Range(0, 100).Draw(t, "weight")
		from, to := n.Draw(t, "from"), n.Draw(t, "to")
		if p := percentMoved(weight, rapid.Int32Range(0, weight).Draw(t, "traffic"), from, to); p < 0 || p > 100 || weight > 0 && p > weight || p > 0 && to == 0 {
			t.Fatalf("%d %%", p)
		}
	})
}

// A Service whose Placement has a Migration moves its clients; a target that its policy does not name takes the source's
// place.
func TestMigrationOfAService(t *testing.T) {
	placement := &v1alpha1.Placement{}
	placement.Spec.Clusters = []v1alpha1.ClusterAssignment{{Name: "a"}, {Name: "b"}}
	placement.Spec.Migration = &v1alpha1.PlacementMigration{Name: "ab", From: "a", To: "b", Weight: 50, Traffic: 50, Newcomer: true}
	placement.Status.Clusters = []v1alpha1.ClusterPlacementStatus{{Name: "a", ReadyEndpoints: 2}, {Name: "b", ReadyEndpoints: 2}}
	policy := &v1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	policy.Spec.Clusters = []v1alpha1.ClusterTraffic{{Name: "a", Weight: new(int64(7)), Priority: 3}}
	policy.Spec.Target.Kind = "Service"
	s := Service(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}}, placement, []*v1alpha1.TrafficPolicy{policy})
	if s.Move == nil || s.Move.Percent != 50 || !s.Move.Newcomer || s.Move.From[0] != "a" || s.Move.To[0] != "b" {
		t.Errorf("%+v", s.Move)
	}
	if b := backendOf(&s, "b"); *b.Weight != 7 || b.Priority != 3 {
		t.Errorf("the target has weight %d, priority %d", *b.Weight, b.Priority)
	}
	placement.Status.Clusters = placement.Status.Clusters[:1]
	placement.Spec.Clusters = placement.Spec.Clusters[:1]
	if s := Service(&corev1.Service{}, placement, nil); s.Move != nil {
		t.Errorf("with no target: %+v", s.Move)
	}
}
