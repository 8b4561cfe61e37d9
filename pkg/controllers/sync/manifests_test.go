// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"strconv"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// A manifest is made anew when what it is made from has changed, and only then.
func TestManifestsAreMadeOnce(t *testing.T) {
	object := func(change func(*metav1.ObjectMeta)) metav1.Object {
		m := &metav1.ObjectMeta{Name: "web", UID: "uid-1", Generation: 2, ResourceVersion: "5", Labels: map[string]string{"app": "web"}, Annotations: map[string]string{"a": "b"}}
		change(m)
		return m
	}
	placement := func(uid string, generation int64) *v1alpha1.Placement {
		return &v1alpha1.Placement{ObjectMeta: metav1.ObjectMeta{UID: types.UID(uid), Generation: generation}}
	}
	as := object(func(*metav1.ObjectMeta) {})
	for _, tt := range []struct {
		name        string
		first, then basis
		other       share
		again       bool
	}{
		{"the same", basis{source: as}, basis{source: as}, share{}, false},
		{"another status", basis{source: as}, basis{source: object(func(m *metav1.ObjectMeta) { m.ResourceVersion = "6" })}, share{}, false},
		{"another spec", basis{source: as}, basis{source: object(func(m *metav1.ObjectMeta) { m.ResourceVersion, m.Generation = "6", 3 })}, share{}, true},
		{"another label", basis{source: as}, basis{source: object(func(m *metav1.ObjectMeta) { m.ResourceVersion, m.Labels = "6", nil })}, share{}, true},
		{"another annotation", basis{source: as}, basis{source: object(func(m *metav1.ObjectMeta) { m.ResourceVersion, m.Annotations = "6", nil })}, share{}, true},
		{"another object of the name", basis{source: as}, basis{source: object(func(m *metav1.ObjectMeta) { m.UID = "uid-2" })}, share{}, true},
		{
			"another version of what has no generation",
			basis{source: object(func(m *metav1.ObjectMeta) { m.Generation = 0 })},
			basis{source: object(func(m *metav1.ObjectMeta) { m.Generation, m.ResourceVersion = 0, "6" })},
			share{},
			true,
		},
		{"another share", basis{source: as}, basis{source: as}, share{counted: true}, true},
		{"another cluster", basis{source: as}, basis{source: as}, share{cluster: "east"}, true},
		{"the same Placement", basis{as, placement("p", 1)}, basis{as, placement("p", 1)}, share{}, false},
		{"another generation of the Placement", basis{as, placement("p", 1)}, basis{as, placement("p", 2)}, share{}, true},
		{"another Placement", basis{as, placement("p", 1)}, basis{as, placement("q", 1)}, share{}, true},
		{"a Placement that mattered", basis{as, placement("p", 1)}, basis{source: as}, share{}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m manifests
			times := 0
			create := func() (manifest, error) {
				times++
				return manifest{json: []byte(strconv.Itoa(times)), digest: strconv.Itoa(times)}, nil
			}
			want := "1"
			if tt.again {
				want = "2"
			}
			if first, err := m.get(item{}, tt.first, share{}, create); err != nil || first.digest != "1" {
				t.Fatalf("the first is %v, %v", first, err)
			}
			if got, err := m.get(item{}, tt.then, tt.other, create); err != nil || got.digest != want || string(got.json) != want {
				t.Errorf("it is %v, %v; want number %s", got, err, want)
			}
			m.forget(item{})
			if len(m.of) > 0 {
				t.Error("it is not forgotten")
			}
		})
	}
}

// Of many shares all digests are kept, and few requests: none that is large.
func TestManifestsKeepFewRequests(t *testing.T) {
	var m manifests
	from := basis{source: &metav1.ObjectMeta{UID: "uid-1", Generation: 1}}
	get := func(replicas, size int) manifest {
		got, err := m.get(item{}, from, share{counted: true, replicas: int32(replicas)}, func() (manifest, error) {
			return manifest{json: make([]byte, size), digest: strconv.Itoa(replicas)}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for i := range 10 {
		get(i, 1)
	}
	get(10, keptBytes+1)
	for i := range 11 {
		got := get(i, 1)
		if got.digest != strconv.Itoa(i) {
			t.Errorf("the digest of %d is %s", i, got.digest)
		}
		if kept := i == 8 || i == 9; kept != (got.json != nil) {
			t.Errorf("the request of %d is there: %t", i, got.json != nil)
		}
	}
}

// What clusters with the same share hold is the same, unless something tells the clusters apart.
func TestShareOf(t *testing.T) {
	placement := &v1alpha1.Placement{Spec: v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{
		{Name: "east", Replicas: ptr.To[int32](2)}, {Name: "west", Replicas: ptr.To[int32](2)}, {Name: "north", Replicas: ptr.To[int32](3)},
	}}}
	same := func(kind *workload.Kind, a, b string) bool {
		one, _ := shareOf(a, kind, federated(), placement)
		other, _ := shareOf(b, kind, federated(), placement)
		return one == other
	}
	if !same(workload.Deployment, "east", "west") || same(workload.Deployment, "east", "north") {
		t.Error("replicas do not tell shares apart, and nothing else")
	}
	if same(workload.Job, "east", "west") {
		t.Error("each cluster has its own part of a Job")
	}
	counted := federated()
	counted.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: ptr.To(intstr.FromInt32(1))}
	if one, _ := shareOf("east", workload.Deployment, counted, placement); one.cluster != "east" {
		t.Error("each cluster has its own part of what may be missing")
	}
	placement.Spec.Overrides = []v1alpha1.Override{{}}
	if same(workload.Deployment, "east", "west") {
		t.Error("overrides may be for one cluster")
	}
}

// Where clusters differ in replicas only, one manifest tells of all.
func TestManifestsOfOtherReplicas(t *testing.T) {
	from := basis{source: &metav1.ObjectMeta{Name: "web", UID: "uid-1", Generation: 2, ResourceVersion: "5"}}
	counted := func(replicas int32) share { return share{counted: true, replicas: replicas} }
	for _, tt := range []struct {
		name        string
		first, then share
		replicas    *int32 // in the first manifest
		again       bool
	}{
		{"other replicas", counted(3), counted(5), ptr.To[int32](3), false},
		{"replicas that are not in the spec", counted(3), counted(5), nil, true},
		{"nothing runs", counted(3), share{counted: true, idle: true}, ptr.To[int32](3), true},
		{"nothing ran", share{counted: true, idle: true}, counted(5), ptr.To[int32](0), true},
		{"another cluster", counted(3), share{cluster: "east", counted: true, replicas: 5}, ptr.To[int32](3), true},
		{"not counted", share{}, counted(5), ptr.To[int32](3), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var m manifests
			if _, err := m.get(item{}, from, tt.first, func() (manifest, error) { return manifest{json: []byte("{}"), digest: "1", replicas: tt.replicas}, nil }); err != nil {
				t.Fatal(err)
			}
			again := false
			got, err := m.get(item{}, from, tt.then, func() (manifest, error) {
				again = true
				return manifest{digest: "2"}, nil
			})
			if err != nil || again != tt.again {
				t.Fatalf("it is made: %v, want %v; %v", again, tt.again, err)
			}
			if !again && !got.same("1", &tt.then.replicas) {
				t.Errorf("it is %v", got)
			}
		})
	}
}
