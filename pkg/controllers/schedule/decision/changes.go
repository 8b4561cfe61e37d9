// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"
	"slices"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Changes sets two decisions side by side, cluster by cluster. Now may be nil.
func Changes(now, then *v1alpha1.PlacementSpec) []v1alpha1.PlacementChange {
	before := replicasByCluster(now)
	var out []v1alpha1.PlacementChange
	for _, a := range then.Clusters {
		out = append(out, v1alpha1.PlacementChange{
			Cluster: a.Name, Now: int32(before[a.Name]), Then: ptr.Deref(a.Replicas, 0), Code: a.Code, Reason: a.Reason,
		})
		delete(before, a.Name)
	}
	for _, e := range then.Excluded {
		out = append(out, v1alpha1.PlacementChange{Cluster: e.Name, Now: int32(before[e.Name]), Code: e.Code, Reason: e.Reason})
		delete(before, e.Name)
	}
	for name, replicas := range before {
		out = append(out, v1alpha1.PlacementChange{Cluster: name, Now: int32(replicas), Code: v1alpha1.ExcludedLeaving, Reason: "is not joined any more"})
	}
	slices.SortFunc(out, func(a, b v1alpha1.PlacementChange) int { return cmp.Compare(a.Cluster, b.Cluster) })
	return out
}
