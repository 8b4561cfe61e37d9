// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// Follow says where an object goes of a kind that no policy places, e.g. a Service: where the workloads behind it run, as
// long as anything of them is there. With everywhere it has none, and goes to every cluster that is ready. While nothing
// runs behind it, it stays where it is: its addresses are known.
func Follow(generation int64, what string, backends []*v1alpha1.Placement, everywhere bool, clusters []*v1alpha1.Cluster, current *v1alpha1.PlacementSpec, now time.Time) v1alpha1.PlacementSpec {
	next := v1alpha1.PlacementSpec{WorkloadGeneration: generation, Conflict: v1alpha1.ConflictFail, Migration: migratedWith(backends)}
	behind := map[string]*followed{}
	for _, b := range backends {
		if what == workload.HorizontalPodAutoscaler.Kind && b.Spec.Autoscaler == nil {
			continue // the bounds are still to be divided: undivided, each cluster would scale to all of them
		}
		if b.Spec.Conflict == v1alpha1.ConflictAdopt {
			next.Conflict = v1alpha1.ConflictAdopt
		}
		follow(behind, what, b)
	}
	already := replicasByCluster(current)
	for _, cluster := range clusters {
		_, there := already[cluster.Name]
		leader := behind[cluster.Name]
		ready := meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady)
		switch {
		case !cluster.DeletionTimestamp.IsZero():
			next.Excluded = append(next.Excluded, *exclude(cluster, v1alpha1.ExcludedLeaving, "leaves the federation"))
		case leader != nil:
			assigned := leader.assignment(cluster.Name)
			assigned.Traffic = leader.led(what, current, cluster.Name, now)
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

// followed is what of the workloads behind an object is in a cluster.
type followed struct {
	runs    []string
	bounds  v1alpha1.ClusterAssignment // of an autoscaler
	traffic *v1alpha1.AssignedTraffic
}

// follow adds a workload that is behind an object.
func follow(behind map[string]*followed, what string, b *v1alpha1.Placement) {
	name := strings.ToLower(b.Spec.Workload.Kind) + " " + b.Spec.Workload.Name
	add := func(a v1alpha1.ClusterAssignment) {
		f := behind[a.Name]
		if f == nil {
			f = &followed{traffic: a.Traffic}
			behind[a.Name] = f
		}
		f.runs = append(f.runs, name)
		f.traffic = joined(what, f.traffic, a.Traffic)
		if what == workload.HorizontalPodAutoscaler.Kind {
			f.bounds = v1alpha1.ClusterAssignment{MinReplicas: a.MinReplicas, MaxReplicas: a.MaxReplicas}
		}
	}
	for _, a := range b.Spec.Clusters {
		add(a)
	}
	if what == workload.HorizontalPodAutoscaler.Kind {
		return // it would scale up what is being removed
	}
	for _, c := range b.Status.Clusters {
		if !isPlaced(&b.Spec, c.Name) {
			add(v1alpha1.ClusterAssignment{Name: c.Name, Traffic: &v1alpha1.AssignedTraffic{State: v1alpha1.TrafficLeaving}})
		}
	}
}

// joined is which clients a cluster is answered to for an object with two workloads behind it there. Those of a Service
// are as good as each other: it is led to as long as one is. An Ingress needs each of its Services.
func joined(what string, a, b *v1alpha1.AssignedTraffic) *v1alpha1.AssignedTraffic {
	percent := func(t *v1alpha1.AssignedTraffic) int32 {
		if t == nil {
			return 100
		}
		return t.Percent
	}
	if (what == workload.Ingress.Kind) == (percent(b) < percent(a)) {
		return b
	}
	return a
}

// assignment is what the object is assigned for it.
func (f *followed) assignment(cluster string) v1alpha1.ClusterAssignment {
	slices.Sort(f.runs)
	a := f.bounds
	a.Name, a.Code, a.Reason = cluster, v1alpha1.RunsBackend, "runs "+strings.Join(slices.Compact(f.runs), ", ")
	return a
}

// led is which clients a cluster is answered to for the object. Waiting until answers have expired is for the workload.
func (f *followed) led(what string, current *v1alpha1.PlacementSpec, cluster string, now time.Time) *v1alpha1.AssignedTraffic {
	if f.traffic == nil || what != workload.Service.Kind && what != workload.Ingress.Kind {
		return nil
	}
	t := &v1alpha1.AssignedTraffic{State: f.traffic.State, Percent: f.traffic.Percent, Since: metav1.NewTime(now.Truncate(time.Second))}
	if t.State == v1alpha1.TrafficWithdrawn {
		t.State = v1alpha1.TrafficLeaving
	}
	if was := workload.Share(current, cluster); was != nil {
		keepSince(t, was.Traffic)
	}
	return t
}

func byName(a, b v1alpha1.ClusterAssignment) int { return cmp.Compare(a.Name, b.Name) }
