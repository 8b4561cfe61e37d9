// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
)

// drainPlan is where the workloads of a cluster go when it is drained.
type drainPlan []drainedWorkload

// drainedWorkload is one of them.
type drainedWorkload struct {
	namespace, name string // deployment/web
	here            string // replicas, or all
	to              string // "eu +2, west +2"
	stays           string // why it cannot go; empty if it can
	notes           []string
}

// drainPlan decides as the controllers do, with the cluster as it will be.
func (f *federation) drainPlan(ctx context.Context, cluster string, endJobs bool) (drainPlan, error) {
	s, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	for i, c := range s.clusters {
		if c.Name == cluster {
			s.clusters[i] = c.DeepCopy()
			s.clusters[i].Spec.Drain = &v1alpha1.ClusterDrain{EndJobs: endJobs} // all of it, however many namespaces go at once
			s.clusters[i].Spec.Taints = append(s.clusters[i].Spec.Taints, v1alpha1.Taint{Key: v1alpha1.TaintDrain, Effect: v1alpha1.TaintNoExecute})
		}
	}
	var plan drainPlan
	for key, obj := range s.workloads {
		p := s.placements[key.Namespace+"/"+key.PlacementName()]
		if p == nil || !workload.RunsOn(p, cluster) {
			continue
		}
		next, _, err := decision.Place(s, key.Kind, obj, time.Now())
		if err != nil {
			return nil, fmt.Errorf("plan %s: %w", key, err)
		}
		w := planned(key, cluster, &p.Spec, &next)
		if w.stays == "" {
			budgets, _ := s.Budgets(key, obj) // of what was read
			w.notes = drainNotes(cluster, &p.Spec, &next, s.policyOf(p.Namespace, next.Policy), budgets)
		}
		plan = append(plan, w)
	}
	slices.SortFunc(plan, func(a, b drainedWorkload) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	return plan, nil
}

// planned is what becomes of a workload.
func planned(key workload.Key, cluster string, now, then *v1alpha1.PlacementSpec) drainedWorkload {
	w := drainedWorkload{namespace: key.Namespace, name: key.InNamespace()}
	var to []string
	for _, c := range decision.Changes(now, then) {
		has, gets := ownkinds.FormatChange(&c)
		switch {
		case c.Cluster == cluster:
			if w.here = has; c.Then > 0 || c.ThenWhole {
				w.stays = cmp.Or(then.ProblemMessage, c.Reason)
			}
		case c.ThenWhole && !c.NowWhole, !c.ThenWhole && c.Then > c.Now:
			more := gets
			if !c.ThenWhole {
				more = fmt.Sprintf("+%d", c.Then-c.Now)
			}
			to = append(to, c.Cluster+" "+more)
		}
	}
	w.to = strings.Join(to, ", ")
	if w.stays == "" && then.Unplaced > now.Unplaced {
		w.to = strings.TrimPrefix(w.to+fmt.Sprintf(", and %d find no cluster", then.Unplaced), ", ")
	}
	return w
}

// text says it to the one who decides. So many namespaces move at once; 0 is all.
func (p drainPlan) text(cluster string, parallel int32) string {
	var out strings.Builder
	var stays []drainedWorkload
	namespaces := map[string]bool{}
	table := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	if len(p) == 0 {
		fmt.Fprintf(&out, "Nothing that policies place is on %s.\n", cluster)
	} else {
		fmt.Fprintf(&out, "%s runs %s:\n", cluster, count(int64(len(p)), "workload"))
		fmt.Fprintln(table, "NAMESPACE\tWORKLOAD\tHERE\tGOES TO")
	}
	for _, w := range p {
		namespaces[w.namespace] = true
		to := cmp.Or(w.to, "runs on the others already")
		if w.stays != "" {
			to = "stays"
			stays = append(stays, w)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", w.namespace, w.name, w.here, to)
	}
	_ = table.Flush() // to memory
	for _, w := range stays {
		fmt.Fprintf(&out, "%s in %s stays: %s\n", w.name, w.namespace, w.stays)
	}
	for _, w := range p {
		for _, note := range w.notes {
			fmt.Fprintf(&out, "%s in %s: %s\n", w.name, w.namespace, note)
		}
	}
	if parallel > 0 && len(namespaces) > int(parallel) {
		fmt.Fprintf(&out, "Of %d namespaces, %s moved at once, the next when one is done.\n", len(namespaces), areOrIs(parallel))
	}
	fmt.Fprintf(&out, "Replicas are made elsewhere first, and clients led there. Nothing new comes to %s until: kubectl drover uncordon %s\n", cluster, cluster)
	return out.String()
}

func areOrIs(n int32) string {
	if n == 1 {
		return "1 is"
	}
	return fmt.Sprintf("%d are", n)
}
