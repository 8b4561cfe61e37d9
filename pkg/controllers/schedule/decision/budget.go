// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// Budget is a PodDisruptionBudget of the pods of a workload.
type Budget struct {
	*policyv1.PodDisruptionBudget
	// Shared says that it is of the pods of other workloads as well.
	Shared bool
}

// strictest is what the budget asks of a move that wants most of the replicas available; nil if none asks for any. No move
// has more available than asked for, so that a budget which wants that is kept as far as can be. Of one that is shared it is
// not known here how the others fare: none of the workload's replicas may be missing.
func strictest(budgets []Budget, replicas int32) (most *v1alpha1.PlacementBudget) {
	for _, b := range budgets {
		least := replicas
		if !b.Shared {
			least = b.minAvailable(replicas)
		}
		if least > 0 && (most == nil || least > most.MinAvailable || least == most.MinAvailable && b.Name < most.Name) {
			most = &v1alpha1.PlacementBudget{Name: b.Name, MinAvailable: least}
		}
	}
	return most
}

// minAvailable is how many of so many replicas are to be available. Both bounds are rounded up, as in any cluster.
func (b Budget) minAvailable(replicas int32) int32 {
	scaled := func(value *intstr.IntOrString) int32 {
		n, err := intstr.GetScaledValueFromIntOrPercent(value, int(replicas), true)
		if err != nil {
			return replicas // refused when the budget is written
		}
		return int32(min(max(0, n), int(replicas)))
	}
	switch {
	case b.Spec.MaxUnavailable != nil:
		return replicas - scaled(b.Spec.MaxUnavailable)
	case b.Spec.MinAvailable != nil:
		return scaled(b.Spec.MinAvailable)
	}
	return min(1, replicas) // as in any cluster
}

// DivideBudget divides the number of a PodDisruptionBudget over the clusters that it goes to, by the replicas that each is
// assigned of the workloads behind it: what all of them keep to comes to that number. Where clusters run all of a workload,
// the number is for each.
func DivideBudget(next *v1alpha1.PlacementSpec, number int32, backends []*v1alpha1.Placement) {
	replicas := map[string]int32{}
	for _, b := range backends {
		for _, a := range b.Spec.Clusters {
			if a.Replicas == nil {
				return
			}
			replicas[a.Name] += *cmp.Or(a.MaxReplicas, a.Replicas)
		}
	}
	var clusters []v1alpha1.ClusterAssignment
	for _, a := range next.Clusters {
		clusters = append(clusters, v1alpha1.ClusterAssignment{Name: a.Name, Replicas: ptr.To(replicas[a.Name])})
	}
	for i := range next.Clusters {
		a := &next.Clusters[i]
		a.Budget = ptr.To(workload.PartOf(number, clusters, a.Name))
	}
}
