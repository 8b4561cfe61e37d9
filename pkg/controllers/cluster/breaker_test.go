// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestLostTogether(t *testing.T) {
	member := func(name string, ready metav1.ConditionStatus, since time.Duration) *v1alpha1.Cluster {
		return &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: v1alpha1.ClusterStatus{Conditions: []metav1.Condition{
			{Type: "Ready", Status: ready, LastTransitionTime: metav1.NewTime(now.Add(-since))},
		}}}
	}
	up := func(name string) *v1alpha1.Cluster { return member(name, "True", time.Hour) }
	down := func(name string, ago time.Duration) *v1alpha1.Cluster { return member(name, "False", ago) }
	leaving := down("b", time.Hour)
	leaving.DeletionTimestamp = &metav1.Time{Time: now}
	for _, tt := range []struct {
		name     string
		others   []*v1alpha1.Cluster
		lost, of int
		degraded bool
	}{
		{"the only one", nil, 1, 1, false},
		{"one of two", []*v1alpha1.Cluster{up("b")}, 1, 2, false},
		{"two of two", []*v1alpha1.Cluster{down("b", time.Hour)}, 2, 2, true},
		{"two of three", []*v1alpha1.Cluster{down("b", time.Hour), up("c")}, 2, 3, true},
		{"two of four", []*v1alpha1.Cluster{down("b", time.Hour), up("c"), up("d")}, 2, 4, true},
		{"two of five", []*v1alpha1.Cluster{down("b", time.Hour), up("c"), up("d"), up("e")}, 2, 5, false},
		{"the other a little later", []*v1alpha1.Cluster{down("b", time.Hour-4*time.Minute), up("c")}, 2, 3, true},
		{"the other much later", []*v1alpha1.Cluster{down("b", time.Minute), up("c")}, 1, 2, false},
		{"the other long ago", []*v1alpha1.Cluster{down("b", 30*24*time.Hour), up("c")}, 1, 2, false},
		{"the other was never asked", []*v1alpha1.Cluster{{}, up("c")}, 1, 2, false},
		{"the other leaves", []*v1alpha1.Cluster{leaving, up("c")}, 1, 2, false},
	} {
		one := down("a", time.Hour)
		lost, of := lostTogether(one, append(tt.others, one))
		var conditions []metav1.Condition
		setFleetDegraded(&conditions, 1, lost, of, DefaultDegradedPercent, now)
		if degraded := len(conditions) > 0; lost != tt.lost || of != tt.of || degraded != tt.degraded {
			t.Errorf("%s: %d of %d, degraded %v; want %d of %d, %v", tt.name, lost, of, degraded, tt.lost, tt.of, tt.degraded)
		}
	}
	if lost, of := lostTogether(up("a"), []*v1alpha1.Cluster{up("a"), down("b", 0), down("c", 0)}); lost != 0 || of != 0 {
		t.Errorf("a cluster that is ready: %d of %d are lost with it", lost, of)
	}
}

func TestFleetDegradedIsReleased(t *testing.T) {
	var conditions []metav1.Condition
	setFleetDegraded(&conditions, 1, 3, 5, 60, now)
	if len(conditions) != 1 || conditions[0].Reason != "TooManyLost" || conditions[0].Status != metav1.ConditionTrue {
		t.Errorf("three of five, of 60 per cent: %+v", conditions)
	}
	setFleetDegraded(&conditions, 1, 2, 5, 60, now)
	if len(conditions) != 0 {
		t.Errorf("two of five: still %+v", conditions)
	}
}
