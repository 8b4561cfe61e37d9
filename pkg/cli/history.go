// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/native"
)

// HistoryOptions are the flags of history.
type HistoryOptions struct {
	Streams
	Federation *FederationOptions
	// Workload is KIND/NAME, or the name of a Deployment; Namespace is where it is.
	Workload, Namespace string
	// Output is json or yaml; empty is a table.
	Output string
}

// NewHistoryOptions returns the defaults.
func NewHistoryOptions(streams Streams, federation *FederationOptions) *HistoryOptions {
	return &HistoryOptions{Streams: streams, Federation: federation, Namespace: metav1.NamespaceDefault}
}

// AddFlags adds the flags of history.
func (o *HistoryOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVarP(&o.Namespace, "namespace", "n", o.Namespace, "Namespace of the workload.")
	fs.StringVarP(&o.Output, "output", "o", o.Output, "json or yaml; a table if not given.")
}

// Run prints where a workload was decided to run, and who or what changed that.
func (o *HistoryOptions) Run(ctx context.Context) error {
	if o.Output != "" && o.Output != "json" && o.Output != "yaml" {
		return fmt.Errorf("-o %s is not known; it is json or yaml, or left out for a table", o.Output)
	}
	federation, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	return o.run(ctx, federation, time.Now())
}

func (o *HistoryOptions) run(ctx context.Context, federation *federation, now time.Time) error {
	placement, err := federation.placementOf(ctx, o.Namespace, o.Workload)
	if err != nil {
		return err
	}
	if o.Output != "" {
		return o.printAs(o.Output, placement.Spec.History)
	}
	return historyTable(o.Out, placement.Spec.History, now)
}

// placementOf is the Placement of a workload that is named as kubectl names it.
func (f *federation) placementOf(ctx context.Context, namespace, workload string) (*v1alpha1.Placement, error) {
	kind, name, err := placedWorkload(workload)
	if err != nil {
		return nil, err
	}
	if err := f.check(ctx); err != nil {
		return nil, err
	}
	placement, err := f.drover.FederationV1alpha1().Placements(namespace).Get(ctx, v1alpha1.PlacementName(kind, name), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("nothing was decided of a %s called %s in namespace %s: it is not there, or no controllers run\nsee what there is: %s get placements -n %s", kind, name, namespace, f.kubectl(), namespace)
	}
	return placement, f.explain("get the Placement of "+workload, err)
}

// placedWorkload reads KIND/NAME, or the name of a Deployment.
func placedWorkload(arg string) (kind, name string, err error) {
	word, name, qualified := strings.Cut(arg, "/")
	if !qualified {
		word, name = "deployment", arg
	}
	word, _, _ = strings.Cut(strings.ToLower(word), ".") // deployment.apps
	var known []string
	for _, k := range native.Kinds() {
		if !slices.Contains(v1alpha1.PlacedKinds, k.GroupVersionKind) {
			continue
		}
		if name != "" && (word == k.Singular || word == k.Resource || slices.Contains(k.ShortNames, word)) {
			return k.Kind, name, nil
		}
		known = append(known, k.Singular)
	}
	return "", "", fmt.Errorf("%q is not KIND/NAME of a workload that policies place, e.g. deployment/web\nthose are: %s", arg, strings.Join(known, ", "))
}

func historyTable(out io.Writer, history []v1alpha1.PlacementDecision, now time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "REVISION\tAGE\tBY\tWHY\tCLUSTERS")
	for i, d := range history {
		by := d.By
		if by == "" {
			by = "-"
		}
		var before []v1alpha1.ClusterReplicas
		if i > 0 {
			before = history[i-1].Clusters
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", d.Revision, duration.HumanDuration(now.Sub(d.Time.Time)), by, d.Reason, fromTo(before, d.Clusters))
	}
	return table.Flush()
}

// fromTo says what a decision changed, "east 5 → 0, eu 15"; clusters that it did not change are there with their number.
func fromTo(from, to []v1alpha1.ClusterReplicas) string {
	was, is := replicasOf(from), replicasOf(to)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(merged(was, is))) {
		before, after := was[name], is[name]
		switch {
		case len(from) == 0 || before == after:
			out = append(out, name+" "+after)
		default:
			out = append(out, fmt.Sprintf("%s %s → %s", name, orZero(before), orZero(after)))
		}
	}
	return orNone(out)
}

func replicasOf(clusters []v1alpha1.ClusterReplicas) map[string]string {
	out := map[string]string{}
	for _, c := range clusters {
		if c.Replicas == nil {
			out[c.Name] = "all"
		} else {
			out[c.Name] = fmt.Sprint(ptr.Deref(c.Replicas, 0))
		}
	}
	return out
}

func merged(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func orZero(replicas string) string {
	if replicas == "" {
		return "0"
	}
	return replicas
}
