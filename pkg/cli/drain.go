// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
)

// DrainOptions are the flags of drain.
type DrainOptions struct {
	Streams
	Federation *FederationOptions
	// Name of the Cluster.
	Name string
	// Yes does not ask.
	Yes bool
	// DryRun shows the plan, and changes nothing.
	DryRun bool
	// Parallel is how many namespaces are moved off at once; 0 is all of them.
	Parallel int32
	// EndJobs ends the Jobs that have begun, instead of waiting for them.
	EndJobs bool
	// Timeout is how long to wait until everything has left; 0 is for ever.
	Timeout time.Duration
	// Output is json, an event a line; empty is text.
	Output string

	poll time.Duration
	// asked says whether a flag was given.
	asked func(flag string) bool
}

// parallelNamespaces are few enough that what is made elsewhere can be watched, and room for it found, and enough that one
// that takes long does not hold up all.
const parallelNamespaces = 4

// NewDrainOptions returns the defaults.
func NewDrainOptions(streams Streams, federation *FederationOptions) *DrainOptions {
	return &DrainOptions{
		Streams: streams, Federation: federation, Parallel: parallelNamespaces, poll: time.Second,
		asked: func(string) bool { return false },
	}
}

// AddFlags adds the flags of drain.
func (o *DrainOptions) AddFlags(fs *pflag.FlagSet) {
	fs.BoolVarP(&o.Yes, "yes", "y", o.Yes, "Do not ask.")
	fs.BoolVar(&o.DryRun, "dry-run", o.DryRun, "Show what would move where, and change nothing.")
	fs.Int32Var(&o.Parallel, "parallel", o.Parallel, "How many namespaces are moved off at once; 0 is all of them.")
	fs.BoolVar(&o.EndJobs, "end-jobs", o.EndJobs, "End the Jobs that run there at once. If not, they run to their end first.")
	fs.DurationVar(&o.Timeout, "timeout", o.Timeout, "How long to wait until everything has left; 0 is for ever. The drain goes on after that.")
	fs.StringVarP(&o.Output, "output", "o", o.Output, "json, an event a line; text if not given. Needs --yes.")
	o.asked = fs.Changed
}

// Run moves everything off a cluster, and waits until it has.
func (o *DrainOptions) Run(ctx context.Context) error {
	switch {
	case o.Output != "" && o.Output != "json":
		return fmt.Errorf("-o %s is not known; it is json, or left out for text", o.Output)
	case o.Output == "json" && !o.Yes:
		return errors.New("-o json is for programs, which are not asked: add --yes")
	case o.Parallel < 0:
		return errors.New("--parallel must be 1 or more, or 0 for all namespaces at once")
	case o.Timeout < 0:
		return errors.New("--timeout must not be negative")
	}
	federation, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	return (&drain{DrainOptions: o, federation: federation, now: time.Now}).run(ctx)
}

// drain is a drain under way. It lives in the federation, as a taint of the Cluster: who waits for it may come and go.
type drain struct {
	*DrainOptions
	federation *federation
	now        func() time.Time
}

func (d *drain) run(ctx context.Context) error {
	if err := d.federation.check(ctx); err != nil {
		return err
	}
	cluster, err := d.federation.cluster(ctx, d.Name)
	if err != nil {
		return err
	}
	if cluster == nil {
		return d.federation.notJoined(ctx, d.Name)
	}
	begun := slices.ContainsFunc(cluster.Spec.Taints, decision.IsDrain)
	if !begun || d.DryRun {
		plan, err := d.federation.drainPlan(ctx, d.Name, d.EndJobs)
		if err != nil {
			return err
		}
		d.say("%s", plan.text(d.Name, d.Parallel))
		if d.DryRun {
			return nil
		}
		if !d.Yes {
			if err := d.confirm(ctx, "Drain "+d.Name+"?"); err != nil {
				return err
			}
		}
	} else {
		d.say("%s is being drained already; waiting for what is left\n", d.Name)
	}
	if _, err := d.federation.changeCluster(ctx, d.Name, d.begin); err != nil {
		return err
	}
	return d.wait(ctx)
}

// begin has a cluster drained. One that is drained already goes on as it was begun, unless a flag says otherwise.
func (d *drain) begin(spec *v1alpha1.ClusterSpec) (changed bool) {
	begun := slices.ContainsFunc(spec.Taints, decision.IsDrain)
	if !begun {
		spec.Taints = append(spec.Taints, v1alpha1.Taint{Key: v1alpha1.TaintDrain, Effect: v1alpha1.TaintNoExecute})
	}
	next := v1alpha1.ClusterDrain{}
	if begun && spec.Drain != nil {
		next = *spec.Drain
	}
	if !begun || d.asked("parallel") {
		next.ParallelNamespaces = d.Parallel
	}
	if !begun || d.asked("end-jobs") {
		next.EndJobs = d.EndJobs
	}
	if ptr.Deref(spec.Drain, v1alpha1.ClusterDrain{}) != next {
		spec.Drain, changed = &next, true
	}
	return changed || !begun
}

// say prints for a person.
func (d *drain) say(format string, args ...any) {
	if d.Output == "" {
		fmt.Fprintf(d.Out, format, args...)
	}
}

// wait waits until everything has left, tells what leaves, and returns an error that says what is left.
func (d *drain) wait(ctx context.Context) error {
	start := d.now()
	waiting := ctx
	if d.Timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, d.Timeout)
		defer cancel()
	}
	report := &drainReport{drain: d}
	for {
		left, err := d.federation.leftOn(waiting, d.Name)
		switch {
		case waiting.Err() != nil:
		case err != nil:
			report.trouble(err) // the control plane may be restarting
		default:
			report.show(left)
			if stuck := left.stuck(); left.none() || stuck {
				return report.end(left, d.now().Sub(start))
			}
		}
		select {
		case <-waiting.Done():
			return report.interrupted(ctx, d.Timeout)
		case <-time.After(d.poll):
		}
	}
}
