// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/placement"
)

// defaultFailover is how long a lost cluster is waited for where no policy says otherwise.
const defaultFailover = 5 * time.Minute

// decideDeployment says where a Deployment's replicas go. Policy and current may be nil. The decision holds until
// something changes, or for the returned time if that is positive.
func decideDeployment(d *appsv1.Deployment, policy *v1alpha1.PlacementPolicy, clusters []*v1alpha1.Cluster, current *v1alpha1.PlacementSpec, now time.Time) (v1alpha1.PlacementSpec, time.Duration) {
	desired := ptr.Deref(d.Spec.Replicas, 1)
	next := v1alpha1.PlacementSpec{WorkloadGeneration: d.Generation, Replicas: &desired, Conflict: v1alpha1.ConflictFail}
	if policy != nil {
		next.Policy, next.PolicyGeneration, next.Conflict = policy.Name, policy.Generation, policy.Spec.Conflict
	}
	c := selectCandidates(policy, clusters, current, now)
	request := placement.Request{
		Key: "deployment/" + d.Namespace + "/" + d.Name, Replicas: int64(desired), Clusters: c.candidates,
		Rebalance: rebalances(policy, &next, current),
	}
	result, err := placement.Plan(request)
	switch {
	case err != nil:
		next.Problem, next.ProblemMessage = v1alpha1.ReasonInvalid, err.Error()
		keepCurrent(&next, current, clusters)
	case result.Outcome == placement.OutcomeNoClusters:
		next.Problem = string(result.Outcome)
		next.ProblemMessage = "no cluster may take the workload: " + summarize(c.excluded, len(clusters))
		keepCurrent(&next, current, clusters)
	default:
		assign(&next, result, c, desired, current)
		next.Problem, next.ProblemMessage = problem(result, desired)
	}
	next.Excluded = append(next.Excluded, c.excluded...)
	slices.SortFunc(next.Excluded, func(a, b v1alpha1.ClusterExclusion) int { return cmp.Compare(a.Name, b.Name) })
	return next, c.again
}

// rebalances says whether replicas that could stay are moved to meet the weights.
func rebalances(policy *v1alpha1.PlacementPolicy, next, current *v1alpha1.PlacementSpec) bool {
	mode := v1alpha1.RebalanceOnChange
	if policy != nil {
		mode = policy.Spec.Rebalance.Mode
	}
	switch {
	case current == nil || mode == v1alpha1.RebalanceAutomatic:
		return true
	case mode == v1alpha1.RebalanceNever:
		return false
	default:
		return next.WorkloadGeneration != current.WorkloadGeneration ||
			next.Policy != current.Policy || next.PolicyGeneration != current.PolicyGeneration
	}
}

// candidates are the clusters a workload may run on, and why it may not run on the others.
type candidates struct {
	candidates []placement.Cluster
	excluded   []v1alpha1.ClusterExclusion
	// kept says why a candidate is kept as it is.
	kept map[string]string
	// again is when the first of the kept ones is given up.
	again time.Duration
}

func selectCandidates(policy *v1alpha1.PlacementPolicy, clusters []*v1alpha1.Cluster, current *v1alpha1.PlacementSpec, now time.Time) candidates {
	c := candidates{kept: map[string]string{}}
	running := replicasByCluster(current)
	for _, cluster := range clusters {
		weight, exclusion := weigh(policy, cluster)
		if exclusion != nil {
			c.excluded = append(c.excluded, *exclusion)
			continue
		}
		candidate := placement.Cluster{
			Name: cluster.Name, Weight: ptr.Deref(weight.Weight, 1), Min: int64(weight.MinReplicas),
			Priority: weight.Priority, Current: running[cluster.Name],
		}
		if weight.MaxReplicas != nil {
			candidate.Max = ptr.To(int64(*weight.MaxReplicas))
		}
		if exclusion := c.bound(&candidate, policy, cluster, now); exclusion != nil {
			c.excluded = append(c.excluded, *exclusion)
			continue
		}
		c.candidates = append(c.candidates, candidate)
	}
	return c
}

// weigh finds what the policy says of a cluster, or why it excludes it.
func weigh(policy *v1alpha1.PlacementPolicy, cluster *v1alpha1.Cluster) (v1alpha1.ClusterWeight, *v1alpha1.ClusterExclusion) {
	if !cluster.DeletionTimestamp.IsZero() {
		return v1alpha1.ClusterWeight{}, exclude(cluster, v1alpha1.ExcludedLeaving, "leaves the federation")
	}
	if policy == nil {
		return v1alpha1.ClusterWeight{}, nil
	}
	if a := policy.Spec.ClusterAffinity; a != nil && a.Required != nil {
		selector, err := metav1.LabelSelectorAsSelector(a.Required)
		if err != nil || !selector.Matches(labels.Set(cluster.Labels)) {
			return v1alpha1.ClusterWeight{}, exclude(cluster, v1alpha1.ExcludedAffinity, "labels do not match the clusterAffinity of policy %s", policy.Name)
		}
	}
	if len(policy.Spec.Clusters) == 0 {
		return v1alpha1.ClusterWeight{}, nil
	}
	for _, name := range []string{cluster.Name, v1alpha1.AnyCluster} {
		for _, weight := range policy.Spec.Clusters {
			if weight.Name == name {
				return weight, nil
			}
		}
	}
	return v1alpha1.ClusterWeight{}, exclude(cluster, v1alpha1.ExcludedNotNamed, "not among the clusters of policy %s", policy.Name)
}

// bound keeps new replicas off a cluster that takes none, and says why if that leaves nothing.
func (c *candidates) bound(candidate *placement.Cluster, policy *v1alpha1.PlacementPolicy, cluster *v1alpha1.Cluster, now time.Time) *v1alpha1.ClusterExclusion {
	taint := untolerated(policy, cluster)
	if taint != nil && taint.Effect == v1alpha1.TaintNoExecute {
		return exclude(cluster, v1alpha1.ExcludedTaint, "taint %s", formatTaint(taint))
	}
	if ready := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Status != metav1.ConditionTrue {
		if ready == nil {
			return exclude(cluster, v1alpha1.ExcludedNotReady, "not ready yet")
		}
		left := failoverAfter(policy) - now.Sub(ready.LastTransitionTime.Time)
		if candidate.Current == 0 || left <= 0 {
			return exclude(cluster, v1alpha1.ExcludedNotReady, "not ready since %s: %s", ready.LastTransitionTime.UTC().Format(time.RFC3339), ready.Reason)
		}
		// Not to be reached is not to be gone: what it ran last is counted as running there.
		candidate.Min, candidate.Capacity, candidate.Max = candidate.Current, ptr.To(candidate.Current), nil
		c.kept[cluster.Name] = fmt.Sprintf("not ready since %s: counted on until it has been so for %s",
			ready.LastTransitionTime.UTC().Format(time.RFC3339), failoverAfter(policy))
		if c.again == 0 || left < c.again {
			c.again = left
		}
		return nil
	}
	var code, why string
	switch {
	case cluster.Spec.Unschedulable:
		code, why = v1alpha1.ExcludedCordoned, "cordoned: takes nothing new"
	case taint != nil:
		code, why = v1alpha1.ExcludedTaint, "taint "+formatTaint(taint)+": takes nothing new"
	default:
		return nil
	}
	if candidate.Current == 0 {
		return exclude(cluster, code, "%s", why)
	}
	candidate.Min, candidate.Capacity = min(candidate.Min, candidate.Current), ptr.To(candidate.Current)
	return nil
}

func failoverAfter(policy *v1alpha1.PlacementPolicy) time.Duration {
	if policy == nil || policy.Spec.Failover.After == nil {
		return defaultFailover
	}
	return policy.Spec.Failover.After.Duration
}

// untolerated finds the taint that weighs most of those the policy does not tolerate.
func untolerated(policy *v1alpha1.PlacementPolicy, cluster *v1alpha1.Cluster) *v1alpha1.Taint {
	var worst *v1alpha1.Taint
	for i := range cluster.Spec.Taints {
		taint := &cluster.Spec.Taints[i]
		if policy != nil && slices.ContainsFunc(policy.Spec.Tolerations, func(t v1alpha1.Toleration) bool { return tolerates(t, taint) }) {
			continue
		}
		if worst == nil || taint.Effect == v1alpha1.TaintNoExecute && worst.Effect != v1alpha1.TaintNoExecute {
			worst = taint
		}
	}
	return worst
}

func tolerates(t v1alpha1.Toleration, taint *v1alpha1.Taint) bool {
	if t.Effect != "" && t.Effect != taint.Effect || t.Key != "" && t.Key != taint.Key {
		return false
	}
	return t.Operator == v1alpha1.TolerationExists || t.Value == taint.Value
}

func formatTaint(t *v1alpha1.Taint) string {
	value := ""
	if t.Value != "" {
		value = "=" + t.Value
	}
	return t.Key + value + ":" + string(t.Effect)
}

func exclude(cluster *v1alpha1.Cluster, code, format string, args ...any) *v1alpha1.ClusterExclusion {
	return &v1alpha1.ClusterExclusion{Name: cluster.Name, Code: code, Reason: fmt.Sprintf(format, args...)}
}

// assign writes the plan into the decision. A workload scaled to nothing stays where it ran, with no replicas, so that
// its addresses there stay as well.
func assign(next *v1alpha1.PlacementSpec, result placement.Result, c candidates, desired int32, current *v1alpha1.PlacementSpec) {
	next.Unplaced = int32(result.Unplaced)
	ran := replicasByCluster(current)
	for _, a := range result.Assignments {
		code, reason := string(a.Code), a.Reason
		if why, ok := c.kept[a.Name]; ok {
			code, reason = v1alpha1.KeptNotReady, why
		}
		_, stays := ran[a.Name]
		if a.Replicas == 0 && (desired > 0 || !stays || a.Code == placement.ReasonDrained) {
			next.Excluded = append(next.Excluded, v1alpha1.ClusterExclusion{Name: a.Name, Code: code, Reason: reason})
			continue
		}
		next.Clusters = append(next.Clusters, v1alpha1.ClusterAssignment{Name: a.Name, Replicas: ptr.To(int32(a.Replicas)), Code: code, Reason: reason})
	}
}

// keepCurrent leaves what runs where it runs, as far as those clusters are still joined.
func keepCurrent(next, current *v1alpha1.PlacementSpec, clusters []*v1alpha1.Cluster) {
	var placed int32
	if current != nil {
		for _, a := range current.Clusters {
			if slices.ContainsFunc(clusters, func(c *v1alpha1.Cluster) bool { return c.Name == a.Name && c.DeletionTimestamp.IsZero() }) {
				next.Clusters = append(next.Clusters, a)
				placed += ptr.Deref(a.Replicas, 0)
			}
		}
	}
	next.Unplaced = max(0, ptr.Deref(next.Replicas, 0)-placed)
}

func problem(result placement.Result, desired int32) (code, message string) {
	switch result.Outcome {
	case placement.OutcomeUnplaced:
		return string(result.Outcome), fmt.Sprintf("%d of %d replicas fit on no cluster: raise maxReplicas, or add clusters or room", result.Unplaced, desired)
	case placement.OutcomeAllWeightsZero:
		return string(result.Outcome), "every cluster that may be used has weight 0; what runs is left where it runs: give a cluster a weight"
	case placement.OutcomeMinimumsInfeasible:
		if desired > 0 {
			return string(result.Outcome), fmt.Sprintf("the minimums of the clusters add up to more than %d replicas: lower minReplicas, or scale up", desired)
		}
	}
	return "", ""
}

func summarize(excluded []v1alpha1.ClusterExclusion, clusters int) string {
	if clusters == 0 {
		return "none is joined; join one with kubectl drover join"
	}
	var out []string
	for i, e := range excluded {
		if i == 3 && len(excluded) > 4 {
			out = append(out, fmt.Sprintf("and %d more", len(excluded)-i))
			break
		}
		out = append(out, e.Name+": "+e.Reason)
	}
	return strings.Join(out, "; ")
}

func replicasByCluster(current *v1alpha1.PlacementSpec) map[string]int64 {
	out := map[string]int64{}
	if current != nil {
		for _, a := range current.Clusters {
			out[a.Name] = int64(ptr.Deref(a.Replicas, 0))
		}
	}
	return out
}

// selectPolicy finds the policy that applies to an object: of those that select it the one with the highest priority,
// then the first by name. Nil if none does.
func selectPolicy(object labels.Set, policies []*v1alpha1.PlacementPolicy) (*v1alpha1.PlacementPolicy, error) {
	var best *v1alpha1.PlacementPolicy
	var errs []error
	for _, p := range policies {
		selector, err := metav1.LabelSelectorAsSelector(&p.Spec.Selector)
		if err != nil {
			errs = append(errs, fmt.Errorf("policy %s: selector: %w", p.Name, err))
			continue
		}
		if !selector.Matches(object) || !p.DeletionTimestamp.IsZero() {
			continue
		}
		if best == nil || p.Spec.Priority > best.Spec.Priority || p.Spec.Priority == best.Spec.Priority && p.Name < best.Name {
			best = p
		}
	}
	return best, errors.Join(errs...)
}

// decideFollower says where a Service or Ingress goes: where the workloads behind it run. With everywhere it has none,
// and goes to every cluster that is ready. While nothing runs behind it, it stays where it is: its addresses are known.
func decideFollower(generation int64, what string, backends []*v1alpha1.PlacementSpec, everywhere bool, clusters []*v1alpha1.Cluster, current *v1alpha1.PlacementSpec) v1alpha1.PlacementSpec {
	next := v1alpha1.PlacementSpec{WorkloadGeneration: generation, Conflict: v1alpha1.ConflictFail}
	behind := map[string][]string{}
	for _, b := range backends {
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
			next.Clusters = append(next.Clusters, v1alpha1.ClusterAssignment{Name: cluster.Name, Code: v1alpha1.RunsBackend, Reason: "runs " + strings.Join(slices.Compact(runs), ", ")})
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
		next.Excluded = slices.DeleteFunc(next.Excluded, func(e v1alpha1.ClusterExclusion) bool {
			return slices.ContainsFunc(next.Clusters, func(a v1alpha1.ClusterAssignment) bool { return a.Name == e.Name })
		})
		next.Problem = v1alpha1.ReasonNoBackends
		next.ProblemMessage = fmt.Sprintf("no cluster runs a workload behind the %s; it goes where they do, as soon as they do", what)
		if len(clusters) == 0 {
			next.Problem, next.ProblemMessage = string(placement.OutcomeNoClusters), "no cluster may take the "+what+": "+summarize(nil, 0)
		}
	}
	byName := func(a, b v1alpha1.ClusterAssignment) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(next.Clusters, byName)
	slices.SortFunc(next.Excluded, func(a, b v1alpha1.ClusterExclusion) int { return cmp.Compare(a.Name, b.Name) })
	return next
}
