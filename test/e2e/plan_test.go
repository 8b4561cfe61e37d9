// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"drover.dev/drover/test/harness"
)

// planned is a plan's table: what each cluster has now, and would have then.
func (s *space) planned(manifest string) (now, then map[string]int32) {
	s.Helper()
	out, err := s.Plugin().RunWithInput(s.Context(), manifest, "plan", "-f", "-", "-n", s.name)
	if err != nil {
		s.Fatal(err)
	}
	_, table, found := strings.Cut(out, "WHY\n")
	if !found {
		s.Fatalf("this is no table:\n%s", out)
	}
	now, then = map[string]int32{}, map[string]int32{}
	for _, line := range strings.Split(strings.TrimSpace(table), "\n") {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			s.Fatalf("no reason is given in %q of\n%s", line, out)
		}
		for i, into := range []map[string]int32{now, then} {
			n, err := strconv.ParseInt(fields[i+1], 10, 32)
			if err != nil {
				s.Fatalf("%v in\n%s", err, out)
			}
			if n > 0 {
				into[fields[0]] = int32(n)
			}
		}
	}
	return now, then
}

// What a plan says is what is decided when its manifests are applied, and a plan alone changes nothing.
func TestPlanIsWhatIsDecided(t *testing.T) {
	s := sharedSpace(t)
	running := map[string]int32{}
	for i, step := range []struct {
		replicas int
		clusters string
	}{
		{7, `[{name: east, weight: 3}, {name: west, weight: 2}, {name: eu, weight: 2}]`},
		{9, `[{name: east, weight: 3}, {name: west, weight: 2}, {name: eu, weight: 2}]`},
		{9, `[{name: east, weight: 0}, {name: west, maxReplicas: 3}, {name: eu}]`},
		{5, `[{name: "*", minReplicas: 1}]`},
	} {
		manifest := fmt.Sprintf(`
apiVersion: federation.drover.dev/v1alpha1
kind: PlacementPolicy
metadata: {name: web}
spec: {selector: {matchLabels: {app: web}}, clusters: %s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: %d
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: web, image: "example.com/web:1"}]}
`, step.clusters, step.replicas)
		now, then := s.planned(manifest)
		if diff := cmp.Diff(running, now); diff != "" {
			t.Errorf("step %d: what runs now (-want +got):\n%s", i, diff)
		}
		if i > 0 {
			if diff := cmp.Diff(running, s.placed("web")); diff != "" {
				t.Errorf("step %d: the plan changed something (-before +after):\n%s", i, diff)
			}
		}
		s.apply(manifest)
		harness.Eventually(t, patience, func() error {
			if diff := cmp.Diff(then, s.placedNow("web")); diff != "" {
				return fmt.Errorf("step %d: decided (-planned +got):\n%s", i, diff)
			}
			return nil
		})
		running = then
	}
	s.eventuallyRuns("web", running)
}

// What is whole is planned as all or nothing.
func TestPlanOfWhole(t *testing.T) {
	s := sharedSpace(t)
	out, err := s.Plugin().RunWithInput(t.Context(), fmt.Sprintf(db, 2), "plan", "-f", "-", "-n", s.name)
	if err != nil {
		t.Fatal(err)
	}
	s.wantContains(out, "statefulset/db in "+s.name+": all of it in each cluster, no policy", "runs all of it")
	for _, cluster := range []string{"east", "west", "eu"} {
		if !slices.ContainsFunc(strings.Split(out, "\n"), func(line string) bool {
			return strings.Join(strings.Fields(line), " ") == cluster+" 0 all runs all of it"
		}) {
			t.Errorf("%s does not go from nothing to all in\n%s", cluster, out)
		}
	}
}

// placedNow is placed, with nothing while there is no Placement yet.
func (s *space) placedNow(name string) map[string]int32 {
	p, err := s.Drover.FederationV1alpha1().Placements(s.name).Get(s.Context(), "deployment-"+name, getOptions)
	if err != nil {
		return nil
	}
	return shares(p)
}
