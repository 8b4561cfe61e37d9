// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/dns/snapshot"
)

// policyFor is what the policy that applies to a Service or Ingress says. It is nil if there is none.
func policyFor(policies []*v1alpha1.TrafficPolicy, kind, name string) *v1alpha1.TrafficPolicySpec {
	if first := v1alpha1.TrafficPolicyFor(policies, kind, name); first != nil {
		return &first.Spec
	}
	return nil
}

// applyPolicy leaves a service as it is without a policy.
func applyPolicy(s *snapshot.Service, policy *v1alpha1.TrafficPolicySpec) {
	if policy == nil {
		return
	}
	s.Mode = snapshot.Mode(policy.Mode)
	s.TTLSeconds = uint32(ptr.Deref(policy.TTLSeconds, 0))
	s.WhenNoneHealthy = snapshot.WhenNoneHealthy(policy.WhenNoneHealthy)
	if policy.Saturation != nil {
		s.Saturation = &snapshot.Saturation{Low: policy.Saturation.Low, High: policy.Saturation.High}
	}
	if len(policy.Clusters) == 0 {
		return
	}
	for i := range s.Backends {
		b := &s.Backends[i]
		share := shareOf(policy.Clusters, b.Cluster)
		b.Weight = new(int32(ptr.Deref(share.Weight, 1)))
		b.Priority = share.Priority
	}
}

// shareOf is what a policy gives a cluster: under its own name, or else what every other gets, or else nothing.
func shareOf(clusters []v1alpha1.ClusterTraffic, name string) v1alpha1.ClusterTraffic {
	share := v1alpha1.ClusterTraffic{Weight: new(int64(0))}
	for _, c := range clusters {
		switch c.Name {
		case name:
			return c
		case v1alpha1.AnyCluster:
			share = c
		}
	}
	return share
}
