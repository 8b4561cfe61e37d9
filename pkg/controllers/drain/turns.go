// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package drain

import (
	"maps"
	"slices"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// next says whose turn it is, by whose turn it was. Of each namespace that has something on the cluster it is given whether
// anything of that can leave. A turn ends when nothing is there any more: so it goes to nobody twice, and is taken from nobody
// who has begun. A namespace of which nothing can leave takes no place of another.
func next(leaves map[string]bool, was *v1alpha1.ClusterDrainStatus, parallel int32) *v1alpha1.ClusterDrainStatus {
	is := &v1alpha1.ClusterDrainStatus{}
	had := map[string]bool{}
	if was != nil {
		for _, namespace := range was.Namespaces {
			if can, there := leaves[namespace]; there {
				had[namespace] = true
				if can {
					parallel--
				}
			}
		}
	}
	for _, namespace := range slices.Sorted(maps.Keys(leaves)) {
		switch {
		case had[namespace], !leaves[namespace]:
		case parallel > 0:
			parallel--
		default:
			is.Waiting++
			continue
		}
		is.Namespaces = append(is.Namespaces, namespace)
	}
	return is
}
