// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"slices"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// effectOf is what a taint does to the workloads of a namespace. A drain that goes namespace by namespace leaves them where
// they are until it is their turn, and one that ends no Jobs leaves a Job that runs there until it has run to its end.
func effectOf(taint *v1alpha1.Taint, namespace string, cluster *v1alpha1.Cluster, runs bool) v1alpha1.TaintEffect {
	if IsDrain(*taint) && (!MayLeave(cluster, namespace) || runs && !endsJobs(cluster)) {
		return v1alpha1.TaintNoSchedule
	}
	return taint.Effect
}

func endsJobs(cluster *v1alpha1.Cluster) bool {
	return cluster.Spec.Drain != nil && cluster.Spec.Drain.EndJobs
}

// RunsOut is why a cluster keeps a Job that is to leave it: it has begun there; empty if it does not.
func RunsOut(spec *v1alpha1.PlacementSpec, cluster string) string {
	if a := workload.Share(spec, cluster); a != nil && a.Code == v1alpha1.KeptUntilEnd {
		return a.Reason
	}
	return ""
}

// IsDrain says whether a taint is that of a cluster that is drained.
func IsDrain(t v1alpha1.Taint) bool {
	return t.Key == v1alpha1.TaintDrain && t.Effect == v1alpha1.TaintNoExecute
}

// Stages says whether a cluster is drained, and namespace by namespace.
func Stages(cluster *v1alpha1.Cluster) bool {
	return cluster.Spec.Drain != nil && cluster.Spec.Drain.ParallelNamespaces > 0 && slices.ContainsFunc(cluster.Spec.Taints, IsDrain)
}

// MayLeave says whether it is the turn of a namespace to leave a cluster, if that is drained.
func MayLeave(cluster *v1alpha1.Cluster, namespace string) bool {
	return !Stages(cluster) || cluster.Status.Drain != nil && slices.Contains(cluster.Status.Drain.Namespaces, namespace)
}

// StaysInDrain says why what a cluster has of a workload does not leave it, though the cluster is drained; empty if nothing
// keeps it. The policy is that of the decision; nil if it has none.
func StaysInDrain(spec *v1alpha1.PlacementSpec, policy *v1alpha1.PlacementPolicy) string {
	drain := v1alpha1.Taint{Key: v1alpha1.TaintDrain, Effect: v1alpha1.TaintNoExecute}
	switch {
	case spec.Problem == string(placement.OutcomeNoClusters), spec.Problem == string(placement.OutcomeAllWeightsZero):
		return spec.ProblemMessage
	case policy != nil && slices.ContainsFunc(policy.Spec.Tolerations, func(t v1alpha1.Toleration) bool { return tolerates(t, &drain) }):
		return fmt.Sprintf("policy %s tolerates drains", policy.Name)
	}
	return ""
}
