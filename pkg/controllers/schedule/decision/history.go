// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// historyLength is how many decisions a Placement remembers.
const historyLength = 10

// remember returns what a Placement is to remember after a decision: with that decision, if it sends the workload elsewhere
// than the last that is remembered. Steps of a move are no decisions of their own. Was is what was decided before; nil if
// nothing was. Next has its revision.
func remember(was, next *v1alpha1.PlacementSpec, obj metav1.Object, policy *v1alpha1.PlacementPolicy, now time.Time) []v1alpha1.PlacementDecision {
	var past []v1alpha1.PlacementDecision
	if was != nil {
		past = was.History
	}
	entry := v1alpha1.PlacementDecision{
		Revision: next.Revision, Time: metav1.NewTime(now.Truncate(time.Second)),
		Policy: next.Policy, PolicyGeneration: next.PolicyGeneration, Replicas: next.Replicas, Clusters: goals(next),
	}
	if len(past) == 0 {
		entry.Code, entry.Reason, entry.By = v1alpha1.DecidedCreated, "created", lastWriter(obj)
		entry.PolicySpec = specOf(policy)
		return []v1alpha1.PlacementDecision{entry}
	}
	last := &past[len(past)-1]
	if slices.EqualFunc(last.Clusters, entry.Clusters, func(a, b v1alpha1.ClusterReplicas) bool {
		return a.Name == b.Name && ptr.Equal(a.Replicas, b.Replicas)
	}) {
		return past
	}
	switch {
	case last.Policy != next.Policy || last.PolicyGeneration != next.PolicyGeneration:
		entry.Code, entry.Reason = v1alpha1.DecidedPolicyChanged, policyChange(last.Policy, next.Policy)
		entry.By, entry.PolicySpec = changedBy(policy, last.Time), specOf(policy)
	case !ptr.Equal(last.Replicas, next.Replicas):
		entry.Code, entry.By = v1alpha1.DecidedScaled, scaledBy(obj)
		entry.Reason = fmt.Sprintf("scaled from %d to %d", ptr.Deref(last.Replicas, 0), ptr.Deref(next.Replicas, 0))
	case was.WorkloadGeneration != next.WorkloadGeneration:
		entry.Code, entry.Reason, entry.By = v1alpha1.DecidedWorkloadChanged, "the workload was changed", lastWriter(obj)
	default:
		entry.Code, entry.Reason = v1alpha1.DecidedClustersChanged, clusterChange(last.Clusters, entry.Clusters, next)
	}
	return forget(append(slices.Clone(past), entry))
}

// Newest is the newest decision of a history; empty if there is none.
func Newest(history []v1alpha1.PlacementDecision) v1alpha1.PlacementDecision {
	if len(history) == 0 {
		return v1alpha1.PlacementDecision{}
	}
	return history[len(history)-1]
}

// forget leaves out a decision if there are too many: the oldest that nobody asked for, so that what people decided stays,
// or else the oldest.
func forget(history []v1alpha1.PlacementDecision) []v1alpha1.PlacementDecision {
	if len(history) <= historyLength {
		return history
	}
	i := max(0, slices.IndexFunc(history[:len(history)-1], func(d v1alpha1.PlacementDecision) bool {
		return d.Code == v1alpha1.DecidedClustersChanged
	}))
	if next := &history[i+1]; next.PolicySpec == nil && next.Policy == history[i].Policy {
		next.PolicySpec = history[i].PolicySpec
	}
	return slices.Delete(history, i, i+1)
}

// goals are the replicas that were decided on, whether or not they are assigned already. A cluster that is only on its way
// to none is not among them.
func goals(spec *v1alpha1.PlacementSpec) (out []v1alpha1.ClusterReplicas) {
	for _, a := range spec.Clusters {
		if a.Target != nil && *a.Target == 0 {
			continue
		}
		out = append(out, v1alpha1.ClusterReplicas{Name: a.Name, Replicas: cmp.Or(a.Target, a.MaxReplicas, a.Replicas)})
	}
	return out
}

func specOf(policy *v1alpha1.PlacementPolicy) *v1alpha1.PlacementPolicySpec {
	if policy == nil {
		return nil
	}
	return policy.Spec.DeepCopy()
}

func policyChange(was, is string) string {
	switch {
	case was == is:
		return fmt.Sprintf("policy %s was changed", is)
	case is == "":
		return fmt.Sprintf("policy %s applies no more", was)
	case was == "":
		return fmt.Sprintf("policy %s applies", is)
	}
	return fmt.Sprintf("policy %s applies in place of %s", is, was)
}

// clusterChange says why the clusters that lost replicas did; or if none did, why those that won some did.
func clusterChange(was, is []v1alpha1.ClusterReplicas, next *v1alpha1.PlacementSpec) string {
	before, after := byCluster(was), byCluster(is)
	reasons := map[string]string{}
	for _, a := range next.Clusters {
		reasons[a.Name] = a.Reason
	}
	for _, e := range next.Excluded {
		reasons[e.Name] = e.Reason
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if after[name] < before[name] {
			return name + ": " + cmp.Or(reasons[name], "is not joined any more")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if after[name] > before[name] {
			return name + ": " + reasons[name]
		}
	}
	return next.ProblemMessage
}

// byCluster are replicas by cluster; all of a workload counts as one.
func byCluster(clusters []v1alpha1.ClusterReplicas) map[string]int32 {
	out := map[string]int32{}
	for _, c := range clusters {
		out[c.Name] = ptr.Deref(c.Replicas, 1)
	}
	return out
}

// changedBy is the user who changed a policy since a time; empty if nobody did, or nobody knows.
func changedBy(policy *v1alpha1.PlacementPolicy, since metav1.Time) string {
	if policy == nil {
		return ""
	}
	if at, _ := lastWrite(policy); at.Before(&since) {
		return ""
	}
	return policy.Annotations[v1alpha1.AnnotationChangedBy]
}

// scaledBy is what an object was scaled with last: what owns its replicas by way of /scale, if anything does.
func scaledBy(obj metav1.Object) string {
	for _, e := range obj.GetManagedFields() {
		if e.Subresource == "scale" {
			return e.Manager
		}
	}
	return lastWriter(obj)
}

// lastWriter is what an object's spec was changed with last, e.g. kubectl.
func lastWriter(obj metav1.Object) string {
	_, manager := lastWrite(obj)
	return manager
}

func lastWrite(obj metav1.Object) (at metav1.Time, manager string) {
	for _, e := range obj.GetManagedFields() {
		if e.Subresource != "status" && e.Time != nil && !e.Time.Before(&at) {
			at, manager = *e.Time, e.Manager
		}
	}
	return at, manager
}
