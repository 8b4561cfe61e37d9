// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// inTheWay makes a Deployment in east that is not Drover's.
func (s *space) inTheWay() {
	s.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.name}}
	if _, err := s.in("east").CoreV1().Namespaces().Create(s.Context(), ns, createOptions); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { // the namespace is not Drover's either
		_ = s.in("east").CoreV1().Namespaces().Delete(context.Background(), s.name, deleteOptions)
	})
	d := deployment("web", 2)
	d.Labels["owner"] = "somebody"
	if _, err := s.in("east").AppsV1().Deployments(s.name).Create(s.Context(), d, createOptions); err != nil {
		s.Fatal(err)
	}
	harness.Eventually(s, patience, func() error {
		d, err := s.in("east").AppsV1().Deployments(s.name).Get(s.Context(), "web", getOptions)
		if err == nil && d.Status.ReadyReplicas != 2 {
			return fmt.Errorf("%d of 2 pods are ready", d.Status.ReadyReplicas)
		}
		return err
	})
}

// An object that is in the member already, and not Drover's, is left alone, and Drover says so.
func TestConflictIsReported(t *testing.T) {
	s := sharedSpace(t)
	s.inTheWay()
	before, err := s.in("east").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	s.deploy("web", 6, map[string]int64{"east": 1, "west": 1})
	harness.Eventually(t, patience, func() error {
		p, err := s.Drover.FederationV1alpha1().Placements(s.name).Get(t.Context(), "deployment-web", getOptions)
		if err != nil {
			return err
		}
		synced := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionSynced)
		if synced == nil || synced.Status != metav1.ConditionFalse || synced.Reason != v1alpha1.ReasonConflict {
			return fmt.Errorf("condition Synced is %+v", synced)
		}
		s.wantContains(synced.Message, "east", "not managed by Drover", "Adopt")
		return nil
	})
	harness.Eventually(t, patience, func() error {
		events, err := s.Kube.CoreV1().Events(s.name).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=Conflict,involvedObject.name=web"})
		if err == nil && len(events.Items) == 0 {
			return fmt.Errorf("there is no event Conflict")
		}
		return err
	})
	harness.Eventually(t, patience, func() error { // the other cluster is served
		d, err := s.in("west").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
		if err == nil && d.Status.ReadyReplicas != 3 {
			return fmt.Errorf("west has %d of 3 ready", d.Status.ReadyReplicas)
		}
		return err
	})
	after, err := s.in("east").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	if after.UID != before.UID || after.Generation != before.Generation || *after.Spec.Replicas != 2 {
		t.Errorf("the object in the way was changed: %+v", after)
	}
	s.wantNoMarks(after)
	s.kubectl("delete", "deployment", "web", "--timeout", patience.String())
	if _, err := s.in("east").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions); err != nil {
		t.Errorf("the object in the way went when the federated one was deleted: %v", err)
	}
}

// A policy that says so has Drover take over what is there, without restarting a pod.
func TestConflictAdopts(t *testing.T) {
	s := sharedSpace(t)
	s.inTheWay()
	before := s.podUIDs("east")
	s.weigh("web", map[string]int64{"east": 1}, func(p *v1alpha1.PlacementPolicy) { p.Spec.Conflict = v1alpha1.ConflictAdopt })
	s.deploy("web", 2, nil)
	s.eventuallyRuns("web", map[string]int32{"east": 2})
	s.wantSamePods("east", before)
	d, err := s.in("east").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	if d.Labels[v1alpha1.LabelManaged] != "true" || d.Labels["owner"] != "somebody" {
		t.Errorf("labels are %v", d.Labels)
	}
	s.kubectl("scale", "deployment", "web", "--replicas", "3")
	s.eventuallyRuns("web", map[string]int32{"east": 3})
}
