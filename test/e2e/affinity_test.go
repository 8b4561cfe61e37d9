// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// A Deployment that follows another one is where that is, waits for it, and goes along when it is drained.
func TestWorkloadAffinity(t *testing.T) {
	s := sharedSpace(t)
	follow := func(topology v1alpha1.Topology, weight int32) func(*v1alpha1.PlacementPolicy) {
		return func(p *v1alpha1.PlacementPolicy) {
			p.Spec.WorkloadAffinity = []v1alpha1.WorkloadAffinity{{
				Workload: v1alpha1.AffineWorkload{Name: "leader"}, Topology: topology, Weight: ptr.To(weight), Required: true,
			}}
		}
	}
	s.weigh("follower", nil, follow(v1alpha1.TopologyRegion, 100))
	s.deploy("follower", 2, nil)
	s.kubectl("wait", "deployment", "follower", "--for", "condition=Scheduled=false", "--timeout", patience.String())
	s.wantContains(s.kubectl("describe", "deployment", "follower"), "waits for Deployment leader, which is not placed")

	s.deploy("leader", 2, map[string]int64{"east": 1, "eu": 1})
	s.weigh("rival", nil, follow(v1alpha1.TopologyCluster, -100))
	s.deploy("rival", 2, nil)
	s.eventuallyRuns("leader", map[string]int32{"east": 1, "eu": 1})
	s.eventuallyRuns("follower", map[string]int32{"east": 1, "eu": 1})
	s.eventuallyRuns("rival", map[string]int32{"west": 2})
	s.wantContains(s.kubectl("describe", "placement", "deployment-follower"), "Deployment leader is not in the same region")

	s.kubectl("patch", "placementpolicy", "leader", "-p", `{"spec":{"clusters":[{"name":"east","weight":0},{"name":"west","weight":1}]}}`)
	s.eventuallyRuns("leader", map[string]int32{"west": 1, "eu": 1})
	s.eventuallyRuns("follower", map[string]int32{"west": 1, "eu": 1})
	s.eventuallyRuns("rival", map[string]int32{"east": 2})
}
