// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"slices"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// handOver keeps a cluster that is to have nothing more of a workload, where what others have is not for Drover to count
// out: it is autoscaled, or all of it is in each. The cluster keeps what it has until the others run what they would begin
// with, and until its clients are led there. Meanwhile their autoscalers ask for that at least: load alone would raise them
// too late. One that may have fewer than it runs is not cut down to that before, either. Of what runs by the clock, nothing
// runs in two clusters at once.
func handOver(next *v1alpha1.PlacementSpec, w Workload, in Inputs) {
	switch {
	case in.Migration != nil || w.Replicas == 0 && !w.Everywhere && !w.Timed:
		return
	case w.Timed:
		letRunOut(next, in)
		return
	}
	leaving := leavingOf(next, w, in)
	cut := slices.ContainsFunc(next.Clusters, func(a v1alpha1.ClusterAssignment) bool { return isCut(a, w, in) })
	if len(leaving) == 0 && !cut {
		return
	}
	move := placement.Move{}
	_, move.MaxUnavailable = tolerances(in.Policy, w.Replicas)
	for _, a := range leaving {
		s := shareOf(a.Name, 0, w, in)
		if w.Everywhere {
			s.Pods, s.Available = min(1, s.Pods), min(1, s.Available)
		}
		s.Replicas = s.Pods
		move.Shares = append(move.Shares, s)
	}
	for _, a := range next.Clusters {
		s := shareOf(a.Name, int64(ptr.Deref(a.Replicas, w.Replicas)), w, in)
		if w.Everywhere && (s.Pods > 0 || !s.Confirmed) {
			s.Target, s.Available = 1, min(1, s.Available) // until it is confirmed, it may have nodes for it
		}
		s.Replicas = s.Target
		move.Desired += s.Target
		if isCut(a, w, in) {
			s.Target, s.Pods = int64(*a.MaxReplicas), int64(takenToRun(a.Name, w, in))
			if !s.Confirmed { // its pods may be available by now, but those that found no node
				s.Available = max(s.Available, s.Pods-int64(reportOf(in.Reports, a.Name).UnschedulableReplicas))
			}
			s.Replicas = min(s.Pods, int64(*workload.Share(in.Current, a.Name).MaxReplicas))
		}
		move.Shares = append(move.Shares, s)
	}
	if w.Everywhere {
		move.Desired = min(1, move.Desired) // clusters have other numbers of nodes: that there is somebody to lead clients to is enough
	}
	kept := false
	steps := placement.Step(move)
	for i, step := range steps[len(leaving):] {
		if a := &next.Clusters[i]; isCut(*a, w, in) && step.Replicas > int64(*a.MaxReplicas) {
			a.Target, a.MaxReplicas = a.MaxReplicas, ptr.To(int32(step.Replicas))
			a.Reason = fmt.Sprintf("at most %d until others have as many: %s", step.Replicas, a.Reason)
			kept = true
		}
	}
	for i, step := range steps[:len(leaving)] {
		if step.Replicas == 0 {
			continue
		}
		a, share := leaving[i], move.Shares[i]
		clients, why := clientsOf(a.Name, true, in)
		was := workload.Share(in.Current, a.Name)
		a.Traffic = trafficOf(leadOf(was).Next(share, step, clients, true, in.Now), was, why, in.Now)
		place(next, a)
		kept = true
	}
	if !kept {
		return
	}
	for i := range next.Clusters {
		if a := &next.Clusters[i]; a.Target == nil && a.MaxReplicas != nil && *a.MinReplicas < *a.Replicas {
			a.MinReplicas = ptr.To(*a.Replicas)
			a.Reason = fmt.Sprintf("at least %d until others have given theirs: %s", *a.Replicas, a.Reason)
		}
	}
}

// letRunOut suspends what runs by the clock in a cluster that is to have it no more, until the Jobs that it has begun there
// have ended.
func letRunOut(next *v1alpha1.PlacementSpec, in Inputs) {
	if in.Current == nil {
		return
	}
	for _, a := range in.Current.Clusters {
		why, leaves := leavesBecause(next, a.Name)
		ends := slices.ContainsFunc(in.Clusters, func(c *v1alpha1.Cluster) bool { return c.Name == a.Name && endsJobs(c) })
		if leaves && !ends && reportOf(in.Reports, a.Name).Replicas > 0 {
			a.Idle, a.Target, a.Traffic = true, ptr.To[int32](0), nil
			a.Code, a.Reason = v1alpha1.KeptUntilEnd, "is suspended, and goes when the Jobs that have begun there have run to their end: "+why.Reason
			place(next, a)
		}
	}
}

// isCut says whether a cluster's autoscaler may make more of a workload than it is to, and has.
func isCut(a v1alpha1.ClusterAssignment, w Workload, in Inputs) bool {
	was := workload.Share(in.Current, a.Name)
	return a.MaxReplicas != nil && was != nil && was.MaxReplicas != nil && *was.MaxReplicas > *a.MaxReplicas &&
		takenToRun(a.Name, w, in) > *a.MaxReplicas
}

// takenToRun are the replicas that a cluster reports or, until it has reported on what it was given last, at least those that
// it was given: what is not known yet is not cut down.
func takenToRun(cluster string, w Workload, in Inputs) int32 {
	reported := reportOf(in.Reports, cluster).Replicas
	was := workload.Share(in.Current, cluster)
	if was == nil || was.Replicas == nil || shareOf(cluster, 0, w, in).Confirmed {
		return reported
	}
	return max(reported, *was.Replicas)
}

// leavingOf are the clusters that have some of a workload and are to have none, with what they are assigned now. Those that
// left, or were given up as lost, keep nothing.
func leavingOf(next *v1alpha1.PlacementSpec, w Workload, in Inputs) (out []v1alpha1.ClusterAssignment) {
	if in.Current == nil {
		return nil
	}
	scaled := w.Autoscaler != nil && w.Whole == ""
	for _, a := range in.Current.Clusters {
		if a.Idle || (a.MaxReplicas != nil) != scaled {
			continue
		}
		if why, leaves := leavesBecause(next, a.Name); leaves {
			a.Target, a.Code, a.Reason = ptr.To[int32](0), why.Code, why.Reason
			out = append(out, a)
		}
	}
	return out
}
