// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/placement"
)

// defaultSettle is how long the last replicas stay after every answer has expired where no policy says otherwise.
const defaultSettle = 10 * time.Second

// Name is a Service or an Ingress by which clients find a workload, as name servers have it.
type Name struct {
	// Of it, "service web".
	Of string
	// TTL is the longest time that an answer is kept.
	TTL      time.Duration
	Clusters []NamedCluster
}

// NamedCluster is a cluster to which a name may lead.
type NamedCluster struct {
	Cluster string
	// Addressed says that it has an address: without one, nobody is led there.
	Addressed bool
	// Led says that clients are led there, as far as it serves.
	Led bool
	// Serves says that there are ready pods behind the address.
	Serves bool
	// Shared says that other workloads stay behind the name there.
	Shared bool
}

func (c NamedCluster) answered() bool { return c.Addressed && c.Led && c.Serves }

// clientsOf says what is known of those who are led to a cluster which a workload leaves, or comes to; and why they are not
// led elsewhere yet, if they are not.
func clientsOf(cluster string, leaves bool, in Inputs) (c placement.Clients, why string) {
	c = placement.Clients{Unread: in.NamesUnread, Told: true}
	for _, name := range in.Names {
		i := slices.IndexFunc(name.Clusters, func(n NamedCluster) bool { return n.Cluster == cluster })
		if leaves && (i < 0 || !name.Clusters[i].Addressed || name.Clusters[i].Shared) {
			continue
		}
		c.Led, c.Wait = true, max(c.Wait, name.TTL+settleTime(in.Policy))
		switch elsewhere := name.answeredBeside(cluster); {
		case !elsewhere:
			c.Told, why = false, name.Of+" is answered with no other cluster: one needs an address, ready pods, and a weight in its TrafficPolicy"
		case i >= 0 && name.Clusters[i].Led:
			c.Told = false
		}
	}
	return c, why
}

// answeredBeside says whether a name is answered with another cluster.
func (n Name) answeredBeside(cluster string) bool {
	return slices.ContainsFunc(n.Clusters, func(c NamedCluster) bool { return c.Cluster != cluster && c.answered() })
}

// settleTime is how long the last replicas stay after every answer has expired.
func settleTime(policy *v1alpha1.PlacementPolicy) time.Duration {
	if policy == nil || policy.Spec.Move.Settle == nil {
		return defaultSettle
	}
	return policy.Spec.Move.Settle.Duration
}

// leadOf is how far the clients of an assignment are.
func leadOf(a *v1alpha1.ClusterAssignment) placement.Lead {
	if a == nil || a.Traffic == nil {
		return placement.Lead{}
	}
	l := placement.Lead{State: placement.LeadState(a.Traffic.State), Percent: int64(a.Traffic.Percent), Full: int64(a.Traffic.Full)}
	if a.Traffic.Until != nil {
		l.Until = a.Traffic.Until.Time
	}
	return l
}

// trafficOf is the same as it is written. Times are written in whole seconds: no wait is shorter for that.
func trafficOf(l placement.Lead, was *v1alpha1.ClusterAssignment, why string, now time.Time) *v1alpha1.AssignedTraffic {
	if l.State == placement.LeadAll {
		return nil
	}
	t := &v1alpha1.AssignedTraffic{
		State: v1alpha1.TrafficState(l.State), Percent: int32(l.Percent), Full: int32(l.Full), Since: metav1.NewTime(now.Truncate(time.Second)),
	}
	if l.State == placement.Leaving && l.Percent == 0 {
		t.Message = why
	}
	if !l.Until.IsZero() {
		t.Until = &metav1.Time{Time: l.Until.Add(time.Second - time.Nanosecond).Truncate(time.Second)}
	}
	if was != nil {
		keepSince(t, was.Traffic)
	}
	return t
}

// keepSince keeps since when it has been so, if it was so before: as far along, and answered or not.
func keepSince(t, was *v1alpha1.AssignedTraffic) {
	if was != nil && was.State == t.State && (was.Percent == 0) == (t.Percent == 0) {
		t.Since = was.Since
	}
}

// untilWithdrawn is how long it takes until the first cluster may give its last replicas; zero if none is waited for.
func untilWithdrawn(spec *v1alpha1.PlacementSpec, now time.Time) (again time.Duration) {
	for _, a := range spec.Clusters {
		if a.Traffic != nil && a.Traffic.Until != nil {
			again = sooner(again, max(time.Millisecond, a.Traffic.Until.Sub(now)))
		}
	}
	return again
}
