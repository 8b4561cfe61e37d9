// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// MigrationOptions are the flags of what is done with a migration that is there.
type MigrationOptions struct {
	Streams
	Federation *FederationOptions
	// Name of the Migration; empty is all, for status.
	Name string
	// Wait watches it until somebody is needed, or it is over.
	Wait bool
	// Timeout is how long to watch; 0 is for ever.
	Timeout time.Duration
	// Yes does not ask.
	Yes bool
}

// NewMigrationOptions returns the defaults.
func NewMigrationOptions(streams Streams, federation *FederationOptions) *MigrationOptions {
	return &MigrationOptions{Streams: streams, Federation: federation}
}

// AddFlags adds the flags.
func (o *MigrationOptions) AddFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.Wait, "wait", o.Wait, "Watch until somebody is needed, or it is over.")
	fs.DurationVar(&o.Timeout, "timeout", o.Timeout, "With --wait, how long to watch; 0 is for ever.")
}

// act changes what a migration is to do, after a look at how far it is.
func (o *MigrationOptions) act(ctx context.Context, did string, change func(*v1alpha1.Migration) (spec map[string]any, err error)) error {
	f, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	m, err := f.drover.FederationV1alpha1().Migrations().Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return f.explain("get migration "+o.Name, err)
	}
	spec, err := change(m)
	if err != nil {
		return fmt.Errorf("migration %s: %w", o.Name, err)
	}
	// With the version that was looked at: what was decided by it does not hold for another.
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": m.UID, "resourceVersion": m.ResourceVersion}, "spec": spec})
	if err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, callTimeout, true, func(ctx context.Context) (bool, error) {
		_, err := f.drover.FederationV1alpha1().Migrations().Patch(ctx, o.Name, types.MergePatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
		return err == nil, err
	})
	if err != nil {
		return f.explain("change migration "+o.Name+", which has changed meanwhile if there was a conflict: try again", err)
	}
	fmt.Fprintf(o.Out, "migration %s %s\n", o.Name, did)
	if !o.Wait {
		return nil
	}
	return watchMigration(ctx, o.Streams, f, o.Name, o.Timeout)
}

// Pause goes no further.
func (o *MigrationOptions) Pause(ctx context.Context) error {
	return o.act(ctx, "pauses", func(m *v1alpha1.Migration) (map[string]any, error) {
		return map[string]any{"paused": true}, going(m)
	})
}

// Resume goes on after a pause, a failure, or a rollback.
func (o *MigrationOptions) Resume(ctx context.Context) error {
	return o.act(ctx, "goes on", func(m *v1alpha1.Migration) (map[string]any, error) {
		spec := map[string]any{"paused": false}
		switch m.Status.Phase {
		case v1alpha1.MigrationFailed:
			spec["attempt"] = m.Status.Attempt + 1
		case v1alpha1.MigrationRollingBack, v1alpha1.MigrationRolledBack:
			spec["attempt"], spec["goal"], spec["approvedSteps"] = m.Status.Attempt+1, v1alpha1.GoalMove, 0
		default:
			return spec, going(m)
		}
		return spec, nil
	})
}

// Approve lets the next step begin.
func (o *MigrationOptions) Approve(ctx context.Context) error {
	return o.act(ctx, "has its next step approved", func(m *v1alpha1.Migration) (map[string]any, error) {
		if m.Status.Phase != v1alpha1.MigrationWaiting {
			return nil, fmt.Errorf("it is %s, and waits for no approval", m.Status.Phase)
		}
		return map[string]any{"approvedSteps": m.Status.Step + 1}, nil
	})
}

// Rollback brings all back.
func (o *MigrationOptions) Rollback(ctx context.Context) error {
	return o.act(ctx, "is rolled back", func(m *v1alpha1.Migration) (map[string]any, error) {
		return map[string]any{"goal": v1alpha1.GoalRollback}, going(m)
	})
}

// Finish makes permanent what has moved.
func (o *MigrationOptions) Finish(ctx context.Context) error {
	return o.act(ctx, "is finished", func(m *v1alpha1.Migration) (map[string]any, error) {
		if m.Status.Phase != v1alpha1.MigrationMoved {
			return nil, fmt.Errorf("it is %s in step %d of %d: it can be finished when all steps are done", m.Status.Phase, m.Status.Step, len(m.Spec.Steps))
		}
		if !o.Yes {
			fmt.Fprintf(o.Out, "%s loses its weight in the policies to %s, and the objects of %d workloads. This cannot be rolled back.\n", m.Spec.From, m.Spec.To, m.Status.Workloads)
			if err := o.confirm(ctx, "Finish "+o.Name+"?"); err != nil {
				return nil, err
			}
		}
		return map[string]any{"goal": v1alpha1.GoalFinish}, nil
	})
}

// going refuses what is over.
func going(m *v1alpha1.Migration) error {
	switch m.Status.Phase {
	case v1alpha1.MigrationFinished, v1alpha1.MigrationFinishing:
		return errors.New("it is finished, and cannot be changed; a migration the other way brings things back")
	case v1alpha1.MigrationRolledBack:
		return errors.New("it is rolled back; kubectl drover migrate resume begins again")
	}
	return nil
}

// Status shows how far migrations are.
func (o *MigrationOptions) Status(ctx context.Context) error {
	f, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	if o.Name == "" {
		return o.list(ctx, f)
	}
	m, err := f.drover.FederationV1alpha1().Migrations().Get(ctx, o.Name, metav1.GetOptions{})
	if err != nil {
		return f.explain("get migration "+o.Name, err)
	}
	fmt.Fprint(o.Out, describeMigration(m))
	if !o.Wait {
		return nil
	}
	return watchMigration(ctx, o.Streams, f, o.Name, o.Timeout)
}

func (o *MigrationOptions) list(ctx context.Context, f *federation) error {
	list, err := f.drover.FederationV1alpha1().Migrations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return f.explain("list migrations", err)
	}
	if len(list.Items) == 0 {
		fmt.Fprintln(o.Out, "There are no migrations. Begin one: kubectl drover migrate --from a --to b")
		return nil
	}
	table := tabwriter.NewWriter(o.Out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "NAME\tFROM\tTO\tPHASE\tSTEP\tREPLICAS\tTRAFFIC\tWORKLOADS")
	for _, m := range list.Items {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d/%d\t%d%%\t%d%%\t%d/%d\n", m.Name, m.Spec.From, m.Spec.To, m.Status.Phase, m.Status.Step, len(m.Spec.Steps),
			m.Status.Weight, m.Status.Traffic, m.Status.ReadyWorkloads, m.Status.Workloads)
	}
	return table.Flush()
}

// describeMigration says how far one is, for people.
func describeMigration(m *v1alpha1.Migration) string {
	s := &m.Status
	lines := []string{
		fmt.Sprintf("%s, from %s to %s: %s", m.Name, m.Spec.From, m.Spec.To, s.Phase),
		fmt.Sprintf("  step %d of %d; %d%% of replicas, %d%% of clients; %d of %d workloads are there", s.Step, len(m.Spec.Steps), s.Weight, s.Traffic, s.ReadyWorkloads, s.Workloads),
	}
	for _, condition := range []string{v1alpha1.ConditionAccepted, v1alpha1.ConditionGatesHold, v1alpha1.ConditionProgressing} {
		c := meta.FindStatusCondition(s.Conditions, condition)
		if c != nil && (condition == v1alpha1.ConditionProgressing || c.Status != metav1.ConditionTrue) {
			lines = append(lines, "  "+c.Message)
		}
	}
	if len(s.Conditions) == 0 {
		lines = append(lines, "  nobody has looked at it yet; do drover controllers, or drover start, run?")
	}
	return strings.Join(lines, "\n") + "\n"
}

// watchMigration prints how far a migration is, until somebody is needed or it is over. That it failed is an error.
func watchMigration(ctx context.Context, streams Streams, f *federation, name string, timeout time.Duration) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	said := &changes{progress: &progress{out: streams.Out, now: time.Now}}
	var m *v1alpha1.Migration
	var failed error
	err := wait.PollUntilContextCancel(ctx, 500*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		var err error
		if m, err = f.drover.FederationV1alpha1().Migrations().Get(ctx, name, metav1.GetOptions{}); err != nil {
			failed = err
			return meta.IsNoMatchError(err), nil // the control plane may be restarting
		}
		said.show(progressLine(m))
		return m.Status.ObservedGeneration == m.Generation && rests(m), nil
	})
	if err != nil {
		if m == nil && failed != nil {
			return f.explain("get migration "+name, failed)
		}
		return fmt.Errorf("stopped watching: %w\nthe migration goes on by itself; see how far it is: kubectl drover migrate status %s%s", err, name, f.flags())
	}
	switch m.Status.Phase {
	case v1alpha1.MigrationRefused, v1alpha1.MigrationFailed:
		return fmt.Errorf("migration %s", strings.TrimSuffix(describeMigration(m), "\n"))
	case v1alpha1.MigrationRolledBack:
		if m.Status.Failure != nil {
			return fmt.Errorf("migration %s", strings.TrimSuffix(describeMigration(m), "\n"))
		}
	}
	return nil
}

// rests says whether nothing happens any more without somebody.
func rests(m *v1alpha1.Migration) bool {
	switch m.Status.Phase {
	case v1alpha1.MigrationRefused, v1alpha1.MigrationWaiting, v1alpha1.MigrationPaused, v1alpha1.MigrationFailed, v1alpha1.MigrationFinished, v1alpha1.MigrationRolledBack:
		return true
	case v1alpha1.MigrationMoved:
		return m.Spec.Goal != v1alpha1.GoalFinish
	}
	return false
}

func progressLine(m *v1alpha1.Migration) string {
	line := fmt.Sprintf("%3d%% of replicas, %3d%% of clients  %s", m.Status.Weight, m.Status.Traffic, m.Status.Phase)
	if c := meta.FindStatusCondition(m.Status.Conditions, v1alpha1.ConditionProgressing); c != nil {
		line += ": " + c.Message
	}
	return line
}
