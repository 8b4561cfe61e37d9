// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func spreading(spread ...v1alpha1.Spread) func(*v1alpha1.PlacementPolicySpec) {
	return func(s *v1alpha1.PlacementPolicySpec) { s.Spread = spread }
}

func TestSpread(t *testing.T) {
	over := func(topology string, minDomains int32) v1alpha1.Spread {
		return v1alpha1.Spread{Topology: topology, MinDomains: minDomains}
	}
	east, west := member("east", located("america/us-east/a")), member("west", located("america/us-west/c"))
	eu, dark := member("eu", located("europe/eu-central/d")), member("dark")
	racks := []*v1alpha1.Cluster{member("a", labelled("example.com/rack", "1")), member("b", labelled("example.com/rack", "1")), member("c", labelled("example.com/rack", "2")), dark}
	for _, tt := range []struct {
		name     string
		replicas int32
		policy   *v1alpha1.PlacementPolicy
		clusters []*v1alpha1.Cluster
		placed   string
		// message is a part of the problem's; empty if there is none.
		message string
	}{
		{"not asked for", 4, policyWith(nil, weight("east", 9), weight("eu", 1)), []*v1alpha1.Cluster{east, eu}, "east=4", ""},
		{"over two regions", 4, policyWith(spreading(over("region", 2)), weight("east", 9), weight("eu", 1)), []*v1alpha1.Cluster{east, eu}, "east=3 eu=1", ""},
		{"over two continents", 7, policyWith(spreading(over("continent", 2)), weight("east", 9), weight("west", 9), weight("eu", 1)), []*v1alpha1.Cluster{east, west, eu}, "east=3 eu=1 west=3", ""},
		{"over zones", 2, policyWith(spreading(over("zone", 2)), weight("east", 9), weight("eu", 1)), []*v1alpha1.Cluster{east, eu}, "east=1 eu=1", ""},
		{"over clusters", 3, policyWith(spreading(over("cluster", 3)), weight("east", 9), weight("*", 1)), []*v1alpha1.Cluster{east, west, dark}, "dark=1 east=1 west=1", ""},
		{"over the values of a label", 4, policyWith(spreading(over("example.com/rack", 2)), weight("a", 9), weight("c", 1)), racks, "a=3 c=1", ""},
		{"what the weights do anyway", 4, policyWith(spreading(over("region", 2))), []*v1alpha1.Cluster{east, eu}, "east=2 eu=2", ""},
		{"one domain is no spread", 4, policyWith(spreading(over("region", 1)), weight("east", 9), weight("eu", 1)), []*v1alpha1.Cluster{east, eu}, "east=4", ""},
		{"one replica is in one place", 1, policyWith(spreading(over("region", 2)), weight("east", 9), weight("eu", 1)), []*v1alpha1.Cluster{east, eu}, "east=1", ""},
		{"no replicas are in none", 0, policyWith(spreading(over("region", 3))), []*v1alpha1.Cluster{east, eu}, "", ""},
		{
			"over more than there are", 4, policyWith(spreading(over("region", 3))),
			[]*v1alpha1.Cluster{east, eu},
			"east=2 eu=2",
			"replicas are in 2 of the 3 domains of region that the policy asks for, of which 2 may hold replicas: lower minDomains, or let more clusters take the workload",
		},
		{"a place that is not known is none", 4, policyWith(spreading(over("region", 2))), []*v1alpha1.Cluster{east, dark}, "dark=2 east=2", "replicas are in 1 of the 2 domains of region that the policy asks for, of which 1 may hold replicas"},
		{"a cluster that takes nothing is no place", 4, policyWith(spreading(over("region", 2))), []*v1alpha1.Cluster{east, member("eu", located("europe/eu-central/d"), cordoned)}, "east=4", "replicas are in 1 of the 2 domains of region"},
		{"a drained cluster is none", 4, policyWith(spreading(over("region", 2)), weight("east", 1), weight("eu", 0)), []*v1alpha1.Cluster{east, eu}, "east=4", "replicas are in 1 of the 2 domains of region"},
		{
			"the message is of the topology that has too few", 1, policyWith(spreading(over("cluster", 2), over("continent", 3)), weight("east", 9), weight("eu", 1)),
			[]*v1alpha1.Cluster{east, eu},
			"east=1",
			"of the 3 domains of continent that the policy asks for, of which 2 may hold replicas",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := divide(web(1, tt.replicas), tt.policy, tt.clusters, nil, now)
			if diff := gocmp.Diff(tt.placed, places(got)); diff != "" {
				t.Errorf("placed (-want +got):\n%s", diff)
			}
			if (tt.message == "") != (got.Problem == "") || got.Problem != "" && got.Problem != "SpreadUnsatisfiable" || !strings.Contains(got.ProblemMessage, tt.message) {
				t.Errorf("problem %q: %s\nwant %q", got.Problem, got.ProblemMessage, tt.message)
			}
		})
	}
}
