// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"slices"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/dns/snapshot"
)

// applyMigration leads clients as the Migration in a Placement does, once both ends of it are known.
func applyMigration(s *snapshot.Service, placement *v1alpha1.Placement, policy *v1alpha1.TrafficPolicySpec) {
	if placement == nil || placement.Spec.Migration == nil {
		return
	}
	m := placement.Spec.Migration
	from, to := backendOf(s, m.From), backendOf(s, m.To)
	if from == nil || to == nil {
		return
	}
	s.Move = &snapshot.Move{
		From: []string{m.From}, To: []string{m.To}, Newcomer: m.Newcomer,
		Percent: percentMoved(m.Weight, m.Traffic, *from.ReadyEndpoints, *to.ReadyEndpoints),
	}
	if policy != nil && m.Newcomer && !slices.ContainsFunc(policy.Clusters, func(c v1alpha1.ClusterTraffic) bool { return c.Name == m.To }) {
		to.Weight, to.Priority = from.Weight, from.Priority // it takes the place of the other
	}
}

// percentMoved is how many of the source's clients are answered the target: as many as the Migration says, or on the way to
// that, as its part of the ready endpoints is. On the way back the source takes what it can carry: all, as soon as it has as
// many as the target.
func percentMoved(weight, traffic, from, to int32) int32 {
	switch {
	case to <= 0:
		return 0
	case weight == 0 && from >= to:
		return 0
	case weight == 0:
		return 100 * (to - max(0, from)) / to
	}
	return max(traffic, min(weight, 100*to/(max(0, from)+to)))
}

// backendOf is that in a cluster; nil if there is none.
func backendOf(s *snapshot.Service, cluster string) *snapshot.Backend {
	if i := slices.IndexFunc(s.Backends, func(b snapshot.Backend) bool { return b.Cluster == cluster }); i >= 0 {
		return &s.Backends[i]
	}
	return nil
}
