// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// handOver keeps a cluster that is to have nothing more of a workload, where what others have is not for Drover to count
// out: it is autoscaled, or all of it is in each. The cluster keeps what it has until the others run what they would begin
// with, and until its clients are led there. Meanwhile their autoscalers ask for that at least: load alone would raise them
// too late. Of what runs by the clock, nothing runs in two clusters at once; what runs on every node is gone at once.
func handOver(next *v1alpha1.PlacementSpec, w Workload, in Inputs) {
	if in.Migration != nil || w.Timed || w.Everywhere || w.Replicas == 0 {
		return
	}
	leaving := leavingOf(next, w, in)
	if len(leaving) == 0 {
		return
	}
	move := placement.Move{}
	_, move.MaxUnavailable = tolerances(in.Policy, w.Replicas)
	for _, a := range leaving {
		s := shareOf(a.Name, 0, w, in)
		s.Replicas = s.Pods
		move.Shares = append(move.Shares, s)
	}
	for _, a := range next.Clusters {
		s := shareOf(a.Name, int64(ptr.Deref(a.Replicas, w.Replicas)), w, in)
		s.Replicas = s.Target
		move.Desired += s.Target
		move.Shares = append(move.Shares, s)
	}
	kept := false
	for i, step := range placement.Step(move)[:len(leaving)] {
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
