// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"slices"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// drainNotes say which bounds a drain keeps, and which it cannot: those of PodDisruptionBudgets, and those of the policy,
// which is nil if there is none.
func drainNotes(cluster string, now, then *v1alpha1.PlacementSpec, policy *v1alpha1.PlacementPolicy, budgets []decision.Budget) (notes []string) {
	if b := then.Budget; b != nil {
		notes = append(notes, fmt.Sprintf("at least %d stay available, since PodDisruptionBudget %s asks for that", b.MinAvailable, b.Name))
	}
	if why := atOnce(cluster, now, then); why != "" {
		for _, b := range budgets {
			notes = append(notes, fmt.Sprintf("PodDisruptionBudget %s is not kept on %s: %s, and ends there at once", b.Name, cluster, why))
		}
	}
	if policy != nil {
		i := slices.IndexFunc(policy.Spec.Clusters, func(c v1alpha1.ClusterWeight) bool { return c.Name == cluster })
		if i >= 0 && policy.Spec.Clusters[i].MinReplicas > 0 {
			notes = append(notes, fmt.Sprintf("policy %s asks for at least %d on %s; while that is drained, it has none", policy.Name, policy.Spec.Clusters[i].MinReplicas, cluster))
		}
	}
	missed := []string{string(placement.OutcomeMinimumsInfeasible), string(placement.OutcomeSpreadUnsatisfiable), string(placement.OutcomeUnplaced)}
	if then.Problem != now.Problem && slices.Contains(missed, then.Problem) {
		notes = append(notes, then.ProblemMessage)
	}
	return notes
}

// atOnce says why a workload leaves a cluster at once, and not step by step; empty if it does not.
func atOnce(cluster string, now, then *v1alpha1.PlacementSpec) string {
	a := workload.Share(now, cluster)
	if a == nil || a.Replicas != nil || workload.Share(then, cluster) != nil {
		return ""
	}
	return "each cluster runs all of it"
}
