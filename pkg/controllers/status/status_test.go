// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/sync"
	"drover.dev/drover/pkg/controllers/workload"
)

var (
	now   = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	later = now.Add(time.Minute)
)

// live is a Deployment in a member, made from a generation of the federated one, that its own controllers have acted on.
func live(source int64, replicas, total, updated, ready, available int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Generation: 1, Annotations: map[string]string{v1alpha1.AnnotationSourceGeneration: strconv.FormatInt(source, 10)}},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: total, UpdatedReplicas: updated, ReadyReplicas: ready, AvailableReplicas: available},
	}
}

func settled(source int64, n int32) *appsv1.Deployment { return live(source, n, n, n, n, n) }

func assigned(name string, n int32) *v1alpha1.ClusterAssignment {
	return &v1alpha1.ClusterAssignment{Name: name, Replicas: &n}
}

func TestReportOf(t *testing.T) {
	lag := settled(2, 3)
	lag.Generation = 2
	stuck := live(2, 3, 3, 1, 2, 2)
	stuck.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded", Message: "too slow"}}
	last := &v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true, ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}
	for _, tt := range []struct {
		name string
		seen seen
		want *v1alpha1.ClusterPlacementStatus // nil: there is nothing to say
	}{
		{"nothing to do with it", seen{kind: workload.Deployment, cluster: "east", connected: true}, nil},
		{
			"in step",
			seen{kind: workload.Deployment, cluster: "east", connected: true, assigned: assigned("east", 3), live: settled(2, 3)},
			&v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true, ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3},
		},
		{
			"not there yet",
			seen{kind: workload.Deployment, cluster: "east", connected: true, assigned: assigned("east", 3)},
			&v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "Syncing", Message: "not there yet"},
		},
		{
			"an older generation",
			seen{kind: workload.Deployment, cluster: "east", connected: true, assigned: assigned("east", 3), live: settled(1, 3)},
			&v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "Syncing", Message: "has generation 1 of 2", ObservedGeneration: 1, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3},
		},
		{
			"another share",
			seen{kind: workload.Deployment, cluster: "east", connected: true, assigned: assigned("east", 5), live: settled(2, 3)},
			&v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "Syncing", Message: "is being scaled to 5", ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3},
		},
		{
			"its controllers lag behind",
			seen{kind: workload.Deployment, cluster: "east", connected: true, assigned: assigned("east", 3), live: lag},
			&v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3},
		},
		{
			"being removed",
			seen{kind: workload.Deployment, cluster: "east", connected: true, live: settled(2, 3)},
			&v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "Syncing", Message: "being removed", ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3},
		},
		{
			"could not be written",
			seen{kind: workload.Deployment, cluster: "east", connected: true, assigned: assigned("east", 3), outcome: sync.Outcome{Reason: "Conflict", Message: "in the way"}},
			&v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "Conflict", Message: "in the way"},
		},
		{
			"gave up rolling out",
			seen{kind: workload.Deployment, cluster: "east", connected: true, assigned: assigned("east", 3), live: stuck},
			&v1alpha1.ClusterPlacementStatus{WorkloadStatus: &v1alpha1.JSON{Raw: []byte(`{"conditions":[{"type":"Progressing","status":"False","lastUpdateTime":null,"lastTransitionTime":null,"reason":"ProgressDeadlineExceeded","message":"too slow"}]}`)}, Name: "east", Synced: true, ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 1, ReadyReplicas: 2, AvailableReplicas: 2},
		},
		{
			"lost: what it said last stands",
			seen{kind: workload.Deployment, cluster: "east", assigned: assigned("east", 3), last: last},
			&v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "NotConnected", Message: "the cluster cannot be reached; this is what it reported last", ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3},
		},
		{
			"lost before it said anything",
			seen{kind: workload.Deployment, cluster: "east", assigned: assigned("east", 3)},
			&v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "NotConnected", Message: "the cluster cannot be reached; this is what it reported last"},
		},
		{"lost, and given up", seen{kind: workload.Deployment, cluster: "east", last: last}, nil},
		{"a Service", seen{kind: workload.Service, cluster: "east", connected: true, assigned: &v1alpha1.ClusterAssignment{Name: "east"}, readyEndpoints: 2, live: &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationSourceGeneration: "2"}},
			Status:     corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "10.0.0.1"}, {Hostname: "a.example.com"}}}},
		}}, &v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true, ObservedGeneration: 2, ReadyEndpoints: 2, Addresses: []v1alpha1.Address{{IP: "10.0.0.1"}, {Hostname: "a.example.com"}}}},
		{"an Ingress", seen{kind: workload.Ingress, cluster: "east", connected: true, assigned: &v1alpha1.ClusterAssignment{Name: "east"}, live: &networkingv1.Ingress{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationSourceGeneration: "2"}},
			Status:     networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{{IP: "10.0.0.1", Ports: []networkingv1.IngressPortStatus{{Port: 80, Protocol: "TCP"}}}}}},
		}}, &v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true, ObservedGeneration: 2, Addresses: []v1alpha1.Address{{IP: "10.0.0.1", Ports: []corev1.PortStatus{{Port: 80, Protocol: "TCP"}}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := reportOf(tt.seen, 2)
			if ok != (tt.want != nil) {
				t.Fatalf("reports: %v", ok)
			}
			if tt.want == nil {
				return
			}
			if diff := cmp.Diff(*tt.want, got); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

// A cluster that was lost and given up counts for nothing, whether its last report is still in a cache or not: what took
// its place is counted.
func TestGivenUpClusterDoesNotCount(t *testing.T) {
	got, ok := reportOf(seen{kind: workload.Deployment, cluster: "east", live: settled(2, 3), last: &v1alpha1.ClusterPlacementStatus{Name: "east", Replicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}}, 2)
	if ok && got.AvailableReplicas+got.ReadyReplicas > 0 {
		t.Errorf("%d replicas of a lost cluster are available, that others have taken over", got.AvailableReplicas)
	}
}

// reports of two clusters that were assigned 4 and 2.
func reports(east, west *appsv1.Deployment) []v1alpha1.ClusterPlacementStatus {
	var out []v1alpha1.ClusterPlacementStatus
	for _, s := range []seen{{kind: workload.Deployment, cluster: "east", assigned: assigned("east", 4), connected: true}, {kind: workload.Deployment, cluster: "west", assigned: assigned("west", 2), connected: true}} {
		if s.live = east; s.cluster == "west" {
			s.live = west
		}
		if s.live.(*appsv1.Deployment) == nil {
			s.live = nil
		}
		if r, ok := reportOf(s, 2); ok {
			out = append(out, r)
		}
	}
	return out
}

// statusOf is that of a Deployment's Placement.
func statusOf(p *v1alpha1.Placement, reports []v1alpha1.ClusterPlacementStatus, now time.Time) v1alpha1.PlacementStatus {
	return placementStatus(workload.Deployment, &appsv1.Deployment{}, p, reports, now)
}

func placement(generation int64, replicas int32, clusters ...v1alpha1.ClusterAssignment) *v1alpha1.Placement {
	return &v1alpha1.Placement{
		ObjectMeta: metav1.ObjectMeta{Generation: 4},
		Spec:       v1alpha1.PlacementSpec{WorkloadGeneration: generation, Replicas: &replicas, Clusters: clusters},
	}
}

func TestPlacementStatus(t *testing.T) {
	p := placement(2, 6, *assigned("east", 4), *assigned("west", 2))
	got := statusOf(p, reports(settled(2, 4), settled(1, 2)), now)
	if got.ObservedGeneration != 4 || got.ReadyReplicas != 6 || len(got.Clusters) != 2 || got.Clusters[0].Name != "east" {
		t.Errorf("status is %+v", got)
	}
	want := map[string]string{
		"Scheduled": "True Placed: placed on 2 clusters",
		"Synced":    "False Syncing: west: has generation 1 of 2",
		"Available": "True MinimumReplicasAvailable: 6 of 6 replicas are available",

		"Progressing": "False Settled: every cluster has what was decided",
	}
	if diff := cmp.Diff(want, conditions(got)); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
	for _, c := range got.Conditions {
		if c.ObservedGeneration != 4 {
			t.Errorf("%s speaks of generation %d", c.Type, c.ObservedGeneration)
		}
	}
	p.Spec.Problem, p.Spec.ProblemMessage = "Unplaced", "no room"
	p.Spec.Clusters[0].Target, p.Spec.Clusters[1].Target = ptr.To[int32](0), ptr.To[int32](6)
	got = statusOf(p, append(reports(settled(2, 4), nil), v1alpha1.ClusterPlacementStatus{Name: "eu", Reason: "Conflict", Message: "in the way"}), now)
	want = map[string]string{
		"Scheduled": "False Unplaced: no room",
		"Synced":    "False Conflict: eu: in the way; west: not there yet", // the gravest reason
		"Available": "False MinimumReplicasUnavailable: 4 of 6 replicas are available",

		"Progressing": "True Moving: east 4 → 0, west 2 → 6: goes on as new replicas become available",
	}
	if diff := cmp.Diff(want, conditions(got)); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
	}
}

// A move says what it waits for: replicas, or clients.
func TestProgressing(t *testing.T) {
	traffic := func(state v1alpha1.TrafficState, percent int32) *v1alpha1.AssignedTraffic {
		return &v1alpha1.AssignedTraffic{State: state, Percent: percent}
	}
	withdrawn := traffic(v1alpha1.TrafficWithdrawn, 0)
	withdrawn.Until = &metav1.Time{Time: later}
	stuck := traffic(v1alpha1.TrafficLeaving, 0)
	stuck.Message = "service web is answered with no other cluster"
	for _, tt := range []struct {
		east *v1alpha1.AssignedTraffic
		west *v1alpha1.AssignedTraffic
		want string
	}{
		{traffic(v1alpha1.TrafficLeaving, 50), traffic(v1alpha1.TrafficArriving, 25), "Moving: east: leaves, and takes 50 % of its clients; west: comes, and takes 25 % of its clients; east 4 → 0: goes on as new replicas become available"},
		{traffic(v1alpha1.TrafficLeaving, 0), nil, "TrafficLeaving: east: its clients are led elsewhere"},
		{withdrawn, nil, "TrafficLeaving: east: its clients are led elsewhere; what is left there goes at 12:01:00 UTC, when no answer is used any more that leads there"},
		{stuck, nil, "TrafficStays: east: its clients cannot be led elsewhere: service web is answered with no other cluster"},
	} {
		p := placement(2, 6, *assigned("east", 4), *assigned("west", 6))
		p.Spec.Clusters[0].Target, p.Spec.Clusters[0].Traffic, p.Spec.Clusters[1].Traffic = ptr.To[int32](0), tt.east, tt.west
		if got, want := conditions(statusOf(p, nil, now))["Progressing"], "True "+tt.want; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestPlacementStatusOfAFollower(t *testing.T) {
	p := &v1alpha1.Placement{Spec: v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: "east"}, {Name: "west"}}}}
	for _, tt := range []struct {
		name string
		east v1alpha1.ClusterPlacementStatus
		want string
	}{
		{"nobody serves", v1alpha1.ClusterPlacementStatus{Name: "east"}, "False NotServing: 0 of 2 clusters serve"},
		{"by its endpoints", v1alpha1.ClusterPlacementStatus{Name: "east", ReadyEndpoints: 1}, "True MinimumReplicasAvailable: 1 of 2 clusters serve"},
		{"by its address", v1alpha1.ClusterPlacementStatus{Name: "east", Addresses: []v1alpha1.Address{{IP: "10.0.0.1"}}}, "True MinimumReplicasAvailable: 1 of 2 clusters serve"},
	} {
		if got := conditions(placementStatus(workload.Service, &corev1.Service{}, p, []v1alpha1.ClusterPlacementStatus{tt.east}, now))["Available"]; got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func conditions(s v1alpha1.PlacementStatus) map[string]string {
	out := map[string]string{}
	for _, c := range s.Conditions {
		out[c.Type] = string(c.Status) + " " + c.Reason + ": " + c.Message
	}
	return out
}

// The same report is the same status, also after it has been through the API server: else each look at it is a write.
func TestPlacementStatusIsStable(t *testing.T) {
	broken := "no port is free"
	service := func() []v1alpha1.ClusterPlacementStatus {
		return []v1alpha1.ClusterPlacementStatus{{
			Name: "east", Synced: true, ReadyEndpoints: 1,
			Addresses: []v1alpha1.Address{{IP: "10.0.0.1", Ports: []corev1.PortStatus{{Port: 80, Protocol: "TCP", Error: ptr.To(broken)}}}},
		}}
	}
	for name, make := range map[string]func() []v1alpha1.ClusterPlacementStatus{
		"a Deployment":                 func() []v1alpha1.ClusterPlacementStatus { return reports(settled(2, 4), settled(1, 2)) },
		"a Service with a broken port": service,
	} {
		t.Run(name, func(t *testing.T) {
			p := placement(2, 6, *assigned("east", 4), *assigned("west", 2))
			first := statusOf(p, make(), now)
			p.Status = *first.DeepCopy()
			second := statusOf(p, make(), later)
			if !apiequality.Semantic.DeepEqual(first, second) {
				t.Errorf("the same input, another status:\n%s", cmp.Diff(first, second))
			}
		})
	}
	p := placement(2, 6, *assigned("east", 4), *assigned("west", 2))
	p.Status = statusOf(p, reports(settled(2, 4), settled(1, 2)), now)
	changed := statusOf(p, reports(settled(2, 4), settled(2, 2)), later)
	if east, west := changed.Clusters[0], changed.Clusters[1]; !east.LastTransitionTime.Time.Equal(now) || !west.LastTransitionTime.Time.Equal(later) {
		t.Errorf("east changed at %s, west at %s", east.LastTransitionTime, west.LastTransitionTime)
	}
	if c := meta.FindStatusCondition(changed.Conditions, v1alpha1.ConditionScheduled); !c.LastTransitionTime.Time.Equal(now) {
		t.Errorf("scheduled changed at %s", c.LastTransitionTime)
	}
}

// What is not done is said of a Placement while it is so, and all else of it stands.
func TestPlacementSaysWhatIsNotDone(t *testing.T) {
	p := placement(2, 6, *assigned("east", 6))
	said := func() string { return conditions(p.Status)[v1alpha1.ConditionHonored] }
	p.Status = statusOf(p, reports(settled(2, 6), nil), now)
	if said() != "" {
		t.Errorf("all is done, and it says %s", said())
	}
	p.Spec.Omissions = []v1alpha1.PlacementOmission{{Code: "NotDivided", Message: "it is whole"}, {Code: "VolumesNotMoved", Message: "volumes stay"}}
	p.Status = statusOf(p, reports(settled(2, 6), nil), later)
	if want := "False NotDivided: it is whole; volumes stay"; said() != want || len(p.Status.Conditions) != 5 {
		t.Errorf("it says %q in %d conditions, want %q", said(), len(p.Status.Conditions), want)
	}
	p.Spec.Omissions = nil
	p.Status = statusOf(p, reports(settled(2, 6), nil), later)
	if said() != "" || len(p.Status.Conditions) != 4 {
		t.Errorf("all is done again, and it says %q in %d conditions", said(), len(p.Status.Conditions))
	}
}
