// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/placement"
)

// SelectMigration finds the one in force that moves a workload of a namespace with these labels; nil if none does. There
// is one at the most: of two that overlap, the second is refused.
func SelectMigration(namespace string, object labels.Set, migrations []*v1alpha1.Migration) *v1alpha1.Migration {
	i := slices.IndexFunc(migrations, func(m *v1alpha1.Migration) bool { return m.InForce() && Migrates(m, namespace, object) })
	if i < 0 {
		return nil
	}
	return migrations[i]
}

// Migrates says whether a migration is of workloads of a namespace with these labels. Drover's own are not moved.
func Migrates(m *v1alpha1.Migration, namespace string, object labels.Set) bool {
	if len(m.Spec.Namespaces) > 0 && !slices.Contains(m.Spec.Namespaces, namespace) {
		return false
	}
	selector, err := metav1.LabelSelectorAsSelector(&m.Spec.Selector)
	return err == nil && selector.Matches(object)
}

// withoutMigration is a decision as it would be in force if none had been moved by a migration: what is decided anew is
// decided on that. Once the policies say what the migration did, what it moved is where it belongs.
func withoutMigration(current *v1alpha1.PlacementSpec, m *v1alpha1.Migration) *v1alpha1.PlacementSpec {
	if current == nil || current.Migration == nil || m != nil && isFinal(m) {
		return current
	}
	undone := current.DeepCopy()
	for _, before := range []struct {
		cluster  string
		replicas *int32
		gone     bool
	}{{current.Migration.From, current.Migration.FromReplicas, false}, {current.Migration.To, current.Migration.ToReplicas, current.Migration.Newcomer}} {
		i := slices.IndexFunc(undone.Clusters, func(a v1alpha1.ClusterAssignment) bool { return a.Name == before.cluster })
		switch {
		case i >= 0 && before.gone:
			undone.Clusters = slices.Delete(undone.Clusters, i, i+1)
		case i >= 0:
			undone.Clusters[i] = v1alpha1.ClusterAssignment{Name: before.cluster, Replicas: before.replicas}
		}
	}
	return undone
}

// isFinal says whether a migration is being made permanent, or has been.
func isFinal(m *v1alpha1.Migration) bool {
	return m.Status.Phase == v1alpha1.MigrationFinishing || m.Status.Phase == v1alpha1.MigrationFinished
}

// redirect gives the target of a migration its part of what was decided for the source. Both parts are rounded up, so that
// each has enough for its clients: there may be one replica more than asked for. As the weight grows, none goes back.
func redirect(next *v1alpha1.PlacementSpec, w Workload, in Inputs) {
	m := in.Migration
	if m == nil {
		return
	}
	from := slices.IndexFunc(next.Clusters, func(a v1alpha1.ClusterAssignment) bool { return a.Name == m.Spec.From })
	if from < 0 {
		return // nothing of it would be there
	}
	before := next.Clusters[from]
	to := workload.Share(next, m.Spec.To)
	next.Migration = &v1alpha1.PlacementMigration{
		Name: m.Name, From: m.Spec.From, To: m.Spec.To, Weight: m.Status.Weight, Traffic: m.Status.Traffic,
		Newcomer: to == nil, FromReplicas: capOf(before), ToReplicas: capOf(ptr.Deref(to, v1alpha1.ClusterAssignment{})),
	}
	limit, why := destination(w, in)
	if w.Whole != "" {
		redirectWhole(next, w, before, to, limit, why)
		return
	}
	surge, _ := tolerances(in.Policy, w.Replicas)
	extra := surge > 0
	already := int64(ptr.Deref(capOf(ptr.Deref(to, v1alpha1.ClusterAssignment{})), 0))
	all := int64(*capOf(before))
	stays, goes := split(all, m.Status.Weight, extra)
	if limit != nil && already+goes > *limit {
		goes = max(0, *limit-already)
		stays = max(stays, all-goes)
		next.Migration.Blocked = why
	}
	assignParts(next, w, in, before, ptr.Deref(to, v1alpha1.ClusterAssignment{Name: m.Spec.To}), parts{all: all, stays: stays, goes: goes})
}

// parts are what stays of all that a cluster has, and what goes.
type parts struct{ all, stays, goes int64 }

// split divides what a cluster has: weight per cent go. With an extra one both parts are rounded up, and at least one
// goes, also at weight 0; without, what goes is rounded down.
func split(all int64, weight int32, extra bool) (stays, goes int64) {
	down := all * int64(weight) / 100
	stays = all - down
	if !extra {
		return stays, down
	}
	return stays, min(all, max(1, (all*int64(weight)+99)/100))
}

// assignParts writes both parts into the decision, and says why they are what they are.
func assignParts(next *v1alpha1.PlacementSpec, w Workload, in Inputs, from, to v1alpha1.ClusterAssignment, p parts) {
	m := next.Migration
	if p.goes == 0 && p.all > 0 && m.Newcomer {
		next.Excluded = slices.DeleteFunc(next.Excluded, func(e v1alpha1.ClusterExclusion) bool { return e.Name == m.To })
		next.Excluded = append(next.Excluded, v1alpha1.ClusterExclusion{Name: m.To, Code: v1alpha1.Migrating, Reason: describePart(m, p)})
		slices.SortFunc(next.Excluded, func(a, b v1alpha1.ClusterExclusion) int { return cmp.Compare(a.Name, b.Name) })
		return
	}
	from.Code, from.Reason = v1alpha1.Migrating, describePart(m, p)
	to.Code, to.Reason = v1alpha1.Migrating, describePart(m, p)
	if w.Autoscaler == nil {
		from.Replicas, to.Replicas = ptr.To(int32(p.stays)), ptr.To(int32(p.goes)+ptr.Deref(to.Replicas, 0))
	} else {
		from, to = divideScaled(from, to, p, reportOf(in.Reports, m.To), workload.Share(in.Current, m.From))
	}
	place(next, from)
	place(next, to)
}

// divideScaled divides the bounds of an autoscaler. The source keeps its own until the target has as many as it starts
// with: an autoscaler that is given less takes pods away at once.
func divideScaled(from, to v1alpha1.ClusterAssignment, p parts, arrived v1alpha1.ClusterPlacementStatus, now *v1alpha1.ClusterAssignment) (v1alpha1.ClusterAssignment, v1alpha1.ClusterAssignment) {
	part := func(of, n int64) int32 { return max(1, int32((of*n+p.all-1)/max(1, p.all))) }
	lowest, start := int64(ptr.Deref(from.MinReplicas, 1)), int64(ptr.Deref(from.Replicas, 1))
	if to.MaxReplicas == nil {
		to.MinReplicas, to.MaxReplicas, to.Replicas = ptr.To[int32](0), ptr.To[int32](0), ptr.To[int32](0)
	}
	to.MaxReplicas = ptr.To(*to.MaxReplicas + int32(p.goes))
	to.MinReplicas = ptr.To(min(*to.MaxReplicas, ptr.Deref(to.MinReplicas, 0)+part(lowest, p.goes)))
	to.Replicas = ptr.To(min(*to.MaxReplicas, max(*to.MinReplicas, ptr.Deref(to.Replicas, 0)+part(start, p.goes))))
	switch {
	case now != nil && arrived.AvailableReplicas < *to.MinReplicas:
		from.Replicas, from.MinReplicas, from.MaxReplicas, from.Idle = now.Replicas, now.MinReplicas, now.MaxReplicas, now.Idle
	case p.stays == 0:
		from.Replicas, from.MinReplicas, from.MaxReplicas, from.Idle = ptr.To[int32](0), ptr.To[int32](1), ptr.To[int32](1), true
	default:
		from.MaxReplicas, from.MinReplicas = ptr.To(int32(p.stays)), ptr.To(min(int32(p.stays), part(lowest, p.stays)))
		from.Replicas = ptr.To(min(int32(p.stays), max(*from.MinReplicas, part(start, p.stays))))
	}
	return from, to
}

// redirectWhole has both clusters run all of a workload until the migration is done with clients, and then only the
// target: the source keeps the object, idle. What runs at its own time runs at one of the two only.
func redirectWhole(next *v1alpha1.PlacementSpec, w Workload, from v1alpha1.ClusterAssignment, to *v1alpha1.ClusterAssignment, limit *int64, why string) {
	m := next.Migration
	if limit != nil && *limit == 0 && to == nil {
		m.Blocked = why
		return
	}
	moved := m.Weight == 100
	arrives := ptr.Deref(to, v1alpha1.ClusterAssignment{Name: m.To})
	arrives.Code, from.Code = v1alpha1.Migrating, v1alpha1.Migrating
	if to == nil {
		arrives.Idle = w.Timed && !moved
	}
	from.Idle = moved && !w.Everywhere
	arrives.Reason = fmt.Sprintf("migration %s takes it here from %s", m.Name, m.From)
	from.Reason = fmt.Sprintf("migration %s takes it to %s", m.Name, m.To)
	if from.Idle {
		from.Reason += ": idle here until that is finished"
	}
	place(next, from)
	place(next, arrives)
}

func describePart(m *v1alpha1.PlacementMigration, p parts) string {
	text := fmt.Sprintf("migration %s at %d%%: %d of %d from %s to %s", m.Name, m.Weight, p.goes, p.all, m.From, m.To)
	if m.Blocked != "" {
		text += ", no more: " + m.Blocked
	}
	return text
}

// place puts an assignment in its place.
func place(next *v1alpha1.PlacementSpec, a v1alpha1.ClusterAssignment) {
	next.Clusters = slices.DeleteFunc(next.Clusters, func(other v1alpha1.ClusterAssignment) bool { return other.Name == a.Name })
	next.Clusters = append(next.Clusters, a)
	slices.SortFunc(next.Clusters, byName)
	next.Excluded = slices.DeleteFunc(next.Excluded, func(e v1alpha1.ClusterExclusion) bool { return e.Name == a.Name })
}

// destination is how many replicas the cluster may have in all that a migration leads to, nil for any number, and why no
// more. That the policy does not name it is what the migration is there for.
func destination(w Workload, in Inputs) (limit *int64, why string) {
	i := slices.IndexFunc(in.Clusters, func(c *v1alpha1.Cluster) bool { return c.Name == in.Migration.Spec.To })
	if i < 0 {
		return new(int64), "the cluster is not joined"
	}
	cluster := in.Clusters[i]
	weight, exclusion := weigh(in.Policy, cluster)
	if exclusion != nil && exclusion.Code != v1alpha1.ExcludedNotNamed {
		return new(int64), exclusion.Reason
	}
	running := replicasByCluster(in.Current)
	c := candidates{held: map[string]held{}, full: map[string]string{}, running: running}
	candidate := placement.Cluster{Name: cluster.Name, Weight: 1, Current: running[cluster.Name]}
	if weight.MaxReplicas != nil {
		candidate.Max = ptr.To(int64(*weight.MaxReplicas))
	}
	if exclusion := c.hold(&candidate, in, cluster); exclusion != nil {
		return new(int64), exclusion.Reason
	}
	h, isHeld := c.held[cluster.Name]
	if isHeld {
		why = h.keeps.Reason
	} else if w.Whole == "" {
		c.bound(&candidate, w, in, cluster)
		why = c.full[cluster.Name]
	}
	limit = candidate.Capacity
	if candidate.Max != nil && (limit == nil || *candidate.Max < *limit) {
		limit, why = candidate.Max, fmt.Sprintf("policy %s allows %d there", in.Policy.Name, *candidate.Max)
	}
	return limit, why
}

// capOf is what an assignment comes to at the most; nil where nothing is divided.
func capOf(a v1alpha1.ClusterAssignment) *int32 { return cmp.Or(a.MaxReplicas, a.Target, a.Replicas) }

// migratedWith says of what follows workloads which migration moves its clients: that of those behind it, as far as the
// one is that lags most.
func migratedWith(behind []*v1alpha1.Placement) *v1alpha1.PlacementMigration {
	var out *v1alpha1.PlacementMigration
	for _, b := range behind {
		m := b.Spec.Migration
		switch {
		case m == nil:
		case out == nil:
			out = &v1alpha1.PlacementMigration{Name: m.Name, From: m.From, To: m.To, Weight: m.Weight, Traffic: m.Traffic, Newcomer: m.Newcomer, Blocked: m.Blocked}
		case m.Name == out.Name:
			out.Weight, out.Traffic, out.Newcomer = min(out.Weight, m.Weight), min(out.Traffic, m.Traffic), out.Newcomer && m.Newcomer
		}
	}
	if out == nil {
		return nil
	}
	for _, b := range behind {
		if b.Spec.Migration == nil && workload.Share(&b.Spec, out.To) != nil {
			out.Newcomer = false // something that is not moved runs there, and has clients
		}
	}
	return out
}
