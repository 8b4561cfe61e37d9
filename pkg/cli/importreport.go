// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"drover.dev/drover/pkg/controllers/workload"
)

// importReport is what import says before it does anything.
type importReport struct {
	cluster string
	// taken is what is to be taken over, begun what is about to be, and managed how much was before.
	taken, begun []object
	managed      int
	left         []remaining
}

func (i *importing) report() importReport {
	return importReport{cluster: i.Cluster, taken: append(slices.Clone(i.missing), i.foreign...), begun: i.begun, managed: len(i.found.managed), left: i.found.left}
}

// listed is how many objects of a kind that stay for the same reason are named one by one.
const listed = 3

func (r importReport) writeTo(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	if len(r.taken) > 0 {
		fmt.Fprintf(out, "To be taken over from %s:\n", r.cluster)
		fmt.Fprintln(table, "  NAMESPACE\tOBJECTS")
		for _, namespace := range namespacesOf(r.taken) {
			fmt.Fprintf(table, "  %s\t%s\n", namespace, kindsIn(namespace, r.taken))
		}
	} else {
		fmt.Fprintf(out, "There is nothing more to take over from %s.\n", r.cluster)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(r.begun) > 0 {
		fmt.Fprintf(out, "Begun before, and not done yet: %s.\n", count(int64(len(r.begun)), "object"))
	}
	if r.managed > 0 {
		fmt.Fprintf(out, "Managed by Drover already: %s.\n", count(int64(r.managed), "object"))
	}
	if made := r.made(); made != "" {
		fmt.Fprintf(out, "Made by the cluster itself, and left to it: %s.\n", made)
	}
	if needed := needs(slices.Concat(r.taken, r.begun)); len(needed) > 0 {
		fmt.Fprintf(out, "Another cluster has to have, before they can run there: %s.\n", strings.Join(needed, ", "))
	}
	rows := r.rows()
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprintln(out, "Stays as it is, and is not Drover's:")
	fmt.Fprintln(table, "  NAMESPACE\tOBJECT\tWHY")
	for _, row := range rows {
		fmt.Fprintln(table, "  "+row)
	}
	return table.Flush()
}

// kindsIn counts the objects of a namespace by kind, workloads first: "2 Deployments, 1 Service".
func kindsIn(namespace string, objects []object) string {
	var workloads, others []string
	for _, o := range objects {
		kind := workload.KindOfResource(o.resource)
		switch {
		case o.GetNamespace() != namespace:
		case kind != nil && kind.Placed():
			workloads = append(workloads, o.GetKind())
		default:
			others = append(others, o.GetKind())
		}
	}
	slices.Sort(others)
	return countKinds(append(workloads, others...))
}

// made counts what stays because something in the cluster makes it.
func (r importReport) made() string {
	var kinds []string
	for _, l := range r.left {
		if l.generated {
			kinds = append(kinds, l.kind)
		}
	}
	slices.Sort(kinds)
	return countKinds(kinds)
}

// countKinds counts kinds in the order in which they first appear.
func countKinds(kinds []string) string {
	counts := map[string]int64{}
	var order, parts []string
	for _, kind := range kinds {
		if counts[kind]++; counts[kind] == 1 {
			order = append(order, kind)
		}
	}
	for _, kind := range order {
		parts = append(parts, count(counts[kind], kind))
	}
	return strings.Join(parts, ", ")
}

// rows name what else stays, and why. Many of one kind, for one reason, are one row.
func (r importReport) rows() (rows []string) {
	type group struct{ namespace, kind, why string }
	names := map[group][]string{}
	for _, l := range r.left {
		if !l.generated {
			g := group{l.namespace, l.kind, l.text}
			names[g] = append(names[g], l.name)
		}
	}
	groups := make([]group, 0, len(names))
	for g := range names {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.kind, b.kind), cmp.Compare(a.why, b.why))
	})
	for _, g := range groups {
		if len(names[g]) > listed {
			rows = append(rows, fmt.Sprintf("%s\t%s\t%s", g.namespace, count(int64(len(names[g])), g.kind), g.why))
			continue
		}
		for _, name := range slices.Sorted(slices.Values(names[g])) {
			rows = append(rows, fmt.Sprintf("%s\t%s/%s\t%s", g.namespace, strings.ToLower(g.kind), name, g.why))
		}
	}
	return rows
}

func namespacesOf(objects []object) (names []string) {
	for _, o := range objects {
		names = append(names, o.GetNamespace())
	}
	slices.Sort(names)
	return slices.Compact(names)
}
