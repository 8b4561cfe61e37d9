// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// A member that hangs delays no other, is known to hang, and catches up when it goes on.
func TestMemberStopped(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.deploy("web", 4, nil)
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})

	f.members["south"].Suspend()
	s.setImage("example.com/web:2") // before anybody knows that south hangs
	t.Logf("north has the change after %.1fs", s.eventuallyImage("north", "example.com/web:2").Seconds())
	if reason := f.eventuallyNotReady(t, "south"); reason != v1alpha1.ReasonUnreachable {
		t.Errorf("south is not ready for the reason %s, want %s", reason, v1alpha1.ReasonUnreachable)
	}
	harness.Eventually(t, patience, func() error {
		p, err := s.Drover.FederationV1alpha1().Placements(s.name).Get(t.Context(), "deployment-web", getOptions)
		if err != nil {
			return err
		}
		for _, c := range p.Status.Clusters {
			if c.Name == "south" && c.Reason == v1alpha1.ReasonNotConnected {
				return nil
			}
		}
		return fmt.Errorf("the placement does not say that south cannot be reached: %+v", p.Status.Clusters)
	})
	s.kubectlFails("rollout", "status", "deployment", "web", "--timeout", "1s") // south has not rolled out
	s.setImage("example.com/web:3")
	t.Logf("north has the next change after %.1fs", s.eventuallyImage("north", "example.com/web:3").Seconds())
	if got := s.placed("web"); got["south"] != 2 {
		t.Errorf("placed on %v; replicas in south were given up at once", got)
	}
	// What is new goes where somebody answers.
	s.deploy("new", 2, nil)
	harness.Eventually(t, patience, func() error { return s.reports("new", 2) })
	if got := s.placed("new"); got["north"] != 2 {
		t.Errorf("new is placed on %v, want all of it on north", got)
	}

	f.members["south"].Resume()
	t.Logf("south has the change %.1fs after it went on", s.eventuallyImage("south", "example.com/web:3").Seconds())
	harness.Eventually(t, patience, func() error { return f.ready(t.Context(), "south") })
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
}

func (s *space) setImage(image string) {
	s.Helper()
	s.kubectl("set", "image", "deployment/web", "web="+image)
}

func (s *space) eventuallyImage(cluster, image string) time.Duration {
	s.Helper()
	return harness.Eventually(s, patience, func() error {
		d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(s.Context(), "web", getOptions)
		if err != nil {
			return err
		}
		if got := d.Spec.Template.Spec.Containers[0].Image; got != image || d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas != *d.Spec.Replicas {
			return fmt.Errorf("%s has the image %s, and the status %+v; want %s", cluster, got, d.Status, image)
		}
		return nil
	})
}
