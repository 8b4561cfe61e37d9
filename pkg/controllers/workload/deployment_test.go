// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
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

func federated(generation int64, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: generation}, Spec: appsv1.DeploymentSpec{Replicas: &replicas}}
}

// divided is a decision on a generation that has so many replicas divided.
func divided(generation int64, replicas int32) *v1alpha1.PlacementSpec {
	return &v1alpha1.PlacementSpec{WorkloadGeneration: generation, Replicas: &replicas}
}

// reports of two clusters that were assigned 4 and 2.
func reports(east, west *appsv1.Deployment) []v1alpha1.ClusterPlacementStatus {
	return []v1alpha1.ClusterPlacementStatus{Deployment.ReportOf("east", orNil(east)), Deployment.ReportOf("west", orNil(west))}
}

func orNil(d *appsv1.Deployment) metav1.Object {
	if d == nil {
		return nil
	}
	return d
}

// summed is a Deployment's status, made of reports.
func summed(d *appsv1.Deployment, p *v1alpha1.PlacementSpec, clusters []v1alpha1.ClusterPlacementStatus, now time.Time) appsv1.DeploymentStatus {
	d = d.DeepCopy()
	Deployment.Sum(d, Reports{Placement: p, Clusters: clusters, Now: now})
	return d.Status
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
		p         *v1alpha1.PlacementSpec
		reports   []v1alpha1.ClusterPlacementStatus
		want      string
		available corev1.ConditionStatus
	}{
		{"nothing is anywhere", federated(2, 6), divided(2, 6), reports(nil, nil), "waiting: new replicas not updated", "False"},
		{"done", federated(2, 6), divided(2, 6), reports(settled(2, 4), settled(2, 2)), "done", "True"},
		{"one cluster has not got it", federated(2, 6), divided(2, 6), reports(settled(2, 4), settled(1, 2)), "waiting: new replicas not updated", "True"},
		{"one cluster has it, but has not looked at it", federated(2, 6), divided(2, 6), reports(settled(2, 4), lag), "waiting: new replicas not updated", "True"},
		{"not decided yet", federated(3, 6), divided(2, 6), reports(settled(2, 4), settled(2, 2)), "waiting: spec update not observed", "True"},
		{"old pods are left", federated(2, 6), divided(2, 6), reports(live(2, 4, 5, 4, 5, 5), settled(2, 2)), "waiting: old replicas pending termination", "True"},
		{"new pods are not ready", federated(2, 6), divided(2, 6), reports(live(2, 4, 4, 4, 1, 1), settled(2, 2)), "waiting: updated replicas not available", "False"},
		{"a cluster gave up", federated(2, 6), divided(2, 6), reports(settled(2, 4), stuck), "failed", "True"},
		{"scaled up", federated(2, 6), divided(2, 6), reports(settled(2, 2), settled(2, 2)), "waiting: new replicas not updated", "False"},
		{"scaled down", federated(2, 6), divided(2, 6), reports(settled(2, 4), settled(2, 4)), "done", "True"},
		{"scaled to nothing", federated(2, 0), divided(2, 0), reports(settled(2, 0), settled(2, 0)), "done", "True"},
		{"not all could be placed", federated(2, 8), divided(2, 8), reports(settled(2, 4), settled(2, 2)), "waiting: new replicas not updated", "True"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.d.Status = summed(tt.d, tt.p, tt.reports, now)
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
		var list []v1alpha1.ClusterPlacementStatus
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
			list = append(list, Deployment.ReportOf(name, d))
		}
		d := federated(2, desired)
		d.Status = summed(d, divided(2, desired), list, now)
		if rolledOut(d) != "done" {
			return
		}
		var available int32
		for _, r := range list {
			available += r.AvailableReplicas
			if r.ObservedGeneration != 2 && r.Replicas > 0 {
				t.Errorf("done, and cluster %s runs another generation", r.Name)
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
	d.Status = summed(d, divided(2, 6), reports(live(2, 4, 4, 4, 0, 0), settled(2, 2)), now)
	first := condition(d.Status, appsv1.DeploymentAvailable)
	if !first.LastTransitionTime.Time.Equal(now) || first.Status != "False" {
		t.Fatalf("available is %+v", first)
	}
	d.Status = summed(d, divided(2, 6), reports(live(2, 4, 4, 4, 1, 1), settled(2, 2)), later)
	if c := condition(d.Status, appsv1.DeploymentAvailable); !c.LastTransitionTime.Time.Equal(now) || !c.LastUpdateTime.Time.Equal(now) {
		t.Errorf("nothing changed, and the times did: %+v", c)
	}
	d.Status = summed(d, divided(2, 6), reports(settled(2, 4), settled(2, 2)), later)
	if c := condition(d.Status, appsv1.DeploymentAvailable); !c.LastTransitionTime.Time.Equal(later) || c.Status != "True" {
		t.Errorf("it became available, and the time stayed: %+v", c)
	}
	if c := condition(d.Status, appsv1.DeploymentProgressing); !c.LastTransitionTime.Time.Equal(now) || !c.LastUpdateTime.Time.Equal(later) {
		t.Errorf("progressing stayed true for another reason: %+v", c)
	}
	if len(d.Status.Conditions) != 2 {
		t.Errorf("conditions are %+v", d.Status.Conditions)
	}

	p := divided(2, 6)
	p.Problem, p.ProblemMessage = "Unplaced", "no room"
	d.Status = summed(d, p, nil, now)
	if c := condition(d.Status, v1alpha1.ConditionScheduled); c.Status != "False" || c.Reason != "Unplaced" || c.Message != "no room" {
		t.Errorf("scheduled is %+v", c)
	}
	d.Status = summed(d, divided(2, 6), nil, now)
	if c := condition(d.Status, v1alpha1.ConditionScheduled); c.Status != "" {
		t.Errorf("scheduled, and still %+v", c)
	}
}

func TestDeploymentStatusIsStable(t *testing.T) {
	d := federated(2, 6)
	d.Status = summed(d, divided(2, 6), reports(settled(2, 4), settled(2, 2)), now)
	if again := summed(d, divided(2, 6), reports(settled(2, 4), settled(2, 2)), later); !apiequality.Semantic.DeepEqual(d.Status, again) {
		t.Errorf("the same input, another status:\n%s", cmp.Diff(d.Status, again))
	}
}

func TestShorten(t *testing.T) {
	if got := Shorten(strings.Repeat("ä", 600)); len(got) > 1024+len("…") || !strings.HasSuffix(got, "ä…") {
		t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-6:])
	}
	if got := Shorten("short"); got != "short" {
		t.Errorf("%q", got)
	}
}
