// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/sync"
)

var (
	now   = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	later = now.Add(time.Minute)
)

// rolledOut is what kubectl rollout status makes of a Deployment: done, failed, or waiting.
// k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go, DeploymentStatusViewer.
func rolledOut(d *appsv1.Deployment) string {
	if d.Generation > d.Status.ObservedGeneration {
		return "waiting: spec update not observed"
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == "ProgressDeadlineExceeded" {
			return "failed"
		}
	}
	switch {
	case d.Spec.Replicas != nil && d.Status.UpdatedReplicas < *d.Spec.Replicas:
		return "waiting: new replicas not updated"
	case d.Status.Replicas > d.Status.UpdatedReplicas:
		return "waiting: old replicas pending termination"
	case d.Status.AvailableReplicas < d.Status.UpdatedReplicas:
		return "waiting: updated replicas not available"
	}
	return "done"
}

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
		want *report // nil: there is nothing to say
	}{
		{"nothing to do with it", seen{cluster: "east", connected: true}, nil},
		{
			"in step",
			seen{cluster: "east", connected: true, assigned: assigned("east", 3), live: settled(2, 3)},
			&report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true, ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}},
		},
		{
			"not there yet",
			seen{cluster: "east", connected: true, assigned: assigned("east", 3)},
			&report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "Syncing", Message: "not there yet"}},
		},
		{
			"an older generation",
			seen{cluster: "east", connected: true, assigned: assigned("east", 3), live: settled(1, 3)},
			&report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "Syncing", Message: "has generation 1 of 2", ObservedGeneration: 1, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}},
		},
		{
			"another share",
			seen{cluster: "east", connected: true, assigned: assigned("east", 5), live: settled(2, 3)},
			&report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "Syncing", Message: "is being scaled to 5", ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}},
		},
		{
			"its controllers lag behind",
			seen{cluster: "east", connected: true, assigned: assigned("east", 3), live: lag},
			&report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}},
		},
		{
			"being removed",
			seen{cluster: "east", connected: true, live: settled(2, 3)},
			&report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "Syncing", Message: "being removed", ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}},
		},
		{
			"could not be written",
			seen{cluster: "east", connected: true, assigned: assigned("east", 3), outcome: sync.Outcome{Reason: "Conflict", Message: "in the way"}},
			&report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "Conflict", Message: "in the way"}},
		},
		{
			"gave up rolling out",
			seen{cluster: "east", connected: true, assigned: assigned("east", 3), live: stuck},
			&report{deadlineExceeded: "too slow", status: v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true, ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 1, ReadyReplicas: 2, AvailableReplicas: 2}},
		},
		{
			"lost: what it said last stands",
			seen{cluster: "east", assigned: assigned("east", 3), last: last},
			&report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "NotConnected", Message: "the cluster cannot be reached; this is what it reported last", ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}},
		},
		{
			"lost before it said anything",
			seen{cluster: "east", assigned: assigned("east", 3)},
			&report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Reason: "NotConnected", Message: "the cluster cannot be reached; this is what it reported last"}},
		},
		{"lost, and given up", seen{cluster: "east", last: last}, nil},
		{"a Service", seen{cluster: "east", connected: true, assigned: &v1alpha1.ClusterAssignment{Name: "east"}, readyEndpoints: 2, live: &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationSourceGeneration: "2"}},
			Status:     corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "10.0.0.1"}, {Hostname: "a.example.com"}}}},
		}}, &report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true, ObservedGeneration: 2, ReadyEndpoints: 2, Addresses: []v1alpha1.Address{{IP: "10.0.0.1"}, {Hostname: "a.example.com"}}}}},
		{"an Ingress", seen{cluster: "east", connected: true, assigned: &v1alpha1.ClusterAssignment{Name: "east"}, live: &networkingv1.Ingress{
			ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{v1alpha1.AnnotationSourceGeneration: "2"}},
			Status:     networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{{IP: "10.0.0.1", Ports: []networkingv1.IngressPortStatus{{Port: 80, Protocol: "TCP"}}}}}},
		}}, &report{status: v1alpha1.ClusterPlacementStatus{Name: "east", Synced: true, ObservedGeneration: 2, Addresses: []v1alpha1.Address{{IP: "10.0.0.1", Ports: []corev1.PortStatus{{Port: 80, Protocol: "TCP"}}}}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := reportOf(tt.seen, 2)
			if ok != (tt.want != nil) {
				t.Fatalf("reports: %v", ok)
			}
			if tt.want == nil {
				return
			}
			if diff := cmp.Diff(*tt.want, got, cmp.AllowUnexported(report{})); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

// A cluster that was lost and given up counts for nothing, whether its last report is still in a cache or not: what took
// its place is counted.
func TestGivenUpClusterDoesNotCount(t *testing.T) {
	got, ok := reportOf(seen{cluster: "east", live: settled(2, 3), last: &v1alpha1.ClusterPlacementStatus{Name: "east", Replicas: 3, ReadyReplicas: 3, AvailableReplicas: 3}}, 2)
	if ok && got.status.AvailableReplicas+got.status.ReadyReplicas > 0 {
		t.Errorf("%d replicas of a lost cluster are available, that others have taken over", got.status.AvailableReplicas)
	}
}

func placement(generation int64, replicas int32, clusters ...v1alpha1.ClusterAssignment) *v1alpha1.Placement {
	return &v1alpha1.Placement{
		ObjectMeta: metav1.ObjectMeta{Generation: 4},
		Spec:       v1alpha1.PlacementSpec{WorkloadGeneration: generation, Replicas: &replicas, Clusters: clusters},
	}
}

func federated(generation int64, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: generation}, Spec: appsv1.DeploymentSpec{Replicas: &replicas}}
}

// reports of two clusters that were assigned 4 and 2.
func reports(east, west *appsv1.Deployment) []report {
	var out []report
	for _, s := range []seen{{cluster: "east", assigned: assigned("east", 4), live: orNil(east), connected: true}, {cluster: "west", assigned: assigned("west", 2), live: orNil(west), connected: true}} {
		if r, ok := reportOf(s, 2); ok {
			out = append(out, r)
		}
	}
	return out
}

func orNil(d *appsv1.Deployment) metav1.Object {
	if d == nil {
		return nil
	}
	return d
}

// What kubectl rollout status reads off the one status is true of all clusters.
func TestRolloutStatus(t *testing.T) {
	stuck := live(2, 2, 3, 1, 2, 2)
	stuck.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded", Message: "too slow"}}
	lag := settled(2, 2)
	lag.Generation = 2
	for _, tt := range []struct {
		name      string
		d         *appsv1.Deployment
		p         *v1alpha1.Placement
		reports   []report
		want      string
		available corev1.ConditionStatus
	}{
		{"nothing is anywhere", federated(2, 6), placement(2, 6), reports(nil, nil), "waiting: new replicas not updated", "False"},
		{"done", federated(2, 6), placement(2, 6), reports(settled(2, 4), settled(2, 2)), "done", "True"},
		{"one cluster has not got it", federated(2, 6), placement(2, 6), reports(settled(2, 4), settled(1, 2)), "waiting: new replicas not updated", "True"},
		{"one cluster has it, but has not looked at it", federated(2, 6), placement(2, 6), reports(settled(2, 4), lag), "waiting: new replicas not updated", "True"},
		{"not decided yet", federated(3, 6), placement(2, 6), reports(settled(2, 4), settled(2, 2)), "waiting: spec update not observed", "True"},
		{"old pods are left", federated(2, 6), placement(2, 6), reports(live(2, 4, 5, 4, 5, 5), settled(2, 2)), "waiting: old replicas pending termination", "True"},
		{"new pods are not ready", federated(2, 6), placement(2, 6), reports(live(2, 4, 4, 4, 1, 1), settled(2, 2)), "waiting: updated replicas not available", "False"},
		{"a cluster gave up", federated(2, 6), placement(2, 6), reports(settled(2, 4), stuck), "failed", "True"},
		{"scaled up", federated(2, 6), placement(2, 6), reports(settled(2, 2), settled(2, 2)), "waiting: new replicas not updated", "False"},
		{"scaled down", federated(2, 6), placement(2, 6), reports(settled(2, 4), settled(2, 4)), "done", "True"},
		{"scaled to nothing", federated(2, 0), placement(2, 0), reports(settled(2, 0), settled(2, 0)), "done", "True"},
		{"not all could be placed", federated(2, 8), placement(2, 8), reports(settled(2, 4), settled(2, 2)), "waiting: new replicas not updated", "True"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.d.Status = deploymentStatus(tt.d, tt.p, tt.reports, now)
			if got := rolledOut(tt.d); got != tt.want {
				t.Errorf("rollout status is %q, want %q: %+v", got, tt.want, tt.d.Status)
			}
			if got := condition(tt.d.Status, appsv1.DeploymentAvailable); got.Status != tt.available {
				t.Errorf("available is %s (%s), want %s", got.Status, got.Reason, tt.available)
			}
			progressing := condition(tt.d.Status, appsv1.DeploymentProgressing)
			if tt.want == "failed" && (progressing.Status != "False" || !strings.Contains(progressing.Message, "west: too slow")) {
				t.Errorf("progressing is %+v", progressing)
			}
			if tt.want == "done" && *tt.d.Spec.Replicas == tt.d.Status.Replicas && progressing.Reason != "NewReplicaSetAvailable" {
				t.Errorf("progressing is %+v", progressing)
			}
		})
	}
}

// Whatever clusters report: kubectl says done only when each cluster has the generation, and enough is available.
func TestRolloutIsDoneOnlyWhenItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int32Range(0, 4)
		desired := int32(0)
		var list []report
		for i := range rapid.IntRange(1, 3).Draw(t, "clusters") {
			share := n.Draw(t, "share")
			desired += share
			name := string(rune('a' + i))
			d := live(rapid.Int64Range(1, 2).Draw(t, "source"), n.Draw(t, "spec"), n.Draw(t, "total"), n.Draw(t, "updated"), n.Draw(t, "ready"), n.Draw(t, "available"))
			d.Status.UpdatedReplicas = min(d.Status.UpdatedReplicas, d.Status.Replicas)
			d.Status.AvailableReplicas = min(d.Status.AvailableReplicas, d.Status.Replicas)
			if rapid.Bool().Draw(t, "lags") {
				d.Generation = 2
			}
			if r, ok := reportOf(seen{cluster: name, assigned: assigned(name, share), live: d, connected: true}, 2); ok {
				list = append(list, r)
			}
		}
		d := federated(2, desired)
		d.Status = deploymentStatus(d, placement(2, desired), list, now)
		if rolledOut(d) != "done" {
			return
		}
		var available int32
		for _, r := range list {
			available += r.status.AvailableReplicas
			if r.status.ObservedGeneration != 2 && r.status.Replicas > 0 {
				t.Errorf("done, and cluster %s runs another generation", r.status.Name)
			}
		}
		if available < desired {
			t.Errorf("done, and %d of %d are available", available, desired)
		}
	})
}

func condition(s appsv1.DeploymentStatus, kind appsv1.DeploymentConditionType) appsv1.DeploymentCondition {
	for _, c := range s.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return appsv1.DeploymentCondition{}
}

func TestMaxUnavailable(t *testing.T) {
	rolling := func(unavailable, surge *intstr.IntOrString) appsv1.DeploymentStrategy {
		return appsv1.DeploymentStrategy{Type: appsv1.RollingUpdateDeploymentStrategyType, RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: unavailable, MaxSurge: surge}}
	}
	percent, number := func(s string) *intstr.IntOrString { return ptr.To(intstr.FromString(s)) }, func(n int32) *intstr.IntOrString { return ptr.To(intstr.FromInt32(n)) }
	for _, tt := range []struct {
		name     string
		strategy appsv1.DeploymentStrategy
		desired  int32
		want     int32
	}{
		{"none given: a quarter, rounded down", appsv1.DeploymentStrategy{}, 10, 2},
		{"of few it is none", appsv1.DeploymentStrategy{}, 3, 0},
		{"Recreate", appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}, 10, 0},
		{"a number", rolling(number(3), number(0)), 10, 3},
		{"more than there are", rolling(number(30), number(0)), 10, 10},
		{"percent, rounded down", rolling(percent("19%"), number(1)), 10, 1},
		{"neither may move: one does", rolling(percent("1%"), number(0)), 10, 1},
		{"neither may move, of none", rolling(percent("1%"), number(0)), 0, 0},
		{"none may be missing", rolling(number(0), number(1)), 10, 0},
		{"the other half by default", rolling(nil, number(1)), 8, 2},
		{"nonsense", rolling(percent("a lot"), number(1)), 10, 0},
	} {
		d := federated(1, tt.desired)
		d.Spec.Strategy = tt.strategy
		if got := maxUnavailable(d, tt.desired); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestConditionTimes(t *testing.T) {
	d := federated(2, 6)
	d.Status = deploymentStatus(d, placement(2, 6), reports(live(2, 4, 4, 4, 0, 0), settled(2, 2)), now)
	first := condition(d.Status, appsv1.DeploymentAvailable)
	if !first.LastTransitionTime.Time.Equal(now) || first.Status != "False" {
		t.Fatalf("available is %+v", first)
	}
	d.Status = deploymentStatus(d, placement(2, 6), reports(live(2, 4, 4, 4, 1, 1), settled(2, 2)), later)
	if c := condition(d.Status, appsv1.DeploymentAvailable); !c.LastTransitionTime.Time.Equal(now) || !c.LastUpdateTime.Time.Equal(now) {
		t.Errorf("nothing changed, and the times did: %+v", c)
	}
	d.Status = deploymentStatus(d, placement(2, 6), reports(settled(2, 4), settled(2, 2)), later)
	if c := condition(d.Status, appsv1.DeploymentAvailable); !c.LastTransitionTime.Time.Equal(later) || c.Status != "True" {
		t.Errorf("it became available, and the time stayed: %+v", c)
	}
	if c := condition(d.Status, appsv1.DeploymentProgressing); !c.LastTransitionTime.Time.Equal(now) || !c.LastUpdateTime.Time.Equal(later) {
		t.Errorf("progressing stayed true for another reason: %+v", c)
	}
	if len(d.Status.Conditions) != 2 {
		t.Errorf("conditions are %+v", d.Status.Conditions)
	}

	p := placement(2, 6)
	p.Spec.Problem, p.Spec.ProblemMessage = "Unplaced", "no room"
	d.Status = deploymentStatus(d, p, nil, now)
	if c := condition(d.Status, v1alpha1.ConditionScheduled); c.Status != "False" || c.Reason != "Unplaced" || c.Message != "no room" {
		t.Errorf("scheduled is %+v", c)
	}
	d.Status = deploymentStatus(d, placement(2, 6), nil, now)
	if c := condition(d.Status, v1alpha1.ConditionScheduled); c.Status != "" {
		t.Errorf("scheduled, and still %+v", c)
	}
}

func TestDeploymentStatusIsStable(t *testing.T) {
	d := federated(2, 6)
	d.Status = deploymentStatus(d, placement(2, 6), reports(settled(2, 4), settled(2, 2)), now)
	if again := deploymentStatus(d, placement(2, 6), reports(settled(2, 4), settled(2, 2)), later); !apiequality.Semantic.DeepEqual(d.Status, again) {
		t.Errorf("the same input, another status:\n%s", cmp.Diff(d.Status, again))
	}
}

func TestPlacementStatus(t *testing.T) {
	p := placement(2, 6, *assigned("east", 4), *assigned("west", 2))
	got := placementStatus(p, reports(settled(2, 4), settled(1, 2)), now)
	if got.ObservedGeneration != 4 || got.ReadyReplicas != 6 || len(got.Clusters) != 2 || got.Clusters[0].Name != "east" {
		t.Errorf("status is %+v", got)
	}
	want := map[string]string{
		"Scheduled": "True Placed: placed on 2 clusters",
		"Synced":    "False Syncing: west: has generation 1 of 2",
		"Available": "True MinimumReplicasAvailable: 6 of 6 replicas are available",
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
	got = placementStatus(p, append(reports(settled(2, 4), nil), report{status: v1alpha1.ClusterPlacementStatus{Name: "eu", Reason: "Conflict", Message: "in the way"}}), now)
	want = map[string]string{
		"Scheduled": "False Unplaced: no room",
		"Synced":    "False Conflict: eu: in the way; west: not there yet", // the gravest reason
		"Available": "False MinimumReplicasUnavailable: 4 of 6 replicas are available",
	}
	if diff := cmp.Diff(want, conditions(got)); diff != "" {
		t.Errorf("conditions (-want +got):\n%s", diff)
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
		if got := conditions(placementStatus(p, []report{{status: tt.east}}, now))["Available"]; got != tt.want {
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
	service := func() []report {
		return []report{{status: v1alpha1.ClusterPlacementStatus{
			Name: "east", Synced: true, ReadyEndpoints: 1,
			Addresses: []v1alpha1.Address{{IP: "10.0.0.1", Ports: []corev1.PortStatus{{Port: 80, Protocol: "TCP", Error: ptr.To(broken)}}}},
		}}}
	}
	for name, make := range map[string]func() []report{
		"a Deployment":                 func() []report { return reports(settled(2, 4), settled(1, 2)) },
		"a Service with a broken port": service,
	} {
		t.Run(name, func(t *testing.T) {
			p := placement(2, 6, *assigned("east", 4), *assigned("west", 2))
			first := placementStatus(p, make(), now)
			p.Status = *first.DeepCopy()
			second := placementStatus(p, make(), later)
			if !apiequality.Semantic.DeepEqual(first, second) {
				t.Errorf("the same input, another status:\n%s", cmp.Diff(first, second))
			}
		})
	}
	p := placement(2, 6, *assigned("east", 4), *assigned("west", 2))
	p.Status = placementStatus(p, reports(settled(2, 4), settled(1, 2)), now)
	changed := placementStatus(p, reports(settled(2, 4), settled(2, 2)), later)
	if east, west := changed.Clusters[0], changed.Clusters[1]; !east.LastTransitionTime.Time.Equal(now) || !west.LastTransitionTime.Time.Equal(later) {
		t.Errorf("east changed at %s, west at %s", east.LastTransitionTime, west.LastTransitionTime)
	}
	if c := meta.FindStatusCondition(changed.Conditions, v1alpha1.ConditionScheduled); !c.LastTransitionTime.Time.Equal(now) {
		t.Errorf("scheduled changed at %s", c.LastTransitionTime)
	}
}

func TestAddressesAreGathered(t *testing.T) {
	clusters := []v1alpha1.ClusterPlacementStatus{
		{Name: "east", Addresses: []v1alpha1.Address{{IP: "10.0.0.1", Ports: []corev1.PortStatus{{Port: 80, Protocol: "TCP"}}}}},
		{Name: "eu"},
		{Name: "west", Addresses: []v1alpha1.Address{{Hostname: "west.example.com"}}},
	}
	service := serviceStatus(&corev1.Service{Status: corev1.ServiceStatus{Conditions: []metav1.Condition{{Type: "Mine"}}}}, clusters)
	want := corev1.ServiceStatus{
		Conditions: []metav1.Condition{{Type: "Mine"}},
		LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{
			{IP: "10.0.0.1", Ports: []corev1.PortStatus{{Port: 80, Protocol: "TCP"}}}, {Hostname: "west.example.com"},
		}},
	}
	if diff := cmp.Diff(want, service); diff != "" {
		t.Errorf("Service (-want +got):\n%s", diff)
	}
	ingress := networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{
		{IP: "10.0.0.1", Ports: []networkingv1.IngressPortStatus{{Port: 80, Protocol: "TCP"}}}, {Hostname: "west.example.com"},
	}}}
	if diff := cmp.Diff(ingress, ingressStatus(clusters)); diff != "" {
		t.Errorf("Ingress (-want +got):\n%s", diff)
	}
}

func TestTruncate(t *testing.T) {
	if got := truncate(strings.Repeat("ä", 600)); len(got) > 1024+len("…") || !strings.HasSuffix(got, "ä…") {
		t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-6:])
	}
	if got := truncate("short"); got != "short" {
		t.Errorf("%q", got)
	}
}
