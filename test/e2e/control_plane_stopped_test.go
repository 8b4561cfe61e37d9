// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	"drover.dev/drover/test/harness"
)

// SIGTERM ends the control plane in order within ten seconds; what runs keeps running, and the next start goes on.
func TestControlPlaneStopped(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.deploy("web", 4, nil)
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	watch, err := s.Kube.AppsV1().Deployments(s.name).Watch(t.Context(), listOptions) // an open request must not hold it up
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	running := s.podUIDs("north")

	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	start := time.Now()
	if err := f.Stop(ctx); err != nil {
		t.Error(err)
		f.Kill()
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("stopped after %s, want at most 10 s", took)
	} else {
		t.Logf("stopped after %.1fs", took.Seconds())
	}
	s.wantSamePods("north", running)
	if _, err := s.members["north"].Kubectl().Run(t.Context(), "-n", s.name, "scale", "deployment", "web", "--replicas", "5"); err != nil {
		t.Fatal(err)
	}
	start = time.Now()
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("ready again after %.1fs", time.Since(start).Seconds())
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2}) // also what drifted meanwhile
	harness.Eventually(t, patience, func() error { return f.ready(t.Context(), "south") })
}
