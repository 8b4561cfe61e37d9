// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// What is deleted while a member is dead is kept with its Cluster, over a crash of the control plane too, and done when the
// member is back: deleted, or let go as it was asked for. What was made anew by the same name meanwhile is there then.
func TestDeleteWhileMemberKilled(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.Cleanup(func() { // what was let go is not Drover's any more
		for cluster := range f.members {
			_ = s.in(cluster).CoreV1().Namespaces().Delete(context.Background(), s.name, deleteOptions)
		}
	})
	for _, name := range []string{"web", "kept", "again"} {
		s.deploy(name, 2, nil)
	}
	for _, name := range []string{"web", "kept", "again"} {
		s.eventuallyRuns(name, map[string]int32{"north": 1, "south": 1})
	}
	old, err := s.in("south").AppsV1().Deployments(s.name).Get(t.Context(), "again", getOptions)
	if err != nil {
		t.Fatal(err)
	}

	f.members["south"].Kill()
	f.eventuallyNotReady(t, "south")
	s.kubectl("delete", "deployment", "web", "again", "--timeout", patience.String())
	s.kubectl("delete", "deployment", "kept", "--cascade=orphan", "--timeout", patience.String())
	s.wantOwed("south", map[string]metav1.DeletionPropagation{
		"web": metav1.DeletePropagationBackground, "again": metav1.DeletePropagationBackground, "kept": metav1.DeletePropagationOrphan,
	})
	s.wantContains(s.kubectl("get", "cluster", "south", "-o", "wide"), "OWED", " 3 ")
	s.deploy("again", 4, nil)
	f.Kill()
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}

	if err := f.members["south"].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.eventuallyGone("deployment web in south", func() error {
		_, err := s.in("south").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
		return err
	})
	harness.Eventually(t, patience, func() error {
		c, err := f.Drover.FederationV1alpha1().Clusters().Get(t.Context(), "south", getOptions)
		if err == nil && len(c.Status.Owed) > 0 {
			return fmt.Errorf("south is owed still: %v", c.Status.Owed)
		}
		return err
	})
	kept, err := s.in("south").AppsV1().Deployments(s.name).Get(t.Context(), "kept", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	s.wantNoMarks(kept)
	s.weigh("again", map[string]int64{"north": 1, "south": 1})
	s.eventuallyRuns("again", map[string]int32{"north": 2, "south": 2})
	is, err := s.in("south").AppsV1().Deployments(s.name).Get(t.Context(), "again", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	if was := v1alpha1.AnnotationSourceUID; is.Annotations[was] == old.Annotations[was] {
		t.Errorf("again in south is still the one that was deleted")
	}
}

// wantOwed fails unless a cluster is owed just these Deployments of the namespace.
func (s *space) wantOwed(cluster string, want map[string]metav1.DeletionPropagation) {
	s.Helper()
	c, err := s.Drover.FederationV1alpha1().Clusters().Get(s.Context(), cluster, getOptions)
	if err != nil {
		s.Fatal(err)
	}
	got := map[string]metav1.DeletionPropagation{}
	for _, d := range c.Status.Owed {
		if d.Namespace == s.name && d.Resource == "deployments" {
			got[d.Name] = d.PropagationPolicy
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("%s is owed (-want +got):\n%s", cluster, diff)
	}
}
