// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"fmt"
	"math"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
)

// Rewrites are what has to be written so that policies say what a migration did. Those that say it already are not among
// them.
type Rewrites struct {
	// Placement are policies to update or, if they have no resource version, to create.
	Placement []*v1alpha1.PlacementPolicy
	Traffic   []*v1alpha1.TrafficPolicy
	// Shared are objects that policies to be rewritten place, and that are not part of the migration.
	Shared []string
}

// rewrites finds out what has to be written.
func rewrites(m *v1alpha1.Migration, objects []Placed, policies []*v1alpha1.PlacementPolicy, traffic []*v1alpha1.TrafficPolicy) Rewrites {
	var out Rewrites
	byNamespace := map[string][]*v1alpha1.PlacementPolicy{}
	for _, p := range policies {
		byNamespace[p.Namespace] = append(byNamespace[p.Namespace], p)
	}
	applies := map[*v1alpha1.PlacementPolicy]bool{}
	without := map[string]bool{}
	for _, o := range objects {
		if !o.Key.Kind.Placed() || !decision.Migrates(m, o.Key.Namespace, o.Object.GetLabels()) {
			continue
		}
		policy, err := decision.SelectPolicy(labels.Set(o.Object.GetLabels()), byNamespace[o.Key.Namespace])
		switch {
		case err != nil:
		case policy == nil:
			without[o.Key.Namespace] = true
		default:
			applies[policy] = true
		}
	}
	for policy := range applies {
		if next := rewritten(policy, m); next != nil {
			out.Placement = append(out.Placement, next)
		}
	}
	for namespace := range without {
		out.Placement = append(out.Placement, ownPolicy(m, namespace))
	}
	slices.SortFunc(out.Placement, func(a, b *v1alpha1.PlacementPolicy) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	out.Shared = shared(m, objects, byNamespace, applies)
	out.Traffic = rewrittenTraffic(m, objects, traffic)
	return out
}

// shared are the objects that would be moved by rewriting a policy, though they are not part of the migration.
func shared(m *v1alpha1.Migration, objects []Placed, policies map[string][]*v1alpha1.PlacementPolicy, applies map[*v1alpha1.PlacementPolicy]bool) (out []string) {
	for _, o := range objects {
		if !o.Key.Kind.Placed() || decision.Migrates(m, o.Key.Namespace, o.Object.GetLabels()) {
			continue
		}
		policy, err := decision.SelectPolicy(labels.Set(o.Object.GetLabels()), policies[o.Key.Namespace])
		if err == nil && applies[policy] && rewritten(policy, m) != nil {
			out = append(out, fmt.Sprintf("policy %s in %s also places %s", policy.Name, o.Key.Namespace, o.Key.InNamespace()))
		}
	}
	slices.Sort(out)
	return out
}

// rewritten is a policy with the source's weight and minimum added to the target's, whose maximum stays; nil if the source
// has no weight in it. A target that it does not name takes the source's place.
func rewritten(policy *v1alpha1.PlacementPolicy, m *v1alpha1.Migration) *v1alpha1.PlacementPolicy {
	next := policy.DeepCopy()
	if len(next.Spec.Clusters) == 0 {
		next.Spec.Clusters = []v1alpha1.ClusterWeight{{Name: v1alpha1.AnyCluster, Weight: ptr.To[int64](1)}}
	}
	find := func(name string) (v1alpha1.ClusterWeight, bool) {
		for _, n := range []string{name, v1alpha1.AnyCluster} {
			if i := slices.IndexFunc(next.Spec.Clusters, func(c v1alpha1.ClusterWeight) bool { return c.Name == n }); i >= 0 {
				return next.Spec.Clusters[i], true
			}
		}
		return v1alpha1.ClusterWeight{}, false
	}
	from, named := find(m.Spec.From)
	if !named || ptr.Deref(from.Weight, 1) == 0 {
		return nil
	}
	to, known := find(m.Spec.To)
	if !known {
		to = from
	} else {
		to.Weight = ptr.To(min(math.MaxInt32, ptr.Deref(to.Weight, 1)+ptr.Deref(from.Weight, 1)))
		to.MinReplicas += from.MinReplicas
	}
	to.Name = m.Spec.To
	next.Spec.Clusters = slices.DeleteFunc(next.Spec.Clusters, func(c v1alpha1.ClusterWeight) bool { return c.Name == m.Spec.From || c.Name == m.Spec.To })
	next.Spec.Clusters = append(next.Spec.Clusters, to, v1alpha1.ClusterWeight{Name: m.Spec.From, Weight: ptr.To[int64](0)})
	return next
}

// ownPolicy says for workloads that no policy selects what they have without one: all clusters equally, with the source's
// part for the target. Any other policy overrules it.
func ownPolicy(m *v1alpha1.Migration, namespace string) *v1alpha1.PlacementPolicy {
	p := &v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "migration-" + m.Name}}
	p.Spec.Selector = *m.Spec.Selector.DeepCopy()
	p.Spec.Priority = math.MinInt32
	p.Spec.Clusters = []v1alpha1.ClusterWeight{
		{Name: m.Spec.To, Weight: ptr.To[int64](2)}, {Name: m.Spec.From, Weight: ptr.To[int64](0)}, {Name: v1alpha1.AnyCluster, Weight: ptr.To[int64](1)},
	}
	return p
}

// rewrittenTraffic are the traffic policies of what was moved, with the source's weight added to the target's.
func rewrittenTraffic(m *v1alpha1.Migration, objects []Placed, policies []*v1alpha1.TrafficPolicy) (out []*v1alpha1.TrafficPolicy) {
	for _, policy := range policies {
		if !slices.ContainsFunc(objects, func(o Placed) bool {
			return o.Placement != nil && o.Placement.Spec.Migration != nil && o.Placement.Spec.Migration.Name == m.Name &&
				o.Key.Namespace == policy.Namespace && o.Key.Kind.Kind == policy.Spec.Target.Kind && o.Key.Name == policy.TargetName()
		}) {
			continue
		}
		next := policy.DeepCopy()
		from := slices.IndexFunc(next.Spec.Clusters, func(c v1alpha1.ClusterTraffic) bool { return c.Name == m.Spec.From })
		if from < 0 || ptr.Deref(next.Spec.Clusters[from].Weight, 1) == 0 {
			continue // "*" is the target, too
		}
		to := slices.IndexFunc(next.Spec.Clusters, func(c v1alpha1.ClusterTraffic) bool { return c.Name == m.Spec.To })
		if to < 0 {
			next.Spec.Clusters = append(next.Spec.Clusters, v1alpha1.ClusterTraffic{Name: m.Spec.To, Weight: ptr.To[int64](0), Priority: next.Spec.Clusters[from].Priority})
			to = len(next.Spec.Clusters) - 1
		}
		sum := ptr.Deref(next.Spec.Clusters[to].Weight, 1) + ptr.Deref(next.Spec.Clusters[from].Weight, 1)
		next.Spec.Clusters[to].Weight, next.Spec.Clusters[from].Weight = ptr.To(min(math.MaxInt32, sum)), ptr.To[int64](0)
		out = append(out, next)
	}
	return out
}

// problemOf says why a migration cannot be carried out; nil if it can.
func problemOf(m *v1alpha1.Migration, clusters []*v1alpha1.Cluster, others []*v1alpha1.Migration, workloads int32, r Rewrites) *Problem {
	for _, name := range []string{m.Spec.From, m.Spec.To} {
		if !m.InForce() && !slices.ContainsFunc(clusters, func(c *v1alpha1.Cluster) bool { return c.Name == name && c.DeletionTimestamp.IsZero() }) {
			return &Problem{v1alpha1.ReasonNotJoined, fmt.Sprintf("cluster %s is not joined: kubectl get clusters shows those that are", name)}
		}
	}
	for _, other := range others {
		if other.Name != m.Name && precedes(other, m) {
			return &Problem{v1alpha1.ReasonOverlaps, fmt.Sprintf("migration %s moves some of these workloads: finish it or roll it back first", other.Name)}
		}
	}
	switch {
	case len(r.Shared) > 0:
		return &Problem{v1alpha1.ReasonSharedPolicy, fmt.Sprintf("%s, which would be moved when the migration is finished, and is not part of it: give it a policy of its own, or choose other labels for the migration", strings.Join(r.Shared, ", "))}
	case workloads == 0 && !m.InForce():
		return &Problem{v1alpha1.ReasonNothingToMove, fmt.Sprintf("no workload with these labels, in these namespaces, runs in %s", m.Spec.From)}
	}
	return nil
}

// precedes says whether another migration has the right of way: it could move the same, and was there before.
func precedes(other, m *v1alpha1.Migration) bool {
	if other.Over() || !federation.Overlap(other, m) || m.InForce() {
		return false
	}
	if other.InForce() || !other.CreationTimestamp.Equal(&m.CreationTimestamp) {
		return other.InForce() || other.CreationTimestamp.Before(&m.CreationTimestamp)
	}
	return other.Name < m.Name
}
