// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
)

func cpu(quantity string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(quantity)}
}

func on(cluster string, replicas int32) *v1alpha1.PlacementSpec {
	return &v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: cluster, Replicas: ptr.To(replicas)}}}
}

func TestReservations(t *testing.T) {
	start := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	nothing := &v1alpha1.PlacementSpec{}
	r := newReservations()
	want := func(workload string, seconds int, own int64, others string) {
		t.Helper()
		got := r.of(workload, at(seconds))["east"]
		free := got.Others[corev1.ResourceCPU]
		if got.Own != own || free.Cmp(resource.MustParse(others)) != 0 {
			t.Errorf("%s after %d s: %d of its own, %s of others; want %d, %s", workload, seconds, got.Own, free.String(), own, others)
		}
	}
	r.reserve("web", cpu("500m"), nothing, on("east", 4), at(0))
	want("web", 1, 4, "0")
	want("api", 1, 0, "2")

	r.reserve("api", cpu("1"), on("east", 2), on("east", 5), at(3))
	want("web", 4, 4, "3")
	want("api", 4, 3, "2")

	// Two changes in a row count from what was there before the first.
	r.reserve("api", cpu("1"), on("east", 5), on("east", 6), at(6))
	want("api", 7, 4, "2")
	want("web", 7, 4, "4")

	// Less than there was reserves nothing.
	r.reserve("api", cpu("1"), on("east", 6), on("east", 1), at(9))
	want("web", 10, 4, "0")
	r.reserve("api", cpu("1"), on("east", 1), on("east", 3), at(12))
	want("web", 13, 4, "2")

	// A workload that is gone takes nothing.
	r.reserve("gone", cpu("8"), nothing, on("east", 1), at(12))
	want("web", 13, 4, "10")
	r.forget("gone")
	want("web", 14, 4, "2")

	// What is older than it takes to measure anew is forgotten, and what was set again counts from then.
	want("api", 15, 2, "0")
	want("web", 26, 0, "2")
	if got := r.of("web", at(27)); len(got) > 0 {
		t.Errorf("still reserved: %v", got)
	}
	if diff := cmp.Diff(map[string]decision.Reservation{}, newReservations().of("web", start)); diff != "" {
		t.Errorf("nothing was reserved (-want +got):\n%s", diff)
	}
}
