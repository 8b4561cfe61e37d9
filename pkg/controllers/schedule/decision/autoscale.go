// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/placement"
)

// divideBounds makes the shares of a maximum, as which the clusters were assigned it, those of an autoscaler: each cluster
// may have up to its share of the maximum, has its share of the minimum at least, and starts with its share of the
// replicas there are. Shares of less are never more, so the three are in order. A cluster's autoscaler takes no minimum of
// 0: where the minimum is less than the clusters are, the sum of theirs is more.
func divideBounds(next *v1alpha1.PlacementSpec, w Workload, candidates []placement.Cluster) {
	most := map[string]int32{}
	for _, a := range next.Clusters {
		most[a.Name] = *a.Replicas
	}
	clusters := make([]placement.Cluster, 0, len(next.Clusters))
	for _, c := range candidates {
		if share, ok := most[c.Name]; ok {
			c.Max, c.Capacity = ptr.To(int64(share)), nil
			clusters = append(clusters, c)
		}
	}
	least := sharesOf(w, w.Autoscaler.MinReplicas, clusters)
	start := sharesOf(w, min(max(w.Replicas, w.Autoscaler.MinReplicas), w.Autoscaler.MaxReplicas), clusters)
	for i := range next.Clusters {
		a := &next.Clusters[i]
		share := *a.Replicas
		a.MaxReplicas, a.MinReplicas = &share, ptr.To(min(share, max(1, least[a.Name])))
		a.Replicas = ptr.To(max(*a.MinReplicas, start[a.Name]))
		a.Reason = fmt.Sprintf("autoscaled between %d and %d: %s", *a.MinReplicas, share, a.Reason)
	}
}

func sharesOf(w Workload, replicas int32, clusters []placement.Cluster) map[string]int32 {
	out := map[string]int32{}
	result, err := placement.Plan(placement.Request{Key: w.Key, Replicas: int64(replicas), Clusters: clusters, Rebalance: true})
	if err != nil {
		return out // the same clusters were planned for before
	}
	for _, a := range result.Assignments {
		out[a.Name] = int32(a.Replicas)
	}
	return out
}
