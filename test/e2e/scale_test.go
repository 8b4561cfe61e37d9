// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"slices"
	"testing"
)

// kubectl scale changes the number of replicas over all clusters.
func TestScale(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 6, map[string]int64{"east": 1, "west": 2})
	s.eventuallyRuns("web", map[string]int32{"east": 2, "west": 4})
	s.kubectl("scale", "deployment", "web", "--replicas", "12")
	s.eventuallyRuns("web", map[string]int32{"east": 4, "west": 8})
	s.kubectl("scale", "deployment", "web", "--replicas", "3", "--current-replicas", "12")
	s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 2})
	s.wantContains(s.kubectlFails("scale", "deployment", "web", "--replicas", "5", "--current-replicas", "12"), "Expected replicas to be 12, was 3")
	s.wantContains(s.kubectlFails("scale", "deployment", "web", "--replicas", "5", "--resource-version", "1"), "Expected resource version to be 1")
}

// A workload scaled to nothing keeps the addresses that its clients know.
func TestScaleToZeroKeepsAddresses(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 3, nil)
	s.expose("web")
	s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 1, "eu": 1})
	before := s.eventuallyAddresses("web", 3)
	s.kubectl("scale", "deployment", "web", "--replicas", "0")
	s.eventuallyRuns("web", map[string]int32{"east": 0, "west": 0, "eu": 0})
	s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
	s.kubectl("scale", "deployment", "web", "--replicas", "6")
	s.eventuallyRuns("web", map[string]int32{"east": 2, "west": 2, "eu": 2})
	if after := s.addresses("web"); !slices.Equal(before, after) {
		t.Errorf("addresses were %v and are %v", before, after)
	}
}
