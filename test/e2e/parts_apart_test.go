// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// API server and controllers run apart, on an etcd elsewhere. Of two controllers one leads, and when it dies the other
// takes over.
func TestPartsApart(t *testing.T) {
	t.Parallel()
	etcd, err := lab.StartEtcd(t.Context(), "apart")
	if err != nil {
		t.Fatal(err)
	}
	server, err := lab.StartAPIServer(t.Context(), "apart", etcd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	harness.Eventually(t, patience, func() error {
		_, err := server.Kube.CoreV1().Namespaces().Get(t.Context(), v1alpha1.SystemNamespace, getOptions)
		return err
	})
	s := &space{T: t, federation: &federation{Federation: &harness.Federation{Server: *server}}, name: "default"}
	controllers := map[string]*harness.Process{}
	start := func(name string) {
		p, err := lab.StartControllers(t.Context(), name, server)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		controllers[name] = p
		harness.ReportOnFailure(t, p)
	}
	start("first")
	s.eventuallyDecided("one")
	first := s.leader()
	start("second")
	controllers["first"].Kill()
	began := time.Now()
	s.eventuallyDecided("two")
	t.Logf("the second led %.1fs after the first was killed", time.Since(began).Seconds())
	if second := s.leader(); second == first {
		t.Errorf("%s leads still", second)
	}
	// An API server that is restarted does not bring the controllers down, and one told to stop lets go at once.
	server.Kill()
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.eventuallyDecided("three")
	start("third")
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if err := controllers["second"].Stop(ctx); err != nil {
		t.Error(err)
	}
	began = time.Now()
	s.eventuallyDecided("four")
	t.Logf("the third led %.1fs after the second was told to stop", time.Since(began).Seconds())
}

// eventuallyDecided creates a Deployment and waits for its Placement: no cluster is joined, and it says so.
func (s *space) eventuallyDecided(name string) {
	s.Helper()
	harness.Eventually(s, patience, func() error {
		_, err := s.Kube.AppsV1().Deployments(s.name).Create(s.Context(), deployment(name, 1), createOptions)
		return err
	})
	harness.Eventually(s, patience, func() error {
		p, err := s.Drover.FederationV1alpha1().Placements(s.name).Get(s.Context(), "deployment-"+name, getOptions)
		if err == nil && !meta.IsStatusConditionFalse(p.Status.Conditions, v1alpha1.ConditionScheduled) {
			return fmt.Errorf("conditions are %+v", p.Status.Conditions)
		}
		return err
	})
}

func (s *space) leader() string {
	s.Helper()
	lease, err := s.Kube.CoordinationV1().Leases(v1alpha1.SystemNamespace).Get(s.Context(), "drover-controllers", getOptions)
	if err != nil || lease.Spec.HolderIdentity == nil {
		s.Fatalf("nobody leads: %v", err)
	}
	return *lease.Spec.HolderIdentity
}
