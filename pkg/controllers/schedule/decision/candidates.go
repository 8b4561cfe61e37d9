// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// defaultFailover is how long a lost cluster is waited for where no policy says otherwise.
const defaultFailover = 5 * time.Minute

// candidates are the clusters a workload may run on, and why it may not run on the others.
type candidates struct {
	candidates []placement.Cluster
	excluded   []v1alpha1.ClusterExclusion
	// running are the replicas by cluster that the decision in force has. Where none is, they are those that were there
	// before the federation was.
	running map[string]int64
	// held are the candidates that take nothing new.
	held map[string]held
	// full says of those that are limited to their room why they have no more.
	full map[string]string
	// limits are those of clusters that could not run what was placed there.
	limits []v1alpha1.ClusterLimit
	// runs says of clusters that a Job has begun there, and not ended.
	runs map[string]bool
	// idle: no replicas are asked for, so that there are none to move away from a lost cluster.
	idle bool
	// broken says that lost clusters are not given up, since too many are lost at once.
	broken bool
	// again is when the first of them is to be looked at again; zero is never.
	again time.Duration
}

// held says why a candidate takes nothing new: the code and reason of what it keeps, and of being left out.
type held struct {
	keeps, leftOut v1alpha1.ClusterExclusion
	// lost candidates are not asked: what they keep is what they are thought to run.
	lost bool
}

func selectCandidates(w Workload, in Inputs) candidates {
	running := runningBefore(w, in.Current)
	c := candidates{runs: runningJobs(w, in), held: map[string]held{}, full: map[string]string{}, running: running, idle: w.Whole == "" && w.Replicas == 0}
	for _, cluster := range in.Clusters {
		weight, exclusion := weigh(in.Policy, cluster)
		if exclusion != nil {
			c.excluded = append(c.excluded, *exclusion)
			continue
		}
		preferred, why := prefer(in, cluster, ptr.Deref(weight.Weight, 1))
		if why != nil {
			c.excluded = append(c.excluded, *why)
			continue
		}
		candidate := placement.Cluster{
			Name: cluster.Name, Weight: preferred, Min: int64(weight.MinReplicas),
			Priority: weight.Priority, Current: running[cluster.Name], Domains: domainsOf(in.Policy, cluster),
		}
		if weight.MaxReplicas != nil {
			candidate.Max = ptr.To(int64(*weight.MaxReplicas))
		}
		if exclusion := c.hold(&candidate, in, cluster); exclusion != nil {
			c.excluded = append(c.excluded, *exclusion)
			continue
		}
		if !c.held[cluster.Name].lost && w.Whole == "" && !w.Fixed { // completions are not all run at once
			c.bound(&candidate, w, in, cluster)
		}
		c.candidates = append(c.candidates, candidate)
	}
	return c
}

// runningJobs are the clusters in which a Job has begun, and not ended.
func runningJobs(w Workload, in Inputs) map[string]bool {
	if !w.Finite {
		return nil
	}
	runs := map[string]bool{}
	for i := range in.Reports {
		runs[in.Reports[i].Name] = workload.JobRuns(&in.Reports[i])
	}
	return runs
}

// runningBefore are the replicas by cluster that are not in question. What is imported runs in a cluster that may have no
// room for it twice, or be cordoned.
func runningBefore(w Workload, current *v1alpha1.PlacementSpec) map[string]int64 {
	running := replicasByCluster(current)
	if current == nil && w.Origin != "" {
		running[w.Origin] = int64(w.Replicas)
		if w.Autoscaler != nil {
			running[w.Origin] = int64(w.Autoscaler.MaxReplicas)
		}
	}
	return running
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

// hold keeps new replicas off a cluster that takes none, and says why if it has none to keep.
func (c *candidates) hold(candidate *placement.Cluster, in Inputs, cluster *v1alpha1.Cluster) *v1alpha1.ClusterExclusion {
	runs := c.runs[cluster.Name]
	taint, effect := untolerated(in.Policy, in.Namespace, cluster, runs)
	if effect == v1alpha1.TaintNoExecute {
		return exclude(cluster, v1alpha1.ExcludedTaint, "taint %s", formatTaint(taint))
	}
	_, there := c.running[cluster.Name]
	var h held
	ready := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady)
	switch {
	case ready == nil:
		return exclude(cluster, v1alpha1.ExcludedNotReady, "not ready yet")
	case ready.Status != metav1.ConditionTrue:
		since := ready.LastTransitionTime.UTC().Format(time.RFC3339)
		left := failoverAfter(in.Policy) - lostFor(cluster, ready, in.Now)
		keeps := *exclude(cluster, v1alpha1.KeptNotReady, "not ready since %s: counted on until it has been so for %s", since, failoverAfter(in.Policy))
		if left <= 0 && isDegraded(cluster) {
			left = breakerRecheck
			c.broken = true
			keeps = *exclude(cluster, v1alpha1.KeptNotReady, "not ready since %s: counted on, since too many are lost at once", since)
		}
		h.leftOut = *exclude(cluster, v1alpha1.ExcludedNotReady, "not ready since %s: %s", since, ready.Reason)
		if left <= 0 && !c.idle {
			return &h.leftOut
		}
		h.keeps = keeps
		if h.lost = candidate.Weight > 0; h.lost && candidate.Current > 0 {
			c.again = sooner(c.again, left)
		}
	case cluster.Spec.Unschedulable:
		h.leftOut = *exclude(cluster, v1alpha1.ExcludedCordoned, "cordoned: takes nothing new")
		h.keeps = *exclude(cluster, v1alpha1.ExcludedCordoned, "cordoned: keeps what it runs, takes nothing new")
	case taint != nil:
		h.leftOut = *exclude(cluster, v1alpha1.ExcludedTaint, "taint %s: takes nothing new", formatTaint(taint))
		h.keeps = *exclude(cluster, v1alpha1.ExcludedTaint, "taint %s: keeps what it runs, takes nothing new", formatTaint(taint))
		switch {
		case effect == taint.Effect:
		case !MayLeave(cluster, in.Namespace):
			h.keeps = *exclude(cluster, v1alpha1.KeptUntilTurn, "is drained namespace by namespace: keeps what it runs until it is the turn of %s", in.Namespace)
		default:
			h.keeps = *exclude(cluster, v1alpha1.KeptUntilEnd, "is drained: the Job has begun there, and runs to its end first; --end-jobs of kubectl drover drain ends it at once")
		}
	case runs && candidate.Weight == 0:
		h.leftOut = *exclude(cluster, string(placement.ReasonDrained), "weight 0: drained")
		h.keeps = *exclude(cluster, v1alpha1.KeptUntilEnd, "weight 0: the Job has begun there, and runs to its end first")
	default:
		return nil
	}
	if !there {
		return &h.leftOut
	}
	candidate.Min, candidate.Capacity = min(candidate.Min, candidate.Current), ptr.To(candidate.Current)
	if runs {
		// As many as have begun, whatever the weights are.
		candidate.Weight, candidate.Min = max(1, candidate.Weight), candidate.Current
	}
	if h.lost {
		// Not to be reached is not to be gone: what it ran last is counted as running there.
		candidate.Min, candidate.Max = candidate.Current, nil
	}
	c.held[cluster.Name] = h
	return nil
}

// explain is the code and the reason of what a cluster gets. For one that takes nothing new, and gets all that it may,
// they are those of why.
func (c *candidates) explain(a placement.Assignment) (code, reason string) {
	h, ok := c.held[a.Name]
	full, bound := c.full[a.Name]
	switch {
	case bound && a.Code == placement.ReasonCapacity:
		return string(a.Code), a.Reason + ": " + full
	case !ok || a.Code == placement.ReasonDrained:
	case a.Replicas == 0:
		return h.leftOut.Code, h.leftOut.Reason
	case h.lost || h.keeps.Code == v1alpha1.KeptUntilTurn || h.keeps.Code == v1alpha1.KeptUntilEnd || a.Code == placement.ReasonCapacity || a.Code == placement.ReasonMinimum:
		return h.keeps.Code, h.keeps.Reason
	}
	return string(a.Code), a.Reason
}

const (
	// unseen is how long ago a cluster may have been asked last for its state to count.
	unseen = 2 * time.Minute
	// breakerRecheck is how soon a decision that the circuit breaker holds is made again.
	breakerRecheck = 30 * time.Second
)

// lostFor is how long a cluster was seen to be not ready. Time in which nobody asked does not count: while Drover itself
// was down, or cut off, nothing is known.
func lostFor(cluster *v1alpha1.Cluster, ready *metav1.Condition, now time.Time) time.Duration {
	asked := cluster.Status.LastProbeTime
	switch {
	case asked == nil:
		return now.Sub(ready.LastTransitionTime.Time)
	case now.Sub(asked.Time) > unseen:
		return 0
	}
	return max(0, asked.Sub(ready.LastTransitionTime.Time))
}

func failoverAfter(policy *v1alpha1.PlacementPolicy) time.Duration {
	if policy == nil || policy.Spec.Failover.After == nil {
		return defaultFailover
	}
	return policy.Spec.Failover.After.Duration
}

// untolerated finds the taint that weighs most of those the policy does not tolerate, and its effect on a namespace, or on a
// Job of it that runs there; nil where there is none.
func untolerated(policy *v1alpha1.PlacementPolicy, namespace string, cluster *v1alpha1.Cluster, runs bool) (worst *v1alpha1.Taint, effect v1alpha1.TaintEffect) {
	for i := range cluster.Spec.Taints {
		taint := &cluster.Spec.Taints[i]
		if policy != nil && slices.ContainsFunc(policy.Spec.Tolerations, func(t v1alpha1.Toleration) bool { return tolerates(t, taint) }) {
			continue
		}
		if e := effectOf(taint, namespace, cluster, runs); worst == nil || e == v1alpha1.TaintNoExecute && effect != v1alpha1.TaintNoExecute {
			worst, effect = taint, e
		}
	}
	return worst, effect
}

func tolerates(t v1alpha1.Toleration, taint *v1alpha1.Taint) bool {
	switch {
	case taint.Key == v1alpha1.TaintLeaving:
		return false
	case t.Key == "" && taint.Key == v1alpha1.TaintDrain:
		return false // who tolerates everything does not mean to be left on a cluster that goes down
	}
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
