// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// Follow says where an object of a kind that no policy places goes, e.g. a Service: where the workloads behind it run. With everywhere it has none,
// and goes to every cluster that is ready. While nothing runs behind it, it stays where it is: its addresses are known.
func Follow(generation int64, what string, backends []*v1alpha1.PlacementSpec, everywhere bool, clusters []*v1alpha1.Cluster, current *v1alpha1.PlacementSpec) v1alpha1.PlacementSpec {
	next := v1alpha1.PlacementSpec{WorkloadGeneration: generation, Conflict: v1alpha1.ConflictFail, Migration: migratedWith(backends)}
	behind, bounds := map[string][]string{}, map[string]v1alpha1.ClusterAssignment{}
	for _, b := range backends {
		if what == workload.HorizontalPodAutoscaler.Kind {
			if b.Autoscaler == nil {
				continue // the bounds are still to be divided: undivided, each cluster would scale to all of them
			}
			for _, a := range b.Clusters {
				bounds[a.Name] = v1alpha1.ClusterAssignment{MinReplicas: a.MinReplicas, MaxReplicas: a.MaxReplicas}
			}
		}
		if b.Conflict == v1alpha1.ConflictAdopt {
			next.Conflict = v1alpha1.ConflictAdopt
		}
		for _, a := range b.Clusters {
			behind[a.Name] = append(behind[a.Name], strings.ToLower(b.Workload.Kind)+" "+b.Workload.Name)
		}
	}
	already := replicasByCluster(current)
	for _, cluster := range clusters {
		_, there := already[cluster.Name]
		runs := behind[cluster.Name]
		ready := meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady)
		switch {
		case !cluster.DeletionTimestamp.IsZero():
			next.Excluded = append(next.Excluded, *exclude(cluster, v1alpha1.ExcludedLeaving, "leaves the federation"))
		case len(runs) > 0:
			slices.Sort(runs)
			assigned := bounds[cluster.Name]
			assigned.Name, assigned.Code, assigned.Reason = cluster.Name, v1alpha1.RunsBackend, "runs "+strings.Join(slices.Compact(runs), ", ")
			next.Clusters = append(next.Clusters, assigned)
		case everywhere && (ready || there):
			next.Clusters = append(next.Clusters, v1alpha1.ClusterAssignment{Name: cluster.Name, Code: v1alpha1.NoSelector, Reason: what + " names no backend of its own: it goes to every cluster"})
		case everywhere:
			next.Excluded = append(next.Excluded, *exclude(cluster, v1alpha1.ExcludedNotReady, "not ready"))
		default:
			next.Excluded = append(next.Excluded, *exclude(cluster, v1alpha1.ExcludedNoBackend, "runs none of the workloads behind the %s", what))
		}
	}
	if len(next.Clusters) == 0 {
		keepCurrent(&next, current, clusters)
		next.Excluded = slices.DeleteFunc(next.Excluded, func(e v1alpha1.ClusterExclusion) bool { return isPlaced(&next, e.Name) })
		next.Problem = v1alpha1.ReasonNoBackends
		next.ProblemMessage = fmt.Sprintf("no cluster runs a workload behind the %s; it goes where they do, as soon as they do", what)
		if len(clusters) == 0 {
			next.Problem, next.ProblemMessage = string(placement.OutcomeNoClusters), "no cluster may take the "+what+": "+summarize(nil, 0)
		}
	}
	slices.SortFunc(next.Clusters, byName)
	slices.SortFunc(next.Excluded, func(a, b v1alpha1.ClusterExclusion) int { return cmp.Compare(a.Name, b.Name) })
	return next
}

func byName(a, b v1alpha1.ClusterAssignment) int { return cmp.Compare(a.Name, b.Name) }
