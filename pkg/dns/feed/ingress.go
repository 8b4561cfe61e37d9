// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/dns/snapshot"
)

// Ingress is what an Ingress is in a snapshot; false if it has no host that clients could ask for. Behind finds the
// Placement of a Service of its namespace, nil if there is none.
func Ingress(ingress *networkingv1.Ingress, placement *v1alpha1.Placement, policies []*v1alpha1.TrafficPolicy, behind func(service string) *v1alpha1.Placement) (snapshot.Service, bool) {
	s := snapshot.Service{Namespace: ingress.Namespace, Name: ingress.Name}
	for _, rule := range ingress.Spec.Rules {
		if rule.Host != "" && !slices.Contains(s.Hosts, rule.Host) {
			s.Hosts = append(s.Hosts, rule.Host)
		}
	}
	ready := readyBehind(ingress, behind)
	s.Backends = backends(placement, func(c *v1alpha1.ClusterPlacementStatus) int32 { return ready(c.Name) })
	policy := policyFor(policies, ingressKind, ingress.Name)
	applyPolicy(&s, policy)
	applyMigration(&s, placement, policy)
	return s, len(s.Hosts) > 0
}

// readyBehind counts the ready endpoints behind an Ingress in a cluster. Only the clusters count in which the most of its
// Services have any: a cluster where one of them is gone does not serve all of the Ingress, unless no cluster does.
func readyBehind(ingress *networkingv1.Ingress, behind func(service string) *v1alpha1.Placement) func(cluster string) int32 {
	names := workload.Backends(ingress)
	if len(names) == 0 {
		return func(string) int32 { return 1 } // it needs no pods
	}
	services, endpoints := map[string]int{}, map[string]int32{}
	most := 0
	for name := range names {
		placement := behind(name)
		if placement == nil {
			continue
		}
		for _, c := range placement.Status.Clusters {
			if c.ReadyEndpoints == 0 {
				continue
			}
			services[c.Name]++
			endpoints[c.Name] += c.ReadyEndpoints
			most = max(most, services[c.Name])
		}
	}
	return func(cluster string) int32 {
		if services[cluster] < most {
			return 0
		}
		return endpoints[cluster]
	}
}
