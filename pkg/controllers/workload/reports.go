// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Reports are what clusters say of an object, sorted by their names, and what was decided about it. Clusters that it is
// being removed from are among them.
type Reports struct {
	Placement *v1alpha1.PlacementSpec
	Clusters  []v1alpha1.ClusterPlacementStatus
	Now       time.Time
}

// whole says whether every cluster runs all of it.
func (r Reports) whole() bool { return r.Placement.Replicas == nil }

// acted says whether a cluster's controllers have acted on the generation that was decided on. Those of a cluster that keeps
// the template of before have not.
func (r Reports) acted(c *v1alpha1.ClusterPlacementStatus) bool {
	return c.ObservedGeneration == r.Placement.WorkloadGeneration && (r.Placement.TemplateHash == "" || c.TemplateHash == r.Placement.TemplateHash)
}

// everywhere says whether something is true of each cluster that it is placed on, of which there is one at least.
func (r Reports) everywhere(is func(*v1alpha1.ClusterPlacementStatus) bool) bool {
	placed := 0
	for i := range r.Clusters {
		if Share(r.Placement, r.Clusters[i].Name) == nil {
			continue
		}
		if placed++; !is(&r.Clusters[i]) {
			return false
		}
	}
	return placed > 0 && placed == len(r.Placement.Clusters)
}

// observed is the generation that all clusters have acted on, where that is the one decided on; else the one before.
func (r Reports) observed(before int64) int64 {
	if r.everywhere(r.acted) {
		return r.Placement.WorkloadGeneration
	}
	return before
}

// counts are pods over all clusters.
type counts struct{ replicas, updated, ready, available int32 }

// count adds up what the clusters have. Of what each runs whole, it is what they all have: as many ready ones as the
// cluster has that is furthest behind. Those of a cluster that has not acted on the generation are not updated.
func (r Reports) count() counts {
	var sum, least counts
	first := true
	for i := range r.Clusters {
		c := &r.Clusters[i]
		one := counts{c.Replicas, c.UpdatedReplicas, c.ReadyReplicas, c.AvailableReplicas}
		if !r.acted(c) {
			one.updated = 0
		}
		sum = counts{sum.replicas + one.replicas, sum.updated + one.updated, sum.ready + one.ready, sum.available + one.available}
		switch {
		case !runsOn(r.Placement, c.Name):
		case first:
			least, first = one, false
		default:
			least = counts{max(least.replicas, one.replicas), min(least.updated, one.updated), min(least.ready, one.ready), min(least.available, one.available)}
		}
	}
	if r.whole() {
		return least
	}
	return sum
}

// runsOn says whether a cluster is to run anything of it: one that is idle holds up nobody.
func runsOn(p *v1alpha1.PlacementSpec, cluster string) bool {
	share := Share(p, cluster)
	return share != nil && !share.Idle
}

// messages of clusters in one: "east: no room; west: too slow".
func (r Reports) messages(of func(*v1alpha1.ClusterPlacementStatus) string) string {
	var out []string
	for i := range r.Clusters {
		if message := of(&r.Clusters[i]); message != "" {
			out = append(out, r.Clusters[i].Name+": "+message)
		}
	}
	return Shorten(strings.Join(out, "; "))
}

// Shorten keeps a message within what a condition may hold, and a person may read.
func Shorten(message string) string {
	const limit = 1024
	if len(message) <= limit {
		return message
	}
	return strings.ToValidUTF8(message[:limit], "") + "…"
}

// newest is the later of two times; nil is before all.
func newest(a, b *metav1.Time) *metav1.Time {
	if a == nil || b != nil && a.Before(b) {
		return b
	}
	return a
}

// oldest is the earlier of two times; nil is after all.
func oldest(a, b *metav1.Time) *metav1.Time {
	if a == nil || b != nil && b.Before(a) {
		return b
	}
	return a
}

// RunsOn says whether a workload that policies place is assigned to a cluster, or is seen there still. What has run to its end
// there does not run.
func RunsOn(p *v1alpha1.Placement, cluster string) bool {
	key, ok := KeyOf(p)
	if !ok || !key.Kind.Placed() {
		return false
	}
	var report *v1alpha1.ClusterPlacementStatus
	if i := slices.IndexFunc(p.Status.Clusters, func(c v1alpha1.ClusterPlacementStatus) bool { return c.Name == cluster }); i >= 0 {
		report = &p.Status.Clusters[i]
	}
	if report != nil && report.Replicas > 0 {
		return true
	}
	a := Share(&p.Spec, cluster)
	return a != nil && (a.Replicas == nil || *a.Replicas > 0) && (report == nil || key.Kind.Ended == nil || !key.Kind.Ended(report))
}
