// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/utils/ptr"
)

// A weight of 0 drains a cluster, and the weight it had fills it again.
func TestDrainByWeight(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 6, map[string]int64{"east": 1, "west": 1, "eu": 1})
	s.expose("web")
	s.eventuallyRuns("web", map[string]int32{"east": 2, "west": 2, "eu": 2})
	s.eventuallyAddresses("web", 3)
	others := s.podUIDs("west")

	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":0}]}}`)
	s.wantWeights(map[string]int64{"east": 0, "west": 1, "eu": 1})
	s.eventuallyRuns("web", map[string]int32{"west": 3, "eu": 3})
	s.eventuallyAddresses("web", 2)
	for uid := range others {
		if !s.podUIDs("west")[uid] {
			t.Errorf("pod %s in west did not survive that east was drained", uid)
		}
	}
	s.eventuallyGone("service web in east", func() error { return s.has("east", "services/web") })

	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":1}]}}`)
	s.wantWeights(map[string]int64{"east": 1, "west": 1, "eu": 1})
	s.eventuallyRuns("web", map[string]int32{"east": 2, "west": 2, "eu": 2})
	s.eventuallyAddresses("web", 3)
}

// When every weight is 0, what runs stays where it runs, and Drover says so.
func TestAllWeightsZero(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 2, map[string]int64{"east": 1, "west": 1})
	s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 1})
	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":0},{"name":"west","weight":0}]}}`)
	s.kubectl("wait", "deployment", "web", "--for", "condition=Scheduled=false", "--timeout", patience.String())
	s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 1})
	s.wantContains(s.kubectl("describe", "deployment", "web"), "weight 0")
}

func (s *space) wantWeights(want map[string]int64) {
	s.Helper()
	p, err := s.Drover.FederationV1alpha1().PlacementPolicies(s.name).Get(s.Context(), "web", getOptions)
	if err != nil {
		s.Fatal(err)
	}
	got := map[string]int64{}
	for _, c := range p.Spec.Clusters {
		got[c.Name] = ptr.Deref(c.Weight, -1)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("weights (-want +got):\n%s", diff)
	}
}
