// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Numbers hold for all clusters together, per cents in each.
func TestRolloutIsDivided(t *testing.T) {
	spec := &v1alpha1.PlacementSpec{Replicas: ptr.To[int32](10), Clusters: []v1alpha1.ClusterAssignment{
		{Name: "a", Replicas: ptr.To[int32](6)}, {Name: "b", Replicas: ptr.To[int32](1), Target: ptr.To[int32](3)}, {Name: "c", Replicas: ptr.To[int32](1)},
	}}
	whole := &v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	for _, tt := range []struct {
		unavailable, surge string
		spec               *v1alpha1.PlacementSpec
		want               string // "unavailable/surge" of a, b and c
	}{
		{"25%", "25%", spec, "25%/25% 25%/25% 25%/25%"},
		{"5", "25%", spec, "3/25% 2/25% 0/25%"},
		{"1", "25%", spec, "1/25% 0/25% 0/25%"},
		{"0", "3", spec, "0/2 0/1 0/1"},
		{"25%", "1", spec, "25%/1 25%/1 25%/1"},
		{"1", "1", spec, "1/1 0/1 0/1"},
		{"1", "0", spec, "1/0 1/0 1/0"},
		{"1", "0%", spec, "1/0% 1/0% 1/0%"},
		{"4", "4", whole, "4/4 4/4 4/4"},
	} {
		d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](10), Strategy: appsv1.DeploymentStrategy{RollingUpdate: &appsv1.RollingUpdateDeployment{
			MaxUnavailable: ptr.To(intstr.Parse(tt.unavailable)), MaxSurge: ptr.To(intstr.Parse(tt.surge)),
		}}}}
		var got string
		for _, cluster := range []string{"a", "b", "c"} {
			r := Deployment.In(cluster, d, tt.spec).(*appsv1.Deployment).Spec.Strategy.RollingUpdate
			got += fmt.Sprintf(" %s/%s", r.MaxUnavailable, r.MaxSurge)
		}
		if got[1:] != tt.want {
			t.Errorf("%s/%s:%s, want %s", tt.unavailable, tt.surge, got, tt.want)
		}
	}
}

func TestPartsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var clusters []v1alpha1.ClusterAssignment
		var all int32
		for i := range rapid.IntRange(1, 8).Draw(t, "clusters") {
			n := rapid.Int32Range(0, 50).Draw(t, "replicas")
			all += n
			clusters = append(clusters, v1alpha1.ClusterAssignment{Name: fmt.Sprint("c", i), Replicas: &n})
		}
		n := rapid.Int32Range(0, 100).Draw(t, "number")
		var sum int32
		for _, a := range clusters {
			part := PartOf(n, clusters, a.Name)
			if all > 0 && *a.Replicas == 0 && part > 0 {
				t.Fatalf("%s has no replicas, and %d of %d", a.Name, part, n)
			}
			sum += part
		}
		if all > 0 && sum != n {
			t.Fatalf("the parts of %d add up to %d", n, sum)
		}
	})
}
