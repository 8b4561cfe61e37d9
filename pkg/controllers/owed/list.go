// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package owed

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// listed is the most that a Cluster lists: with names as long as they may be, less than a quarter of what etcd stores in
// one object.
const listed = 500

// IsFull says whether a Cluster can list nothing more. What is to be orphaned has to wait then, since nothing but the list
// remembers that.
func IsFull(status *v1alpha1.ClusterStatus) bool { return len(status.Owed) >= listed }

// Lists says whether a Cluster lists the object with that UID.
func Lists(status *v1alpha1.ClusterStatus, uid types.UID) bool {
	return slices.ContainsFunc(status.Owed, func(d v1alpha1.OwedDeletion) bool { return d.UID == uid })
}

// Orphans says whether what a cluster has of the object with that UID is to be let go, not deleted.
func Orphans(status *v1alpha1.ClusterStatus, uid types.UID) bool {
	return slices.ContainsFunc(status.Owed, func(d v1alpha1.OwedDeletion) bool { return d.UID == uid && isOrphan(d) })
}

func isOrphan(d v1alpha1.OwedDeletion) bool {
	return d.PropagationPolicy == metav1.DeletePropagationOrphan
}

// remembers says whether a deletion is not forgotten if the federation forgets the object.
func remembers(status *v1alpha1.ClusterStatus, d v1alpha1.OwedDeletion) bool {
	return status.OwedMore && !isOrphan(d) || slices.Contains(status.Owed, d)
}

// add lists deletions in a status as far as there is room. Those to be orphaned come first.
func add(status *v1alpha1.ClusterStatus, more []v1alpha1.OwedDeletion) {
	for _, orphan := range []bool{true, false} {
		for _, d := range more {
			switch {
			case isOrphan(d) != orphan || remembers(status, d):
			case !IsFull(status):
				status.Owed = append(status.Owed, d)
			case !orphan:
				status.OwedMore = true
			}
		}
	}
}
