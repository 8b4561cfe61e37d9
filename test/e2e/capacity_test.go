// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// demand creates a Deployment whose pods ask for so many CPUs. A member has two nodes of 8.
func (s *space) demand(name, cpu string, replicas int32) {
	s.Helper()
	d := deployment(name, replicas)
	d.Spec.Template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(cpu)}
	if _, err := s.Kube.AppsV1().Deployments(s.name).Create(s.Context(), d, createOptions); err != nil {
		s.Fatal(err)
	}
}

// inOrder fills clusters in the order of their names here, and takes pods that find no node for long enough away at once.
func inOrder(clusters ...string) func(*v1alpha1.PlacementPolicy) {
	return func(p *v1alpha1.PlacementPolicy) {
		for i, name := range clusters {
			p.Spec.Clusters = append(p.Spec.Clusters, v1alpha1.ClusterWeight{Name: name, Priority: int32(len(clusters) - i)})
		}
		p.Spec.Overflow.After = &metav1.Duration{Duration: 2 * time.Second}
		p.Spec.Rebalance = v1alpha1.Rebalance{Mode: v1alpha1.RebalanceAutomatic, MaxMovesPerMinute: ptr.To[int32](60)}
	}
}

// A cluster is given what it has room for. Where its nodes hold less than the sum of what they have free, the pods that
// find no node go on to the next cluster; when there is room they come back, and scaling down gives up the last first.
func TestCapacityOverflowsAndReturns(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)

	// Of 4 CPUs each, 4 fit into one cluster: exactly what the sum says, so nothing is tried in vain.
	s.weigh("fits", nil, inOrder("north", "south"))
	s.demand("fits", "4", 6)
	s.eventuallyRuns("fits", map[string]int32{"north": 4, "south": 2})
	// What was just placed may be counted twice at first: as placed, and as seen to run.
	harness.Eventually(s, patience, func() error {
		text := s.kubectl("describe", "placement", "deployment-fits")
		if !strings.Contains(text, "room for 4 only: not enough cpu free") || !strings.Contains(text, "higher priorities are full") {
			return errors.New(text)
		}
		return nil
	})
	s.kubectl("scale", "deployment", "fits", "--replicas", "9")
	s.kubectl("wait", "deployment", "fits", "--for", "condition=Scheduled=false", "--timeout", patience.String())
	harness.Eventually(s, patience, func() error { // the same
		if text := s.kubectl("describe", "deployment", "fits"); !strings.Contains(text, "1 of 9 replicas fit on no cluster") {
			return errors.New(text)
		}
		return nil
	})
	s.kubectl("scale", "deployment", "fits", "--replicas", "4")
	s.eventuallyRuns("fits", map[string]int32{"north": 4})
	s.kubectl("delete", "deployment", "fits")

	// Of 5 CPUs each, 2 fit; the sum says 3.
	s.weigh("large", nil, inOrder("north", "south"))
	s.demand("large", "5", 3)
	s.eventuallyRuns("large", map[string]int32{"north": 2, "south": 1})
	s.wantContains(s.kubectl("describe", "placement", "deployment-large"), "more found no node there")
	s.wantContains(s.kubectl("events", "--for", "deployment/large"), "Overflow")

	// What is in the way of one goes, and the overflow comes back by itself.
	s.kubectl("delete", "deployment", "large")
	s.weigh("blocker", map[string]int64{"north": 1})
	s.demand("blocker", "5", 1)
	s.eventuallyRuns("blocker", map[string]int32{"north": 1})
	s.weigh("returning", nil, inOrder("north", "south"))
	s.demand("returning", "6", 2)
	s.eventuallyRuns("returning", map[string]int32{"north": 1, "south": 1})
	s.kubectl("delete", "deployment", "blocker")
	s.eventuallyRuns("returning", map[string]int32{"north": 2})
}
