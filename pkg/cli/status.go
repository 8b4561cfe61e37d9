// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StatusOptions are the flags of status.
type StatusOptions struct {
	Streams
	Federation *FederationOptions
	// Watch shows it again whenever it changes.
	Watch bool
	// Output is json; empty is text.
	Output string

	poll time.Duration
}

// NewStatusOptions returns the defaults.
func NewStatusOptions(streams Streams, federation *FederationOptions) *StatusOptions {
	return &StatusOptions{Streams: streams, Federation: federation, poll: time.Second}
}

// AddFlags adds the flags of status.
func (o *StatusOptions) AddFlags(fs *pflag.FlagSet) {
	fs.BoolVarP(&o.Watch, "watch", "w", o.Watch, "Show it again whenever it changes, until interrupted.")
	fs.StringVarP(&o.Output, "output", "o", o.Output, "json, an object each time; text if not given.")
}

// Run shows the federation at a glance.
func (o *StatusOptions) Run(ctx context.Context) error {
	if o.Output != "" && o.Output != "json" {
		return fmt.Errorf("-o %s is not known; it is json, or left out for text", o.Output)
	}
	federation, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	return o.run(ctx, federation)
}

func (o *StatusOptions) run(ctx context.Context, federation *federation) error {
	if err := federation.check(ctx); err != nil {
		return err
	}
	shown := ""
	for {
		f, err := federation.fleet(ctx)
		if err != nil && (!o.Watch || shown == "" || ctx.Err() != nil) {
			return ignoreInterrupt(ctx, o.Watch, err)
		}
		var text string
		switch {
		case err != nil:
			text = shown + "\n" + err.Error() + "\n"
		case o.Output == "json":
			raw, err := json.Marshal(f)
			if err != nil {
				return err
			}
			text = string(raw) + "\n"
		default:
			text = f.text()
		}
		o.show(text, &shown)
		if !o.Watch {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(o.poll):
		}
	}
}

// show prints what differs from what was shown; on a terminal in its place.
func (o *StatusOptions) show(text string, shown *string) {
	if text == *shown {
		return
	}
	switch {
	case o.Watch && o.TerminalOut && o.Output == "":
		fmt.Fprint(o.Out, clearScreen+text)
	case *shown != "" && o.Output == "":
		fmt.Fprint(o.Out, "\n"+text)
	default:
		fmt.Fprint(o.Out, text)
	}
	*shown = text
}

// clearScreen puts the cursor in the upper left corner and clears what is below (ECMA-48).
const clearScreen = "\x1b[H\x1b[J"

// ignoreInterrupt is nil for the error of somebody who has watched long enough.
func ignoreInterrupt(ctx context.Context, watching bool, err error) error {
	if watching && ctx.Err() != nil {
		return nil
	}
	return err
}

// fleet reads the federation at a glance.
func (f *federation) fleet(ctx context.Context) (fleet, error) {
	ours := f.drover.FederationV1alpha1()
	clusters, err := ours.Clusters().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fleet{}, f.explain("list clusters", err)
	}
	placements, err := ours.Placements(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fleet{}, f.explain("list placements", err)
	}
	return fleetOf(clusters.Items, placements.Items), nil
}

// text says it to a person: clusters, then what moves, then what needs somebody.
func (f *fleet) text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s, %s, %d of %s available\n", count(int64(len(f.Clusters)), "cluster"), count(int64(f.Workloads), "workload"), f.Available, count(int64(f.Replicas), "replica"))
	if len(f.Clusters) == 0 {
		out.WriteString("Join one: kubectl drover join --help\n")
		return out.String()
	}
	out.WriteString("\n")
	table := tabwriter.NewWriter(&out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "CLUSTER\tREADY\tTAKES\tREPLICAS\tLOAD\tNODES\tVERSION\tREGION")
	for i := range f.Clusters {
		c := &f.Clusters[i]
		ready, load := string(c.Ready), "-"
		if c.Reason != "" {
			ready += ": " + c.Reason
		}
		if c.LoadPercent != nil {
			load = fmt.Sprintf("%d%%", *c.LoadPercent)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d/%d\t%s\t%s\t%s\t%s\n", c.Name, ready, c.Takes, c.Available, c.Replicas, load, c.Nodes, orDash(c.Version), orDash(c.Region))
	}
	_ = table.Flush() // to memory
	writeNotes(&out, "MOVES UNDER WAY", f.Moves)
	writeNotes(&out, "NEEDS YOU", f.Attention)
	return out.String()
}

func writeNotes(out io.Writer, title string, notes []fleetNote) {
	if len(notes) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n", title)
	for _, n := range notes {
		where := ""
		if n.Where != "" {
			where = ", " + n.Where
		}
		fmt.Fprintf(out, "%s%s\n   %s: %s\n", n.Of, where, n.Reason, n.Message)
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
