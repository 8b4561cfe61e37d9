// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// moveRecheck is how soon the next step of a move is looked for, if no report tells of one.
const moveRecheck = 30 * time.Second

// defaultMaxSurge is how many more replicas there may be during a move where no policy says otherwise.
var defaultMaxSurge = intstr.FromString("25%")

// takeStep takes a decision only as far as it is safe to go now: what was decided becomes the target of each cluster, and
// its replicas are those of the next safe step from what is assigned. Clusters that are to have none keep what they have
// until it is not missed, and nobody is led there any more; those that left, or were given up as lost, keep nothing.
func takeStep(next *v1alpha1.PlacementSpec, w Workload, in Inputs) {
	if in.Current == nil {
		return // nothing runs that could be missed
	}
	clusters := slices.Clone(next.Clusters)
	for _, was := range in.Current.Clusters {
		if ptr.Deref(was.Replicas, 0) == 0 || was.MaxReplicas != nil {
			continue
		}
		if why, leaves := leavesBecause(next, was.Name); leaves {
			clusters = append(clusters, v1alpha1.ClusterAssignment{Name: was.Name, Replicas: ptr.To[int32](0), Code: why.Code, Reason: why.Reason})
		}
	}
	slices.SortFunc(clusters, byName)
	move := placement.Move{Desired: int64(w.Replicas)}
	move.MaxSurge, move.MaxUnavailable = tolerances(in.Policy, w.Replicas)
	if b := strictest(in.Budgets, w.Replicas); b != nil && w.Replicas-b.MinAvailable < int32(move.MaxUnavailable) {
		next.Budget, move.MaxUnavailable = b, int64(w.Replicas-b.MinAvailable)
	}
	var held int64
	for _, a := range clusters {
		share := shareOf(a.Name, int64(*a.Replicas), w, in)
		move.Shares = append(move.Shares, share)
		held += share.Replicas
	}
	next.Clusters = clusters
	for i, step := range placement.Step(move) {
		share, a := move.Shares[i], &next.Clusters[i]
		if next.Conflict == v1alpha1.ConflictAdopt && share.Replicas == 0 {
			step.Replicas = share.Target // what is taken over there runs already: it is not scaled down first
		}
		if int32(step.Replicas) != *a.Replicas {
			a.Replicas, a.Target = ptr.To(int32(step.Replicas)), a.Replicas
		}
		was := workload.Share(in.Current, a.Name)
		clients, why := clientsOf(a.Name, share.Target == 0, in)
		a.Traffic = trafficOf(leadOf(was).Next(share, step, clients, held > share.Replicas, in.Now), was, why, in.Now)
	}
	// What has given up its last one is where it was decided to be: nowhere.
	next.Clusters = slices.DeleteFunc(next.Clusters, func(a v1alpha1.ClusterAssignment) bool {
		return *a.Replicas == 0 && a.Target == nil && isExcluded(next, a.Name)
	})
	next.Excluded = slices.DeleteFunc(next.Excluded, func(e v1alpha1.ClusterExclusion) bool { return isPlaced(next, e.Name) })
}

// leavesBecause is why a cluster is to have nothing; false if it is to have some, or is not there to be moved from: it left,
// or was given up as lost.
func leavesBecause(next *v1alpha1.PlacementSpec, cluster string) (why v1alpha1.ClusterExclusion, leaves bool) {
	i := slices.IndexFunc(next.Excluded, func(e v1alpha1.ClusterExclusion) bool { return e.Name == cluster })
	if i < 0 {
		return why, false
	}
	why = next.Excluded[i]
	return why, why.Code != v1alpha1.ExcludedNotReady && why.Code != v1alpha1.ExcludedLeaving
}

func isExcluded(spec *v1alpha1.PlacementSpec, cluster string) bool {
	return slices.ContainsFunc(spec.Excluded, func(e v1alpha1.ClusterExclusion) bool { return e.Name == cluster })
}

// shareOf is a cluster's part in a move: from what is assigned to it, by what it reports of that.
func shareOf(cluster string, target int64, w Workload, in Inputs) placement.Share {
	r := reportOf(in.Reports, cluster)
	acted := r.ObservedGeneration == w.Generation
	s := placement.Share{
		Target: target, Pods: int64(r.Replicas), Available: int64(r.AvailableReplicas),
		Rolling:   r.Replicas > 0 && (!acted || r.UpdatedReplicas != r.Replicas),
		Confirmed: r.Synced && acted && in.ReportsCurrent,
	}
	if was := workload.Share(in.Current, cluster); was != nil {
		s.Replicas = int64(ptr.Deref(was.Replicas, 0))
		clients, _ := clientsOf(cluster, true, in)
		s.Serving = s.Target == 0 && leadOf(was).Serves(clients, in.Now)
	}
	for _, c := range in.Clusters {
		if c.Name == cluster {
			s.Unknown = !meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionReady)
		}
	}
	return s
}

// tolerances are how many more replicas there may be during a move, and how many fewer available.
func tolerances(policy *v1alpha1.PlacementPolicy, replicas int32) (surge, unavailable int64) {
	move := v1alpha1.Move{}
	if policy != nil {
		move = policy.Spec.Move
	}
	more, fewer := ptr.Deref(move.MaxSurge, defaultMaxSurge), ptr.Deref(move.MaxUnavailable, intstr.FromInt32(0))
	s, err := intstr.GetScaledValueFromIntOrPercent(&more, int(replicas), true)
	if err != nil {
		s = 1 // refused when the policy is written
	}
	u, err := intstr.GetScaledValueFromIntOrPercent(&fewer, int(replicas), false)
	if err != nil {
		u = 0
	}
	return int64(s), int64(u)
}

// Floor is how many replicas of a workload are to be available while it is moved, by its policy and its PodDisruptionBudgets.
// The policy is nil if there is none.
func Floor(spec *v1alpha1.PlacementSpec, policy *v1alpha1.PlacementPolicy) int32 {
	if spec.Budget != nil {
		return spec.Budget.MinAvailable
	}
	replicas := ptr.Deref(spec.Replicas, 0)
	_, unavailable := tolerances(policy, replicas)
	return max(0, replicas-int32(unavailable))
}

// Moves says whether a workload, or its clients, are on their way to what was decided.
func Moves(spec *v1alpha1.PlacementSpec) bool {
	return slices.ContainsFunc(spec.Clusters, func(a v1alpha1.ClusterAssignment) bool { return a.Target != nil || a.Traffic != nil })
}
