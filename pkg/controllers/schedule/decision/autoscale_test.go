// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// bounds of a decision's clusters: "a=1…4 from 2".
func bounds(spec v1alpha1.PlacementSpec) string {
	var out []string
	for _, a := range spec.Clusters {
		out = append(out, fmt.Sprintf("%s=%d…%d from %d", a.Name, ptr.Deref(a.MinReplicas, -1), ptr.Deref(a.MaxReplicas, -1), ptr.Deref(a.Replicas, -1)))
	}
	return strings.Join(out, ", ")
}

func TestDivideBounds(t *testing.T) {
	three := []*v1alpha1.Cluster{member("a"), member("b"), member("c")}
	weighted := policyWith(nil, weight("a", 1), weight("b", 2), weight("c", 3))
	for _, tt := range []struct {
		name            string
		replicas        int32
		least, most     int32
		policy          *v1alpha1.PlacementPolicy
		clusters        []*v1alpha1.Cluster
		current         *v1alpha1.PlacementSpec
		reports         []v1alpha1.ClusterPlacementStatus
		want, leavesOut string
	}{
		{name: "by weight", replicas: 6, least: 6, most: 12, policy: weighted, clusters: three, want: "a=1…2 from 1, b=2…4 from 2, c=3…6 from 3"},
		{name: "from what there is", replicas: 9, least: 6, most: 12, policy: weighted, clusters: three, want: "a=1…2 from 2, b=2…4 from 3, c=3…6 from 4"},
		{name: "from the bounds, if what there is is beyond them", replicas: 1, least: 6, most: 12, policy: weighted, clusters: three, want: "a=1…2 from 1, b=2…4 from 2, c=3…6 from 3"},
		{name: "a minimum of fewer than the clusters", replicas: 1, least: 1, most: 6, clusters: three, want: "a=1…2 from 1, b=1…2 from 1, c=1…2 from 1"},
		{name: "a maximum of fewer than the clusters", replicas: 1, least: 1, most: 2, policy: weighted, clusters: three, want: "b=1…1 from 1, c=1…1 from 1", leavesOut: "a:Share"},
		{name: "a drained cluster", replicas: 6, least: 6, most: 12, policy: policyWith(nil, weight("a", 0), weight("b", 1), weight("c", 1)), clusters: three, want: "b=3…6 from 3, c=3…6 from 3", leavesOut: "a:Drained"},
		{name: "a maximum of the policy", replicas: 6, least: 3, most: 12, policy: policyWith(nil, v1alpha1.ClusterWeight{Name: "a", MaxReplicas: ptr.To[int32](1)}, weight("b", 1)), clusters: three[:2], want: "a=1…1 from 1, b=2…11 from 5"},
		{
			name: "pods found no node", replicas: 12, least: 2, most: 20, clusters: three[:2], want: "a=1…6 from 6, b=1…14 from 6",
			current: &v1alpha1.PlacementSpec{Autoscaler: &v1alpha1.Autoscaler{Name: "h", MinReplicas: 2, MaxReplicas: 20}, WorkloadGeneration: 1, Clusters: []v1alpha1.ClusterAssignment{
				{Name: "a", MinReplicas: ptr.To[int32](1), MaxReplicas: ptr.To[int32](10)}, {Name: "b", MinReplicas: ptr.To[int32](1), MaxReplicas: ptr.To[int32](10)},
			}},
			reports: []v1alpha1.ClusterPlacementStatus{{Name: "a", ObservedGeneration: 1, Replicas: 8, UpdatedReplicas: 8, AvailableReplicas: 6, DesiredReplicas: ptr.To[int32](8), UnschedulableReplicas: 2, UnschedulableSince: &metav1.Time{Time: now.Add(-time.Hour)}}},
		},
	} {
		w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: tt.replicas, Requests: resources("cpu", "1"), Autoscaler: &v1alpha1.Autoscaler{Name: "h", MinReplicas: tt.least, MaxReplicas: tt.most}}
		got, _ := Decide(w, Inputs{Policy: tt.policy, Clusters: tt.clusters, Current: tt.current, Reports: tt.reports, Now: now})
		if is := bounds(got); is != tt.want || leavesOut(got) != tt.leavesOut || got.Autoscaler != w.Autoscaler {
			t.Errorf("%s: %s, without %q; want %s, without %q", tt.name, is, leavesOut(got), tt.want, tt.leavesOut)
		}
	}
}

// Whatever the bounds, each cluster's are in order, and together they are the whole's, but that no minimum is 0.
func TestBoundsAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, policy, clusters, current := situation(t)
		least := rapid.Int32Range(1, 30).Draw(t, "least")
		h := &v1alpha1.Autoscaler{Name: "h", MinReplicas: least, MaxReplicas: least + rapid.Int32Range(0, 60).Draw(t, "range")}
		w := Workload{Key: "deployment/default/web", Generation: d.Generation, Replicas: *d.Spec.Replicas, Autoscaler: h}
		got, _ := Decide(w, Inputs{Policy: policy, Clusters: clusters, Current: current, Now: now})
		if got.Problem == "NoClusters" || got.Problem == "AllWeightsZero" {
			return // what runs stays
		}
		var least2, most int32
		for _, a := range got.Clusters {
			if a.MinReplicas == nil || a.MaxReplicas == nil || *a.MinReplicas > *a.Replicas || *a.Replicas > *a.MaxReplicas || *a.MinReplicas < min(1, *a.MaxReplicas) {
				t.Fatalf("not in order: %s", bounds(got))
			}
			least2, most = least2+*a.MinReplicas, most+*a.MaxReplicas
		}
		if most+got.Unplaced != h.MaxReplicas {
			t.Fatalf("%s: up to %d, and %d fit nowhere; want %d", bounds(got), most, got.Unplaced, h.MaxReplicas)
		}
		if least2 > max(h.MinReplicas, int32(len(got.Clusters))+h.MinReplicas) {
			t.Fatalf("%s: not less than %d; asked for %d", bounds(got), least2, h.MinReplicas)
		}
	})
}

func TestAutoscalerOf(t *testing.T) {
	autoscaler := func(name, kind, target string, leaving bool) *autoscalingv2.HorizontalPodAutoscaler {
		h := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: name}}
		h.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: kind, Name: target}
		h.Spec.MaxReplicas = 5
		if leaving {
			h.DeletionTimestamp = &metav1.Time{Time: now}
		}
		return h
	}
	f := written{autoscalers: []*autoscalingv2.HorizontalPodAutoscaler{
		autoscaler("z", "Deployment", "web", false), autoscaler("y", "Deployment", "web", false), autoscaler("a", "Deployment", "web", true),
		autoscaler("b", "StatefulSet", "web", false), autoscaler("c", "Deployment", "api", false),
	}}
	for _, tt := range []struct {
		key      workload.Key
		replicas int32
		want     string
	}{
		{workload.Key{Kind: workload.Deployment, Name: "web"}, 1, "y"},
		{workload.Key{Kind: workload.Deployment, Name: "web"}, 0, ""},
		{workload.Key{Kind: workload.StatefulSet, Name: "web"}, 1, "b"},
		{workload.Key{Kind: workload.Deployment, Name: "other"}, 1, ""},
		{workload.Key{Kind: workload.DaemonSet, Name: "web"}, 1, ""},
	} {
		got, err := autoscalerOf(f, tt.key, Workload{Replicas: tt.replicas})
		if err != nil || got == nil != (tt.want == "") || got != nil && (got.Name != tt.want || got.MinReplicas != 1 || got.MaxReplicas != 5) {
			t.Errorf("%s with %d replicas: %+v, %v; want %q", tt.key, tt.replicas, got, err, tt.want)
		}
	}
	if _, err := autoscalerOf(written{failing: "autoscalers"}, workload.Key{Kind: workload.Deployment, Name: "web"}, Workload{Replicas: 1}); err == nil {
		t.Error("autoscalers that cannot be read are none")
	}
}

// An autoscaler goes where its workload is, with the bounds it has there; not before these are divided.
func TestAutoscalerFollowsWithItsBounds(t *testing.T) {
	backend := &v1alpha1.PlacementSpec{
		Workload: v1alpha1.WorkloadReference{Kind: "Deployment", Name: "web"}, Replicas: ptr.To[int32](3),
		Clusters: []v1alpha1.ClusterAssignment{{Name: "a", Replicas: ptr.To[int32](3), MinReplicas: ptr.To[int32](1), MaxReplicas: ptr.To[int32](4)}},
	}
	clusters := []*v1alpha1.Cluster{member("a"), member("b")}
	if early := Follow(1, "HorizontalPodAutoscaler", []*v1alpha1.Placement{{Spec: *backend}}, false, clusters, nil, now); len(early.Clusters) > 0 {
		t.Errorf("undivided, it is on %s", bounds(early))
	}
	backend.Autoscaler = &v1alpha1.Autoscaler{Name: "h"}
	if got := bounds(Follow(1, "HorizontalPodAutoscaler", []*v1alpha1.Placement{{Spec: *backend}}, false, clusters, nil, now)); got != "a=1…4 from -1" {
		t.Errorf("it has %s", got)
	}
	if got := bounds(Follow(1, "Service", []*v1alpha1.Placement{{Spec: *backend}}, false, clusters, nil, now)); got != "a=-1…-1 from -1" {
		t.Errorf("a Service has %s", got)
	}
}
