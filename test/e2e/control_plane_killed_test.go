// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// A control plane that is killed in the middle of its work loses nothing that it acknowledged, disturbs nothing that
// runs, and finishes its work when it is started again.
func TestControlPlaneKilled(t *testing.T) {
	const (
		workloads = 30
		killAfter = 12
	)
	f := breaking(t)
	s := newSpace(t, f)
	s.deploy("web", 4, nil)
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	running := map[string]map[string]bool{"north": s.podUIDs("north"), "south": s.podUIDs("south")}

	created, acknowledged := make(chan int, workloads), map[int]bool{}
	go func() {
		defer close(created)
		for i := range workloads {
			if _, err := s.Kube.AppsV1().Deployments(s.name).Create(t.Context(), deployment(workload(i), 4), createOptions); err == nil {
				created <- i
			}
		}
	}()
	for i := range created {
		acknowledged[i] = true
		if len(acknowledged) == killAfter {
			f.Kill()
		}
	}
	t.Logf("killed with %d of %d deployments acknowledged", len(acknowledged), workloads)
	for cluster, before := range running {
		for uid := range before {
			if !s.podUIDs(cluster)[uid] {
				t.Errorf("a pod in %s is gone without a control plane", cluster)
			}
		}
	}
	start := time.Now()
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("ready again %.1fs after it was killed and started", time.Since(start).Seconds())

	for i := range workloads {
		_, err := s.Kube.AppsV1().Deployments(s.name).Get(t.Context(), workload(i), getOptions)
		if acknowledged[i] && err != nil {
			t.Errorf("%s was acknowledged: %v", workload(i), err)
		}
		if apierrors.IsNotFound(err) {
			if _, err := s.Kube.AppsV1().Deployments(s.name).Create(t.Context(), deployment(workload(i), 4), createOptions); err != nil {
				t.Fatal(err)
			}
		}
	}
	took := harness.Eventually(t, patience, func() error {
		for i := range workloads {
			if err := s.runs(workload(i), map[string]int32{"north": 2, "south": 2}); err != nil {
				return err
			}
		}
		return s.runs("web", map[string]int32{"north": 2, "south": 2})
	})
	t.Logf("all run after another %.1fs", took.Seconds())
	harness.Eventually(t, patience, s.asPlaced)
	for cluster, before := range running {
		after := s.podUIDs(cluster)
		for uid := range before {
			if !after[uid] {
				t.Errorf("a pod in %s was replaced", cluster)
			}
		}
	}
}

func workload(i int) string { return fmt.Sprintf("work-%02d", i) }

// asPlaced says where the Deployments in the members are not as the Placements say.
func (s *space) asPlaced() error {
	placements, err := s.Drover.FederationV1alpha1().Placements(s.name).List(s.Context(), listOptions)
	if err != nil {
		return err
	}
	want := map[string]int32{}
	for i := range placements.Items {
		for cluster, replicas := range shares(&placements.Items[i]) {
			want[cluster+"/"+placements.Items[i].Spec.Workload.Name] = replicas
		}
	}
	var errs []error
	for cluster := range s.members {
		deployments, err := s.in(cluster).AppsV1().Deployments(s.name).List(s.Context(), listOptions)
		if err != nil {
			return err
		}
		for _, d := range deployments.Items {
			key := cluster + "/" + d.Name
			replicas, placed := want[key]
			if !placed || replicas != *d.Spec.Replicas {
				errs = append(errs, fmt.Errorf("%s has %d replicas, placed are %d (%t)", key, *d.Spec.Replicas, replicas, placed))
			}
			if d.Annotations[v1alpha1.AnnotationSourceUID] == "" {
				errs = append(errs, fmt.Errorf("%s has no mark", key))
			}
			delete(want, key)
		}
	}
	if len(want) > 0 {
		errs = append(errs, fmt.Errorf("not in the members: %v", want))
	}
	return errors.Join(errs...)
}
