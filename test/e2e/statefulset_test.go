// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

const db = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, labels: {app: db}}
spec:
  replicas: %d
  serviceName: db
  podManagementPolicy: Parallel
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: db, image: example.com/db:1}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
`

// runsSets says what keeps StatefulSet db from running so many replicas of an image in each member, or from being reported.
func (s *space) runsSets(image string, want map[string]int32, reported int32) error {
	for cluster, replicas := range want {
		set, err := s.in(cluster).AppsV1().StatefulSets(s.name).Get(s.Context(), "db", getOptions)
		if err != nil {
			return fmt.Errorf("%s: %w", cluster, err)
		}
		if st := set.Status; *set.Spec.Replicas != replicas || st.ReadyReplicas != replicas || st.UpdatedReplicas != replicas || set.Spec.Template.Spec.Containers[0].Image != image {
			return fmt.Errorf("%s has %d replicas, and reports %+v; want %d of %s", cluster, *set.Spec.Replicas, st, replicas, image)
		}
		if _, err := s.in(cluster).CoreV1().Services(s.name).Get(s.Context(), "db", getOptions); err != nil {
			return fmt.Errorf("%s: %w", cluster, err)
		}
	}
	set, err := s.Kube.AppsV1().StatefulSets(s.name).Get(s.Context(), "db", getOptions)
	if err == nil && (set.Status.ReadyReplicas != reported || set.Status.Replicas != reported || set.Status.CurrentRevision != set.Status.UpdateRevision) {
		err = fmt.Errorf("the federation reports %+v, want %d replicas", set.Status, reported)
	}
	return err
}

// Each cluster runs all of a StatefulSet, and it is rolled out when each has.
func TestStatefulSetIsWhole(t *testing.T) {
	s := sharedSpace(t)
	s.apply(fmt.Sprintf(db, 2))
	everywhere := map[string]int32{"east": 2, "west": 2, "eu": 2}
	s.kubectl("rollout", "status", "statefulset", "db", "--timeout", patience.String())
	harness.Eventually(t, patience, func() error { return s.runsSets("example.com/db:1", everywhere, 2) })
	s.wantContains(s.kubectl("get", "statefulsets", "db"), "2/2", "east eu west")
	s.kubectl("set", "image", "statefulset/db", "db=example.com/db:2")
	s.kubectl("rollout", "status", "statefulset", "db", "--timeout", patience.String())
	if err := s.runsSets("example.com/db:2", everywhere, 2); err != nil {
		t.Error("rolled out, but ", err)
	}
	s.kubectl("scale", "statefulset", "db", "--replicas", "3")
	harness.Eventually(t, patience, func() error {
		return s.runsSets("example.com/db:2", map[string]int32{"east": 3, "west": 3, "eu": 3}, 3)
	})
}

// A policy has a StatefulSet divided as a Deployment is.
func TestStatefulSetIsDivided(t *testing.T) {
	s := sharedSpace(t)
	s.weigh("db", map[string]int64{"east": 1, "west": 2}, func(p *v1alpha1.PlacementPolicy) { p.Spec.Division = v1alpha1.Divide })
	s.apply(fmt.Sprintf(db, 6))
	harness.Eventually(t, patience, func() error { return s.runsSets("example.com/db:1", map[string]int32{"east": 2, "west": 4}, 6) })
	s.wantContains(s.kubectl("get", "statefulsets", "db"), "6/6", "east=2 west=4")
}
