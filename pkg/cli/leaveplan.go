// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// leavePlan is what happens when a cluster leaves.
type leavePlan struct {
	cluster *v1alpha1.Cluster
	running running
	// others are the clusters that stay.
	others []string
	force  bool
	mode   LeaveMode
	// departures are the workloads that are placed anew.
	departures []departure
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

// runningIn counts what is placed on a cluster.
func runningIn(cluster string, placements []v1alpha1.Placement) running {
	return countIn(cluster, slices.DeleteFunc(slices.Clone(placements), func(p v1alpha1.Placement) bool {
		return !slices.ContainsFunc(p.Spec.Clusters, func(a v1alpha1.ClusterAssignment) bool {
			return a.Name == cluster && (a.Replicas == nil || *a.Replicas > 0)
		})
	}))
}

// countIn counts workloads, and their replicas in a cluster.
func countIn(cluster string, placements []v1alpha1.Placement) running {
	r := running{kinds: map[string]tally{}}
	for i := range placements {
		kind := placements[i].Spec.Workload.Kind
		of := r.kinds[kind]
		of.workloads++
		for _, a := range placements[i].Spec.Clusters {
			if a.Name == cluster && a.Replicas != nil {
				of.replicas, of.divided = of.replicas+int64(*a.Replicas), true
				r.replicas += int64(*a.Replicas)
			}
		}
		r.kinds[kind] = of
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
	lines = append(lines, p.owed()...)
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
	switch {
	case p.force:
	case p.mode == LeaveMove:
		lines = append(lines, "  - They move to other clusters first: new replicas before old ones go, as their policies say. Then they are deleted there.")
	case p.mode == LeaveDelete:
		lines = append(lines, "  - They are deleted there at once: until their replicas are ready elsewhere, there are fewer.")
	default:
		lines = append(lines, "  - They keep running there, but Drover no longer manages them: no updates, no scaling, no deletion.")
	}
	replicas := count(p.running.replicas, "replica")
	switch {
	case p.running.replicas == 0:
		return lines
	case len(p.others) == 0:
		return append(lines, fmt.Sprintf("  - No other cluster is joined: the federation has no place for the %s until one is.", replicas))
	default:
		lines = append(lines, fmt.Sprintf("  - The federation places the %s on other clusters%s, where policies and room allow: %s.", replicas, p.asWell(), strings.Join(p.others, ", ")))
		return append(lines, p.anew()...)
	}
}

func (p leavePlan) asWell() string {
	if p.mode == LeaveKeep && !p.force {
		return " as well"
	}
	return ""
}

// anew are the workloads that are placed anew, with what the other clusters have of them now and then.
func (p leavePlan) anew() (lines []string) {
	for i, d := range p.departures {
		if i == mostShown {
			return append(lines, fmt.Sprintf("    and %d more", len(p.departures)-i))
		}
		lines = append(lines, "    "+d.text())
	}
	return lines
}

// owed says what becomes of deletions that the cluster is owed.
func (p leavePlan) owed() []string {
	n := count(int64(len(p.cluster.Status.Owed)), "deletion")
	switch {
	case len(p.cluster.Status.Owed) == 0:
		return nil
	case p.force:
		return []string{fmt.Sprintf("  - It is owed %s from when it could not be reached. They are never done.", n)}
	}
	return []string{fmt.Sprintf("  - It is owed %s from when it could not be reached. They are done first.", n)}
}
