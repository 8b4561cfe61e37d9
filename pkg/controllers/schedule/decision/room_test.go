// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// resources reads "cpu", "8", "memory", "4Gi", …
func resources(pairs ...string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for pair := range slices.Chunk(pairs, 2) {
		out[corev1.ResourceName(pair[0])] = resource.MustParse(pair[1])
	}
	return out
}

// sized has nodes with so much, of which so much is requested.
func sized(allocatable, requested corev1.ResourceList) func(*v1alpha1.Cluster) {
	return func(c *v1alpha1.Cluster) {
		c.Status.Nodes.Total = 3
		c.Status.Allocatable, c.Status.Requested = allocatable, requested
	}
}

func TestFreeRoom(t *testing.T) {
	pod := resources("cpu", "500m", "memory", "1Gi", "pods", "1")
	for _, tt := range []struct {
		name               string
		cluster            *v1alpha1.Cluster
		reserved, requests corev1.ResourceList
		want               int64
		scarce             corev1.ResourceName
		unknown            bool
	}{
		{name: "nothing is known", cluster: member("a"), requests: pod, unknown: true},
		{name: "empty", cluster: member("a", sized(resources("cpu", "4", "memory", "100Gi", "pods", "110"), nil)), requests: pod, want: 8, scarce: "cpu"},
		{name: "in use", cluster: member("a", sized(resources("cpu", "4", "memory", "6Gi", "pods", "110"), resources("cpu", "1", "memory", "3Gi"))), requests: pod, want: 3, scarce: "memory"},
		{name: "reserved", cluster: member("a", sized(resources("cpu", "4", "memory", "6Gi", "pods", "110"), nil)), reserved: resources("cpu", "3900m"), requests: pod, want: 0, scarce: "cpu"},
		{name: "more in use than there is", cluster: member("a", sized(resources("cpu", "4", "memory", "6Gi", "pods", "2"), resources("cpu", "9"))), requests: pod, want: 0, scarce: "cpu"},
		{name: "places for pods", cluster: member("a", sized(resources("cpu", "4", "memory", "6Gi", "pods", "2"), nil)), requests: resources("pods", "1"), want: 2, scarce: "pods"},
		{name: "what no node has", cluster: member("a", sized(resources("cpu", "4", "pods", "2"), nil)), requests: resources("example.com/gpu", "1"), want: 0, scarce: "example.com/gpu"},
		{name: "requests of nothing do not count", cluster: member("a", sized(resources("pods", "2"), nil)), requests: resources("cpu", "0", "pods", "1"), want: 2, scarce: "pods"},
		{name: "large quantities", cluster: member("a", sized(resources("memory", "4Ei"), nil)), requests: resources("memory", "1Ei"), want: 4, scarce: "memory"},
		{name: "no node is ready", cluster: member("a", sized(nil, nil)), requests: pod, want: 0, scarce: "cpu"},
		{name: "elastic", cluster: member("a", sized(nil, nil), func(c *v1alpha1.Cluster) { c.Spec.Elastic = true }), requests: pod, unknown: true},
	} {
		got, scarce, known := freeRoom(tt.cluster, tt.reserved, tt.requests)
		if got != tt.want || scarce != tt.scarce || known == tt.unknown {
			t.Errorf("%s: %d pods, for want of %q, known %v; want %d, %q, %v", tt.name, got, scarce, known, tt.want, tt.scarce, !tt.unknown)
		}
	}
}

func TestRequests(t *testing.T) {
	template := &corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		Overhead:       resources("cpu", "10m"),
		InitContainers: []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: resources("cpu", "2")}}},
		Containers:     []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: resources("cpu", "500m", "memory", "1Gi")}}, {}},
	}}
	if diff := gocmp.Diff(resources("cpu", "2010m", "memory", "1Gi", "pods", "1"), Requests(template)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestCapacity(t *testing.T) {
	ago := func(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }
	report := func(replicas, unschedulable int32, since time.Duration) v1alpha1.ClusterPlacementStatus {
		return v1alpha1.ClusterPlacementStatus{Name: "a", Replicas: replicas, UnschedulableReplicas: unschedulable, UnschedulableSince: ptr.To(ago(since))}
	}
	limit := func(replicas, excess int32, since, hold time.Duration) *v1alpha1.ClusterLimit {
		return &v1alpha1.ClusterLimit{Name: "a", Replicas: replicas, Excess: excess, Since: ago(since), Hold: metav1.Duration{Duration: hold}}
	}
	for _, tt := range []struct {
		name  string
		space space
		want  *int64
		limit *v1alpha1.ClusterLimit
		again time.Duration
	}{
		{name: "nothing is known", space: space{current: 4}},
		{name: "free room is beside what runs", space: space{current: 4, free: ptr.To[int64](3)}, want: ptr.To[int64](7)},
		{name: "what was placed lately is still in the free room", space: space{current: 4, recent: 3, free: ptr.To[int64](5)}, want: ptr.To[int64](6)},
		{name: "what runs is not in question", space: space{current: 4, recent: 4, free: ptr.To[int64](0)}, want: ptr.To[int64](4)},
		{name: "pods wait for a node, not yet for long", space: space{current: 8, free: ptr.To[int64](2), report: report(8, 2, 20*time.Second)}, want: ptr.To[int64](8), again: 40 * time.Second},
		{
			name: "pods found no node", space: space{current: 8, free: ptr.To[int64](2), report: report(8, 2, time.Minute)},
			want: ptr.To[int64](6), limit: limit(6, 2, 0, firstHold), again: firstHold,
		},
		{
			name: "pods found no node, and nothing is known", space: space{current: 8, report: report(8, 2, time.Hour)},
			want: ptr.To[int64](6), limit: limit(6, 0, 0, firstHold), again: firstHold,
		},
		{name: "pods of a rollout that surges", space: space{current: 6, free: ptr.To[int64](0), report: report(8, 2, time.Hour)}, want: ptr.To[int64](6)},
		{
			name: "a limit holds", space: space{current: 6, free: ptr.To[int64](2), limit: limit(6, 2, time.Minute, firstHold)},
			want: ptr.To[int64](6), limit: limit(6, 2, time.Minute, firstHold), again: firstHold - time.Minute,
		},
		{
			name: "a limit holds, and there is less room still", space: space{current: 6, free: ptr.To[int64](1), limit: limit(6, 2, time.Minute, firstHold)},
			want: ptr.To[int64](6), limit: limit(6, 1, time.Minute, firstHold), again: firstHold - time.Minute,
		},
		{
			name: "a limit holds, and room came free", space: space{current: 6, free: ptr.To[int64](5), limit: limit(6, 2, time.Minute, firstHold)},
			want: ptr.To[int64](9), limit: limit(6, 2, time.Minute, firstHold), again: firstHold - time.Minute,
		},
		{
			name: "a limit holds where nothing else is known", space: space{current: 6, limit: limit(6, 0, time.Minute, firstHold)},
			want: ptr.To[int64](6), limit: limit(6, 0, time.Minute, firstHold), again: firstHold - time.Minute,
		},
		{
			name: "a limit is over, and remembered", space: space{current: 6, free: ptr.To[int64](2), limit: limit(6, 2, firstHold, firstHold)},
			want: ptr.To[int64](8), limit: limit(6, 2, firstHold, firstHold),
		},
		{
			name: "tried again in vain", space: space{current: 8, free: ptr.To[int64](2), report: report(8, 2, time.Minute), limit: limit(6, 2, firstHold+time.Minute, firstHold)},
			want: ptr.To[int64](6), limit: limit(6, 2, 0, 2*firstHold), again: 2 * firstHold,
		},
		{
			name: "tried in vain often", space: space{current: 8, free: ptr.To[int64](2), report: report(8, 2, time.Minute), limit: limit(6, 2, time.Hour, longestHold)},
			want: ptr.To[int64](6), limit: limit(6, 2, 0, longestHold), again: longestHold,
		},
		{name: "a limit is forgotten", space: space{current: 8, free: ptr.To[int64](2), limit: limit(6, 2, 3*firstHold, firstHold)}, want: ptr.To[int64](10)},
	} {
		tt.space.after, tt.space.now, tt.space.measured = time.Minute, now, tt.space.free
		got, kept, again := tt.space.capacity()
		if diff := gocmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: capacity (-want +got):\n%s", tt.name, diff)
		}
		if diff := gocmp.Diff(tt.limit, kept); diff != "" {
			t.Errorf("%s: limit (-want +got):\n%s", tt.name, diff)
		}
		if again != tt.again {
			t.Errorf("%s: again in %v, want %v", tt.name, again, tt.again)
		}
	}
}

// own is a cluster that is to be filled first, cloud takes what does not fit there. Own can run fewer replicas than its
// free resources say. World moves time on, and has own's nodes, its scheduler and the measuring do what they do.
type world struct {
	now             time.Time
	room, seeming   int64 // what own can run, and what it seems to have room for beyond that
	placed          v1alpha1.PlacementSpec
	since, measured time.Time
	free            int64
}

func (w *world) pass(t *rapid.T, d time.Duration) {
	w.now = w.now.Add(d)
	assigned := replicasByCluster(&w.placed)["own"]
	runs := min(assigned, w.room)
	if w.measured.IsZero() || w.now.Sub(w.measured) >= 30*time.Second {
		w.measured, w.free = w.now, w.room+w.seeming-runs
	}
	report := v1alpha1.ClusterPlacementStatus{Name: "own", Replicas: int32(assigned), UnschedulableReplicas: int32(assigned - runs)}
	switch {
	case assigned == runs:
		w.since = time.Time{}
	case w.since.IsZero():
		w.since = w.now
	}
	if !w.since.IsZero() {
		report.UnschedulableSince = &metav1.Time{Time: w.since}
	}
	own := member("own", sized(resources("cpu", fmt.Sprint(w.free)), nil))
	policy := policyWith(rebalancing(v1alpha1.RebalanceAutomatic),
		v1alpha1.ClusterWeight{Name: "own", Weight: ptr.To[int64](1), Priority: 1}, weight("cloud", 1))
	in := Inputs{Policy: policy, Clusters: []*v1alpha1.Cluster{own, member("cloud")}, Now: w.now}
	if w.placed.Replicas != nil {
		in.Current, in.Reports = &w.placed, []v1alpha1.ClusterPlacementStatus{report}
	}
	next, _ := Divide(Workload{Key: "deployment/default/web", Generation: 1, Replicas: 20, Requests: resources("cpu", "1")}, in)
	if next.Unplaced > 0 {
		t.Fatalf("%d replicas are placed nowhere: %+v", next.Unplaced, next.Clusters)
	}
	w.placed = next
}

// Whatever room there really is, it is used, and nothing goes to and fro.
func TestOverflowReturnsAndDoesNotFlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := world{now: now, seeming: rapid.Int64Range(0, 4).Draw(t, "seeming")}
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			w.room = rapid.Int64Range(0, 25).Draw(t, "room")
			turns, was, rose := 0, replicasByCluster(&w.placed)["own"], false
			for elapsed := time.Duration(0); elapsed < 2*time.Hour; elapsed += 6 * time.Second {
				w.pass(t, 6*time.Second)
				is := replicasByCluster(&w.placed)["own"]
				if is < was && rose {
					turns++
				}
				if is != was {
					rose = is > was
				}
				was = is
			}
			// Once at first, and when it is tried again after 5, 10, 20, 40 and 60 minutes.
			if turns > 6 {
				t.Fatalf("went up and down again %d times in two hours", turns)
			}
			for range 200 { // a trial may be under way
				if was = replicasByCluster(&w.placed)["own"]; was == min(20, w.room) {
					break
				}
				w.pass(t, 6*time.Second)
			}
			if was != min(20, w.room) {
				t.Fatalf("%d replicas where there is room for %d", was, w.room)
			}
		}
	})
}
