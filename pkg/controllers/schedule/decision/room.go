// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"math"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	resourcehelper "k8s.io/component-helpers/resource"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/placement"
)

const (
	// defaultOverflow is how long pods may be unschedulable where no policy says otherwise.
	defaultOverflow = time.Minute
	// firstHold is how long a cluster that could not run its replicas is not tried again, longestHold what that doubles to.
	firstHold, longestHold = 5 * time.Minute, time.Hour
)

// ReservationLife is how long a decision is counted against a cluster's free resources: by then they were measured anew.
const ReservationLife = 15 * time.Second

// Requests are the resources that one pod of a template asks of a node, the place for the pod itself included.
func Requests(template *corev1.PodTemplateSpec) corev1.ResourceList {
	requests := resourcehelper.PodRequests(&corev1.Pod{Spec: template.Spec}, resourcehelper.PodResourcesOptions{})
	requests[corev1.ResourcePods] = resource.MustParse("1")
	return requests
}

// Reservation is what was lately placed on a cluster, and may not show in its requested resources yet.
type Reservation struct {
	// Own are replicas of the workload that is decided on.
	Own int64
	// Others are the requests of other workloads.
	Others corev1.ResourceList
}

// freeRoom is how many pods with these requests fit into what a cluster has free, and what it runs out of first. False
// where that is not known, or no bound. It is a sum over nodes: of large pods fewer may fit.
func freeRoom(cluster *v1alpha1.Cluster, reserved, requests corev1.ResourceList) (pods int64, scarce corev1.ResourceName, known bool) {
	if cluster.Spec.Elastic || cluster.Status.Nodes.Total == 0 || len(requests) == 0 {
		return 0, "", false
	}
	pods = math.MaxInt32
	for name, request := range requests {
		if request.Sign() <= 0 {
			continue
		}
		free := cluster.Status.Allocatable[name].DeepCopy()
		free.Sub(cluster.Status.Requested[name])
		free.Sub(reserved[name])
		if n := max(0, quotient(free, request)); n < pods || n == pods && name < scarce {
			pods, scarce = n, name
		}
	}
	return pods, scarce, true
}

// quotient is how many times a positive quantity goes into another, rounded towards zero.
func quotient(whole, part resource.Quantity) int64 {
	if whole.CmpInt64(math.MaxInt64/1000) < 0 && part.CmpInt64(math.MaxInt64/1000) < 0 {
		return whole.MilliValue() / part.MilliValue()
	}
	return whole.Value() / part.Value()
}

// space is what is known of how many replicas of a workload a cluster can hold.
type space struct {
	// current are the replicas placed there, recent those of them that its free resources may not show yet.
	current, recent int64
	// free is how many more seem to fit beside what was placed lately, measured how many if nothing was; nil where that is
	// not known.
	free, measured *int64
	// report is what the cluster said last of the workload.
	report v1alpha1.ClusterPlacementStatus
	// limit is what it turned out to hold; nil if all that was placed there ran.
	limit *v1alpha1.ClusterLimit
	// after is how long pods may be unschedulable.
	after time.Duration
	now   time.Time
}

// capacity is how many replicas the cluster can hold; nil where no bound is known. The limit is what is to be remembered of
// it. Both are to be looked at again after a time, if that is positive.
//
// What runs there is never in question. Pods that found no node for long are: then the cluster holds what it runs, and no
// more than what has become free since, until it is tried again after a while.
func (s space) capacity() (capacity *int64, limit *v1alpha1.ClusterLimit, again time.Duration) {
	stuck, left := s.stuck()
	held := s.current
	limit, again = s.limit, left
	if stuck > 0 && left <= 0 {
		held -= stuck
		limit, again = s.limitTo(held), 0
	}
	excess := int64(0)
	if limit != nil {
		expires := limit.Since.Add(limit.Hold.Duration)
		switch {
		case s.now.Before(expires):
			if s.free == nil {
				held = max(held, int64(limit.Replicas))
				return &held, limit, sooner(again, expires.Sub(s.now))
			}
			limit = limit.DeepCopy()
			limit.Excess = int32(min(int64(limit.Excess), *s.measured))
			excess, again = int64(limit.Excess), sooner(again, expires.Sub(s.now))
		case s.now.After(expires.Add(limit.Hold.Duration)):
			limit = nil // it went well for as long
		}
	}
	if s.free == nil {
		return nil, limit, again
	}
	known := max(0, s.current-max(s.recent, stuck))
	total := max(held, known+max(0, *s.free-excess))
	return &total, limit, again
}

// stuck is how many of the replicas placed there find no node, and how long that is still waited for.
func (s space) stuck() (replicas int64, left time.Duration) {
	r := s.report
	surge := max(0, int64(r.Replicas)-s.current)
	replicas = min(s.current, int64(r.UnschedulableReplicas)-surge)
	if replicas <= 0 || r.UnschedulableSince == nil {
		return 0, 0
	}
	return replicas, s.after - s.now.Sub(r.UnschedulableSince.Time)
}

// limitTo remembers that the cluster could run no more than so many. One that was tried again in vain is left alone for
// twice as long.
func (s space) limitTo(replicas int64) *v1alpha1.ClusterLimit {
	limit := &v1alpha1.ClusterLimit{
		Name: s.report.Name, Replicas: int32(replicas), Since: metav1.NewTime(s.now), Hold: metav1.Duration{Duration: firstHold},
	}
	if s.measured != nil {
		limit.Excess = int32(*s.measured)
	}
	if last := s.limit; last != nil {
		limit.Hold = last.Hold
		if !s.now.Before(last.Since.Add(last.Hold.Duration)) {
			limit.Hold.Duration = min(longestHold, 2*last.Hold.Duration)
		}
	}
	return limit
}

// sooner is the shorter of two times, of which zero is never.
func sooner(a, b time.Duration) time.Duration {
	if a <= 0 || b > 0 && b < a {
		return b
	}
	return a
}

// bound limits a candidate to what its cluster has room for.
func (c *candidates) bound(candidate *placement.Cluster, w Workload, in Inputs, cluster *v1alpha1.Cluster) {
	reserved := in.Reserved[cluster.Name]
	s := space{
		current: candidate.Current, recent: reserved.Own, report: reportOf(in.Reports, cluster.Name),
		limit: limitOf(in.Current, cluster.Name), after: overflowAfter(in.Policy), now: in.Now,
	}
	pods, scarce, known := freeRoom(cluster, reserved.Others, w.Requests)
	if w.Autoscaler != nil {
		// What it may scale to is no more than a bound: what room there is for that matters when it does.
		s.current, known = int64(ptr.Deref(s.report.DesiredReplicas, s.report.Replicas)), false
	}
	if known {
		measured, _, _ := freeRoom(cluster, nil, w.Requests)
		s.free, s.measured = &pods, &measured
	}
	capacity, limit, again := s.capacity()
	c.again = sooner(c.again, again)
	full := "not enough " + string(scarce) + " free"
	if limit != nil {
		c.limits = append(c.limits, *limit)
		full = "more found no node there"
	}
	if capacity != nil && (candidate.Capacity == nil || *capacity < *candidate.Capacity) {
		candidate.Capacity = capacity
		c.full[cluster.Name] = full
	}
}

func overflowAfter(policy *v1alpha1.PlacementPolicy) time.Duration {
	if policy == nil || policy.Spec.Overflow.After == nil {
		return defaultOverflow
	}
	return policy.Spec.Overflow.After.Duration
}

func reportOf(reports []v1alpha1.ClusterPlacementStatus, cluster string) v1alpha1.ClusterPlacementStatus {
	if i := slices.IndexFunc(reports, func(r v1alpha1.ClusterPlacementStatus) bool { return r.Name == cluster }); i >= 0 {
		return reports[i]
	}
	return v1alpha1.ClusterPlacementStatus{Name: cluster}
}

func limitOf(current *v1alpha1.PlacementSpec, cluster string) *v1alpha1.ClusterLimit {
	if current == nil {
		return nil
	}
	for i := range current.Limits {
		if current.Limits[i].Name == cluster {
			return &current.Limits[i]
		}
	}
	return nil
}
