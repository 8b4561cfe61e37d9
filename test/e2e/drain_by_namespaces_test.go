// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// A drain goes namespace by namespace, goes on when nobody waits for it, and keeps a PodDisruptionBudget where the policy would
// have more missing. What was moved comes back when that is asked for, though the policy never rebalances.
func TestDrainGoesNamespaceByNamespace(t *testing.T) {
	f := breaking(t)
	var spaces []*space
	for range 3 {
		s := newSpace(t, f)
		s.weigh("web", map[string]int64{"north": 1, "south": 1}, func(p *v1alpha1.PlacementPolicy) {
			p.Spec.Rebalance.Mode = v1alpha1.RebalanceNever
			p.Spec.Move = v1alpha1.Move{MaxSurge: ptr.To(intstr.FromInt32(1)), MaxUnavailable: ptr.To(intstr.FromInt32(3))}
		})
		s.apply("apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {maxUnavailable: 0, selector: {matchLabels: {app: web}}}\n")
		s.deploy("web", 4, nil)
		spaces = append(spaces, s)
	}
	for _, s := range spaces {
		s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
		s.guard("web", 4, 5)
	}
	t.Cleanup(func() {
		if _, err := f.Plugin().Run(context.Background(), "uncordon", "north"); err != nil {
			t.Error(err)
		}
	})
	turns := f.turns(t, "north")

	plan, err := f.Plugin().Run(t.Context(), "drain", "north", "--dry-run", "--parallel", "1")
	if err != nil {
		t.Fatal(err)
	}
	spaces[0].wantContains(plan, "at least 4 stay available, since PodDisruptionBudget web asks for that", "Of 3 namespaces, 1 is moved at once")
	_, err = f.Plugin().Run(t.Context(), "drain", "north", "--yes", "--parallel", "1", "--timeout", "1s")
	if err == nil {
		t.Fatal("three namespaces were moved within a second, and one at once")
	}
	spaces[0].wantContains(err.Error(), "the drain goes on", "waits for the turn of its namespace")
	out, err := f.Plugin().Run(t.Context(), "drain", "north", "--timeout", "2m")
	if err != nil {
		t.Fatal(err)
	}
	spaces[0].wantContains(out, "is being drained already", "north is drained")
	for _, s := range spaces {
		s.eventuallyRuns("web", map[string]int32{"south": 4})
	}
	if most, had := turns(); most != 1 || len(had) != len(spaces) {
		t.Errorf("it was the turn of %d namespaces at once, and of %v at all", most, had)
	}

	if _, err := f.Plugin().Run(t.Context(), "uncordon", "north", "--rebalance"); err != nil {
		t.Fatal(err)
	}
	for _, s := range spaces {
		s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
		s.kubectl("wait", "placement", "deployment-web", "--for", "condition=Progressing=false", "--timeout", patience.String())
	}
	counted, err := f.Kubectl().Run(t.Context(), "get", "--raw", "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	var metrics []string
	for line := range strings.Lines(counted) {
		if strings.HasPrefix(line, "drover_workload_move") {
			metrics = append(metrics, line)
		}
	}
	spaces[0].wantContains(strings.Join(metrics, ""), "drover_workload_moves_finished_total ", "drover_workload_move_duration_seconds_count ", "drover_workload_move_replicas_below_floor 0\n")
}

// turns watches whose turn it is in a drain. What it returns tells of how many namespaces at the most at once, and of which.
func (f *federation) turns(t *testing.T, cluster string) func() (most int, had []string) {
	t.Helper()
	w, err := f.Drover.FederationV1alpha1().Clusters().Watch(t.Context(), metav1.ListOptions{FieldSelector: fmt.Sprintf("metadata.name=%s", cluster)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	var mu sync.Mutex
	most, had := 0, map[string]bool{}
	go func() {
		for event := range w.ResultChan() {
			c, ok := event.Object.(*v1alpha1.Cluster)
			if !ok || c.Status.Drain == nil {
				continue
			}
			mu.Lock()
			most = max(most, len(c.Status.Drain.Namespaces))
			for _, namespace := range c.Status.Drain.Namespaces {
				had[namespace] = true
			}
			mu.Unlock()
		}
	}()
	return func() (int, []string) {
		mu.Lock()
		defer mu.Unlock()
		var all []string
		for namespace := range had {
			all = append(all, namespace)
		}
		slices.Sort(all)
		return most, all
	}
}
