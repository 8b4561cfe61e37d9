// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// leavePlan is what happens when a cluster leaves.
type leavePlan struct {
	cluster *v1alpha1.Cluster
	running running
	// others are the clusters that stay.
	others []string
	force  bool
}

// running is what is placed on one cluster.
type running struct {
	kinds    map[string]tally // of workloads
	replicas int64
}

type tally struct {
	workloads, replicas int64
	divided             bool // what is not has no replicas to count
}

func runningIn(cluster string, placements []v1alpha1.Placement) running {
	r := running{kinds: map[string]tally{}}
	for _, placement := range placements {
		for _, assignment := range placement.Spec.Clusters {
			if assignment.Name == cluster && (assignment.Replicas == nil || *assignment.Replicas > 0) {
				replicas, of := int64(ptr.Deref(assignment.Replicas, 0)), r.kinds[placement.Spec.Workload.Kind]
				r.kinds[placement.Spec.Workload.Kind] = tally{of.workloads + 1, of.replicas + replicas, of.divided || assignment.Replicas != nil}
				r.replicas += replicas
			}
		}
	}
	return r
}

// text counts, e.g. "2 Deployments (7 replicas), 1 Service".
func (r running) text() string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(r.kinds)) {
		of := r.kinds[kind]
		part := count(of.workloads, kind)
		if of.divided {
			part += " (" + count(of.replicas, "replica") + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func count(n int64, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "y"):
		return fmt.Sprintf("%d %sies", n, strings.TrimSuffix(noun, "y"))
	case strings.HasSuffix(noun, "s"):
		return fmt.Sprintf("%d %ses", n, noun)
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}

// text says it to the one who decides.
func (p leavePlan) text() string {
	lines := []string{fmt.Sprintf("%s (%s) will leave the federation:", p.cluster.Name, p.cluster.Spec.Server)}
	if p.force {
		lines = append(lines, "  - The cluster itself is not touched: it is taken to be gone. If it is not, Drover's marks and its access stay in it.")
	}
	lines = append(lines, p.workloads()...)
	if !p.force {
		lines = append(lines, "  - Drover's access to it is removed: namespace "+v1alpha1.SystemNamespace+", ClusterRole and ClusterRoleBinding drover there, the credentials here.")
	}
	return strings.Join(lines, "\n")
}

func (p leavePlan) workloads() []string {
	if len(p.running.kinds) == 0 {
		return []string{"  - Nothing of the federation is placed on it."}
	}
	lines := []string{fmt.Sprintf("  - Placed on it: %s.", p.running.text())}
	if !p.force {
		lines = append(lines, "  - They keep running there, but Drover no longer manages them: no updates, no scaling, no deletion.")
	}
	replicas := count(p.running.replicas, "replica")
	switch {
	case p.running.replicas == 0:
		return lines
	case len(p.others) == 0:
		return append(lines, fmt.Sprintf("  - No other cluster is joined: the federation has no place for the %s until one is.", replicas))
	default:
		return append(lines, fmt.Sprintf("  - The federation places the %s on other clusters as well, where policies and room allow: %s.", replicas, strings.Join(p.others, ", ")))
	}
}
