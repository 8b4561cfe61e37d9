// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"
	"slices"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
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

// SameClusters says whether two decisions come to the same, whatever their reasons.
func SameClusters(a, b []v1alpha1.ClusterAssignment) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || !ptr.Equal(a[i].Replicas, b[i].Replicas) || !ptr.Equal(a[i].Target, b[i].Target) {
			return false
		}
	}
	return true
}

// Matters says whether a change of a cluster can change where anything runs.
func Matters(old, obj *v1alpha1.Cluster) bool {
	was, is := meta.FindStatusCondition(old.Status.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady)
	return old.Generation != obj.Generation || !old.DeletionTimestamp.Equal(obj.DeletionTimestamp) ||
		!apiequality.Semantic.DeepEqual(old.Labels, obj.Labels) || old.Status.Location != obj.Status.Location ||
		(was == nil) != (is == nil) || was != nil && was.Status != is.Status
}
