// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
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

// A cluster that waits for its turn keeps the template it has, and is scaled with it. It has nothing updated, whatever its own
// controllers say.
func TestTemplateOfBefore(t *testing.T) {
	d := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](6), Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{NodeName: "new"}}}}
	spec := &v1alpha1.PlacementSpec{
		WorkloadGeneration: 3, Replicas: ptr.To[int32](6), TemplateHash: "new",
		Templates: []v1alpha1.PlacementTemplate{{Hash: "old", Template: v1alpha1.JSON{Raw: []byte(`{"spec":{"nodeName":"old"}}`)}}},
		Clusters: []v1alpha1.ClusterAssignment{
			{Name: "a", Replicas: ptr.To[int32](1)}, {Name: "b", Replicas: ptr.To[int32](2), TemplateHash: "old"}, {Name: "c", Replicas: ptr.To[int32](3), TemplateHash: "older"},
		},
	}
	for cluster, want := range map[string]struct {
		template, hash string
		replicas       int32
		known, waits   bool
	}{"a": {"new", "new", 1, false, false}, "b": {"old", "old", 2, true, true}, "c": {"new", "older", 3, false, true}} {
		got := Deployment.In(cluster, d, spec).(*appsv1.Deployment)
		if got.Spec.Template.Spec.NodeName != want.template || *got.Spec.Replicas != want.replicas || got.Annotations[v1alpha1.AnnotationTemplateHash] != want.hash {
			t.Errorf("%s is to hold template %s with %d replicas, and says %v; want %+v", cluster, got.Spec.Template.Spec.NodeName, *got.Spec.Replicas, got.Annotations, want)
		}
		if before, waits := Template(spec, cluster); (before != nil) != want.known || waits != want.waits {
			t.Errorf("%s waits: %t, with a template that is known: %t; want %+v", cluster, waits, before != nil, want)
		}
	}
	if d.Spec.Template.Spec.NodeName != "new" || d.Annotations != nil {
		t.Errorf("the Deployment itself was changed: %+v", d)
	}
	in := func(cluster, hash string, n int32) v1alpha1.ClusterPlacementStatus {
		return v1alpha1.ClusterPlacementStatus{Name: cluster, ObservedGeneration: 3, TemplateHash: hash, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
	}
	sumDeployment(d, Reports{Placement: spec, Clusters: []v1alpha1.ClusterPlacementStatus{in("a", "new", 1), in("b", "old", 2), in("c", "older", 3)}})
	if s := d.Status; s.UpdatedReplicas != 1 || s.Replicas != 6 || s.AvailableReplicas != 6 || s.ObservedGeneration != 3 {
		t.Errorf("the status is %+v, want 1 of 6 updated", s)
	}
	progress := d.Status.Conditions[len(d.Status.Conditions)-1]
	if want := "Until it is their turn, these clusters keep the template they have: b, c."; progress.Status != corev1.ConditionTrue || !strings.HasSuffix(progress.Message, want) {
		t.Errorf("progressing is %+v, want %q at its end", progress, want)
	}
}
