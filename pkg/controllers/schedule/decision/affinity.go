// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Neighbour is another workload that one follows, or keeps apart from.
type Neighbour struct {
	v1alpha1.WorkloadAffinity
	// Clusters are the names of those it is placed on. Empty while it is not.
	Clusters []string
}

// wholeShare is the share of a cluster that nothing is preferred of, in per cent.
const wholeShare = 100

// prefer is a cluster's weight, in parts of a hundred, with all preferences, or why it is given nothing. One that has none
// is drained, whatever is preferred.
func prefer(in Inputs, cluster *v1alpha1.Cluster, weight int64) (preferred int64, exclusion *v1alpha1.ClusterExclusion) {
	share := int64(wholeShare)
	code := v1alpha1.ExcludedAffinity
	if in.Policy != nil && in.Policy.Spec.ClusterAffinity != nil {
		for i := range in.Policy.Spec.ClusterAffinity.Preferred {
			p := &in.Policy.Spec.ClusterAffinity.Preferred[i]
			if selector, err := metav1.LabelSelectorAsSelector(&p.Selector); err == nil && selector.Matches(labels.Set(cluster.Labels)) {
				share += int64(p.Weight)
			}
		}
	}
	for _, n := range in.Neighbours {
		percent := int64(ptr.Deref(n.Weight, wholeShare))
		near := n.near(cluster, in.Clusters)
		what := n.Workload.Kind + " " + n.Workload.Name
		switch {
		case !n.Required && near:
			share += percent
			if percent < 0 {
				code = v1alpha1.ExcludedWorkloadAffinity
			}
		case !n.Required:
		case percent > 0 && len(n.Clusters) == 0:
			return 0, exclude(cluster, v1alpha1.ExcludedWorkloadAffinity, "waits for %s, which is not placed", what)
		case percent > 0 && !near:
			return 0, exclude(cluster, v1alpha1.ExcludedWorkloadAffinity, "%s is not in the same %s", what, n.Topology)
		case percent < 0 && near:
			return 0, exclude(cluster, v1alpha1.ExcludedWorkloadAffinity, "keeps apart from %s in the same %s", what, n.Topology)
		}
	}
	if share <= 0 && weight > 0 {
		return 0, exclude(cluster, code, "preferences leave nothing of its weight")
	}
	return weight * max(0, share), nil
}

// near says whether the neighbour is placed in a cluster's domain.
func (n Neighbour) near(cluster *v1alpha1.Cluster, all []*v1alpha1.Cluster) bool {
	domain := domainOf(cluster, string(n.Topology))
	return domain != "" && slices.ContainsFunc(all, func(c *v1alpha1.Cluster) bool {
		return slices.Contains(n.Clusters, c.Name) && domainOf(c, string(n.Topology)) == domain
	})
}

// domainOf is the part of the world a cluster is in: its name, zone, region or continent, or the value of a label.
// Empty where that is not known.
func domainOf(cluster *v1alpha1.Cluster, topology string) string {
	switch v1alpha1.Topology(topology) {
	case v1alpha1.TopologyCluster:
		return cluster.Name
	case v1alpha1.TopologyZone:
		return cluster.Status.Location.Zone
	case v1alpha1.TopologyRegion:
		return cluster.Status.Location.Region
	case v1alpha1.TopologyContinent:
		return cluster.Status.Location.Continent
	}
	return cluster.Labels[topology]
}

// domainsOf are the domains of a cluster that a policy's spread asks for.
func domainsOf(policy *v1alpha1.PlacementPolicy, cluster *v1alpha1.Cluster) map[string]string {
	if policy == nil || len(policy.Spec.Spread) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, s := range policy.Spec.Spread {
		out[s.Topology] = domainOf(cluster, s.Topology)
	}
	return out
}

// Cycle finds a circle of workloads that one is in by following others: their names, beginning with the first in order,
// which is the one that follows nobody, so that the others can be placed. Of several circles it finds one that the workload
// is the first of, if there is such a one. Nil if it is in none.
func Cycle(name string, follows func(name string) []string) []string {
	if path := circle(name, follows, func(other string) bool { return other > name }); path != nil {
		return path
	}
	path := circle(name, follows, func(string) bool { return true })
	if path == nil {
		return nil
	}
	first := slices.Index(path, slices.Min(path))
	return append(slices.Clone(path[first:]), path[:first]...)
}

// circle finds a way from a workload back to itself over others that are allowed; nil if there is none.
func circle(name string, follows func(name string) []string, allowed func(string) bool) (path []string) {
	seen := map[string]bool{}
	var visit func(string) bool
	visit = func(at string) bool {
		path = append(path, at)
		for _, next := range follows(at) {
			if next == name {
				return true
			}
			if allowed(next) && !seen[next] {
				seen[next] = true
				if visit(next) {
					return true
				}
			}
		}
		path = path[:len(path)-1]
		return false
	}
	if visit(name) {
		return path
	}
	return nil
}
