// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package autoscale

import (
	"testing"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestAsked(t *testing.T) {
	placed := func(change func(*v1alpha1.Placement)) *v1alpha1.Placement {
		p := &v1alpha1.Placement{Spec: v1alpha1.PlacementSpec{Replicas: ptr.To[int32](4), Autoscaler: &v1alpha1.Autoscaler{Name: "web"}, Clusters: []v1alpha1.ClusterAssignment{
			{Name: "east", MinReplicas: ptr.To[int32](2), MaxReplicas: ptr.To[int32](8)}, {Name: "west", MinReplicas: ptr.To[int32](1), MaxReplicas: ptr.To[int32](4)},
		}}}
		p.Status.Clusters = []v1alpha1.ClusterPlacementStatus{
			{Name: "east", DesiredReplicas: ptr.To[int32](5)}, {Name: "gone", DesiredReplicas: ptr.To[int32](9)}, {Name: "west", DesiredReplicas: ptr.To[int32](1)},
		}
		change(p)
		return p
	}
	for _, tt := range []struct {
		name   string
		change func(*v1alpha1.Placement)
		want   *int32
	}{
		{"all say", func(*v1alpha1.Placement) {}, ptr.To[int32](6)},
		{"one does not say", func(p *v1alpha1.Placement) { p.Status.Clusters[2].DesiredReplicas = nil }, nil},
		{"one was not looked at yet", func(p *v1alpha1.Placement) { p.Status.Clusters[0].DesiredReplicas = ptr.To[int32](1) }, nil},
		{"nobody scales it", func(p *v1alpha1.Placement) { p.Spec.Autoscaler = nil }, nil},
		{"it is whole in each", func(p *v1alpha1.Placement) { p.Spec.Replicas = nil }, nil},
		{"it is nowhere", func(p *v1alpha1.Placement) { p.Spec.Clusters = nil }, nil},
	} {
		if got := asked(placed(tt.change)); !ptr.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, ptr.Deref(got, -1), ptr.Deref(tt.want, -1))
		}
	}
}
