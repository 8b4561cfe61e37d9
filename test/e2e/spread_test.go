// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// A spread puts a replica into a second region where the weights would have put none; one that cannot be had is told of.
func TestSpread(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 4, map[string]int64{"east": 99, "west": 1})
	s.weigh("wide", map[string]int64{"east": 99, "west": 1}, func(p *v1alpha1.PlacementPolicy) {
		p.Spec.Spread = []v1alpha1.Spread{{Topology: "region", MinDomains: 2}}
	})
	s.deploy("wide", 4, nil)
	s.eventuallyRuns("web", map[string]int32{"east": 4})
	s.eventuallyRuns("wide", map[string]int32{"east": 3, "west": 1})
	s.wantContains(s.kubectl("describe", "placement", "deployment-wide"), "one replica for region us-west1")

	s.kubectl("patch", "placementpolicy", "wide", "-p", `{"spec":{"spread":[{"topology":"region","minDomains":3}]}}`)
	s.kubectl("wait", "deployment", "wide", "--for", "condition=Scheduled=false", "--timeout", patience.String())
	s.wantContains(s.kubectl("describe", "deployment", "wide"), "replicas are in 2 of the 3 domains of region")
	s.kubectl("patch", "placementpolicy", "wide", "-p", `{"spec":{"clusters":[{"name":"eu","weight":1}]}}`)
	s.eventuallyRuns("wide", map[string]int32{"east": 2, "west": 1, "eu": 1})
	s.kubectl("wait", "placement", "deployment-wide", "--for", "condition=Scheduled=true", "--timeout", patience.String())
}
