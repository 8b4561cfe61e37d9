// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// A cluster that is unjoined keeps what runs there, and has nothing of Drover any more. It can join again.
func TestUnjoin(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.Cleanup(func() { // what is left in south is not Drover's any more
		_ = s.in("south").CoreV1().Namespaces().Delete(context.Background(), s.name, deleteOptions)
	})
	s.deploy("web", 4, nil)
	s.expose("web")
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	s.eventuallyAddresses("web", 2)
	before := s.podUIDs("south")

	_, err := f.Plugin().Run(t.Context(), "unjoin", "south") // nobody can be asked
	var refused *harness.CommandError
	if !errors.As(err, &refused) {
		t.Fatalf("unjoin without --yes: got %v, want it refused", err)
	}
	s.wantContains(refused.Stderr, "--yes", "nothing has changed")
	out, err := f.Plugin().Run(t.Context(), "unjoin", "south", "--yes")
	if err != nil {
		t.Fatal(err)
	}
	s.wantContains(out, "1 Deployment (2 replicas)", "1 Service", "keep running", "north", "south has left the federation")

	s.wantSamePods("south", before)
	d, err := s.in("south").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	s.wantNoMarks(d)
	svc, err := s.in("south").CoreV1().Services(s.name).Get(t.Context(), "web", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	s.wantNoMarks(svc)
	ns, err := s.in("south").CoreV1().Namespaces().Get(t.Context(), s.name, getOptions)
	if err != nil {
		t.Fatal(err)
	}
	s.wantNoMarks(ns)
	for what, get := range s.access("south") {
		s.eventuallyGone(what+" in south", get)
	}
	if _, err := f.Kube.CoreV1().Secrets(v1alpha1.SystemNamespace).Get(t.Context(), "cluster-south", getOptions); !apierrors.IsNotFound(err) {
		t.Errorf("the federation has still the credentials of south (%v)", err)
	}
	harness.Eventually(t, patience, func() error {
		d, err := s.in("north").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
		if err == nil && d.Status.ReadyReplicas != 4 {
			return fmt.Errorf("north has %d of 4 replicas ready", d.Status.ReadyReplicas)
		}
		return err
	})
	harness.Eventually(t, patience, func() error { return s.reports("web", 4) })
	s.eventuallyAddresses("web", 1)

	if err := f.Join(t.Context(), f.members["south"]); err != nil {
		t.Fatal(err)
	}
	if got := s.placed("web"); got["north"] != 4 || len(got) != 1 {
		t.Errorf("a cluster that joins draws replicas over: %v", got)
	}
	s.weigh("web", map[string]int64{"north": 1, "south": 1}, func(p *v1alpha1.PlacementPolicy) { p.Spec.Conflict = v1alpha1.ConflictAdopt })
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	s.wantSamePods("south", before)
	s.eventuallyAddresses("web", 2)
}

// access is what joining makes in a member.
func (s *space) access(cluster string) map[string]func() error {
	c := s.in(cluster)
	return map[string]func() error{
		"namespace " + v1alpha1.SystemNamespace: func() error {
			_, err := c.CoreV1().Namespaces().Get(s.Context(), v1alpha1.SystemNamespace, getOptions)
			return err
		},
		"ClusterRole": func() error {
			_, err := c.RbacV1().ClusterRoles().Get(s.Context(), "drover", getOptions)
			return err
		},
		"ClusterRoleBinding": func() error {
			_, err := c.RbacV1().ClusterRoleBindings().Get(s.Context(), "drover", getOptions)
			return err
		},
	}
}
