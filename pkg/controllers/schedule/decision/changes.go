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
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// Changes sets two decisions side by side, cluster by cluster: what is assigned now, and what a cluster has when every move is
// made. Now may be nil.
func Changes(now, then *v1alpha1.PlacementSpec) []v1alpha1.PlacementChange {
	changes := map[string]*v1alpha1.PlacementChange{}
	of := func(cluster string) *v1alpha1.PlacementChange {
		if changes[cluster] == nil {
			changes[cluster] = &v1alpha1.PlacementChange{Cluster: cluster, Code: v1alpha1.ExcludedLeaving, Reason: "is not joined any more"}
		}
		return changes[cluster]
	}
	if now != nil {
		for _, a := range now.Clusters {
			of(a.Name).Now, of(a.Name).NowWhole = ptr.Deref(a.Replicas, 0), a.Replicas == nil
		}
	}
	for _, a := range then.Clusters {
		c := of(a.Name)
		c.Then, c.ThenWhole, c.Code, c.Reason = ptr.Deref(cmp.Or(a.Target, a.Replicas), 0), a.Replicas == nil, a.Code, a.Reason
		if a.Target != nil && *a.Target > 0 && a.MaxReplicas != nil {
			c.Then = *a.Replicas // the target is that of the most there may be
		}
	}
	for _, e := range then.Excluded {
		c := of(e.Name)
		c.Code, c.Reason = e.Code, e.Reason
	}
	var out []v1alpha1.PlacementChange
	for _, c := range changes {
		out = append(out, *c)
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
		if a[i].Name != b[i].Name || !ptr.Equal(a[i].Replicas, b[i].Replicas) || !ptr.Equal(a[i].Target, b[i].Target) ||
			!ptr.Equal(a[i].Budget, b[i].Budget) || !ptr.Equal(a[i].MinReplicas, b[i].MinReplicas) || !ptr.Equal(a[i].MaxReplicas, b[i].MaxReplicas) {
			return false
		}
	}
	return true
}

// Reports says whether a change of a Placement's status is one that decisions depend on: it tells more of what clusters can
// run or, during a move or a rollout, of what they do run.
func Reports(old, obj *v1alpha1.Placement) bool {
	if isUnderWay(&obj.Spec) && !apiequality.Semantic.DeepEqual(old.Status.Clusters, obj.Status.Clusters) {
		return true
	}
	return slices.ContainsFunc(obj.Status.Clusters, func(is v1alpha1.ClusterPlacementStatus) bool {
		was := reportOf(old.Status.Clusters, is.Name)
		return was.UnschedulableReplicas != is.UnschedulableReplicas ||
			is.UnschedulableReplicas > 0 && was.Replicas != is.Replicas
	})
}

// isUnderWay says whether something is waited for that clusters report.
func isUnderWay(spec *v1alpha1.PlacementSpec) bool {
	return Moves(spec) || slices.ContainsFunc(spec.Clusters, func(a v1alpha1.ClusterAssignment) bool {
		return a.TemplateHash != "" || a.Code == v1alpha1.KeptUntilEnd
	})
}

// Gone says whether a cluster has let go of a workload by now: what follows it there may go as well.
func Gone(old, obj *v1alpha1.Placement) bool {
	return slices.ContainsFunc(old.Status.Clusters, func(was v1alpha1.ClusterPlacementStatus) bool {
		return !slices.ContainsFunc(obj.Status.Clusters, func(is v1alpha1.ClusterPlacementStatus) bool { return is.Name == was.Name })
	})
}

// Change is what of a cluster is different.
type Change struct {
	cluster string
	// fleet: there is one cluster more, or its place in the world is another, or all are to be spread anew. That concerns
	// everybody.
	fleet bool
	// gone: it leaves, or has left.
	gone bool
	// state is what makes it take workloads or not: whether it is ready, its taints, its cordon.
	state bool
	// room is what it has free.
	room bool
}

// ChangeOf compares a cluster with what it was; nil is not joined.
func ChangeOf(old, obj *v1alpha1.Cluster) Change {
	if old == nil || obj == nil {
		return Change{cluster: cmp.Or(old, obj).Name, fleet: old == nil, gone: obj == nil}
	}
	was, is := meta.FindStatusCondition(old.Status.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(obj.Status.Conditions, v1alpha1.ConditionReady)
	return Change{
		cluster: obj.Name,
		fleet: !apiequality.Semantic.DeepEqual(old.Labels, obj.Labels) || old.Status.Location != obj.Status.Location ||
			!old.Spec.RebalanceTime.Equal(obj.Spec.RebalanceTime),
		gone: !old.DeletionTimestamp.Equal(obj.DeletionTimestamp),
		state: old.Generation != obj.Generation || (was == nil) != (is == nil) || was != nil && was.Status != is.Status ||
			isDegraded(old) != isDegraded(obj) || !apiequality.Semantic.DeepEqual(old.Status.Drain, obj.Status.Drain),
		room: old.Status.Nodes.Total != obj.Status.Nodes.Total ||
			!apiequality.Semantic.DeepEqual(old.Status.Allocatable, obj.Status.Allocatable) ||
			!apiequality.Semantic.DeepEqual(old.Status.Requested, obj.Status.Requested),
	}
}

func isDegraded(cluster *v1alpha1.Cluster) bool {
	return meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionFleetDegraded)
}

// Any says whether there is a change that decisions depend on.
func (c Change) Any() bool { return c.fleet || c.gone || c.state || c.room }

// Touches says whether a decision may be another one after the change.
func (c Change) Touches(p *v1alpha1.PlacementSpec) bool {
	if c.fleet {
		return true
	}
	code, placed := codeOf(p, c.cluster)
	if c.gone && code != "" {
		return true
	}
	if c.state && (placed || !slices.Contains(unconditional, code)) {
		return true
	}
	return c.room && WantsRoom(p, c.cluster)
}

// WantsRoom says whether a decision may be another one if a cluster had more room.
func WantsRoom(p *v1alpha1.PlacementSpec, cluster string) bool {
	code, _ := codeOf(p, cluster)
	return p.Unplaced > 0 || code == string(placement.ReasonCapacity) || limitOf(p, cluster) != nil
}

// unconditional are the codes of exclusions that hold whatever the state of the cluster is; a cluster that is not mentioned
// has none.
var unconditional = []string{v1alpha1.ExcludedNotNamed, v1alpha1.ExcludedAffinity, v1alpha1.ExcludedWorkloadAffinity, v1alpha1.ExcludedNoBackend}

// codeOf is why a cluster has what it has, and whether it has any; empty if it is not mentioned.
func codeOf(p *v1alpha1.PlacementSpec, cluster string) (code string, placed bool) {
	if share := workload.Share(p, cluster); share != nil {
		return share.Code, true
	}
	for i := range p.Excluded {
		if p.Excluded[i].Name == cluster {
			return p.Excluded[i].Code, false
		}
	}
	return "", false
}
