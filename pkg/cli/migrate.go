// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// MigrateOptions are the flags of migrate.
type MigrateOptions struct {
	Streams
	Federation *FederationOptions
	// Name of the Migration; by default made of its ends.
	Name string
	// From and To are clusters.
	From, To string
	// Namespaces and Selector say what is moved; empty is all.
	Namespaces []string
	Selector   string
	// Steps are weights in per cent.
	Steps []int32
	// Soak is how long each has to hold.
	Soak time.Duration
	// ApproveEach has each step wait for an approval.
	ApproveEach bool
	// OnFailure is Pause or Rollback, in any case.
	OnFailure string
	// Gates is a file with a list of gates.
	Gates string
	// Finish makes it permanent when all steps are done.
	Finish bool
	// Yes does not ask, DryRun prints what would be created.
	Yes, DryRun bool
	// Wait watches it until somebody is needed, or it is over.
	Wait bool
	// Timeout is how long to watch; 0 is for ever.
	Timeout time.Duration
}

// NewMigrateOptions returns the defaults.
func NewMigrateOptions(streams Streams, federation *FederationOptions) *MigrateOptions {
	return &MigrateOptions{Streams: streams, Federation: federation, Steps: []int32{5, 25, 50, 100}, Soak: 2 * time.Minute, OnFailure: "pause"}
}

// AddFlags adds the flags of migrate.
func (o *MigrateOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVar(&o.From, "from", o.From, "Cluster that is left.")
	fs.StringVar(&o.To, "to", o.To, "Cluster that takes over.")
	fs.StringVar(&o.Name, "name", o.Name, "Name of the Migration; by default FROM-to-TO.")
	fs.StringSliceVarP(&o.Namespaces, "namespace", "n", o.Namespaces, "Namespaces whose workloads are moved; all if not given.")
	fs.StringVarP(&o.Selector, "selector", "l", o.Selector, "Labels of the workloads that are moved, e.g. app=web; all if not given.")
	fs.Int32SliceVar(&o.Steps, "steps", o.Steps, "Steps, in per cent of replicas and clients; the last is 100.")
	fs.DurationVar(&o.Soak, "soak", o.Soak, "How long everything has to hold before the next step.")
	fs.BoolVar(&o.ApproveEach, "approve-each", o.ApproveEach, "Each step waits for kubectl drover migrate approve.")
	fs.StringVar(&o.OnFailure, "on-failure", o.OnFailure, "What is done when a step fails: pause or rollback.")
	fs.StringVar(&o.Gates, "gates", o.Gates, "YAML `file` with a list of gates, as in spec.gates of a Migration; - for standard input.")
	fs.BoolVar(&o.Finish, "finish", o.Finish, "Make it permanent when all steps are done, without asking again.")
	fs.BoolVarP(&o.Yes, "yes", "y", o.Yes, "Do not ask.")
	fs.BoolVar(&o.DryRun, "dry-run", o.DryRun, "Check, and print the Migration; create nothing.")
	fs.BoolVar(&o.Wait, "wait", o.Wait, "Watch until somebody is needed, or it is over.")
	fs.DurationVar(&o.Timeout, "timeout", o.Timeout, "With --wait, how long to watch; 0 is for ever.")
}

// Run creates a migration.
func (o *MigrateOptions) Run(ctx context.Context) error {
	m, err := o.migration()
	if err != nil {
		return err
	}
	f, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	if err := f.check(ctx); err != nil {
		return err
	}
	names, err := f.clusterNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range []string{o.From, o.To} {
		if !slices.Contains(names, name) {
			return fmt.Errorf("cluster %q is not joined\njoined are: %s", name, orNone(names))
		}
	}
	migrations := f.drover.FederationV1alpha1().Migrations()
	checked, err := migrations.Create(ctx, m, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	switch {
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("there is a migration %s already\nsee how far it is: kubectl drover migrate status %s; or choose another name by --name", m.Name, m.Name)
	case err != nil:
		return f.explain("create migration "+m.Name, err)
	case o.DryRun:
		return o.print(m)
	}
	fmt.Fprintln(o.Out, planOf(checked))
	if err := o.agree(ctx); err != nil {
		return err
	}
	if _, err := migrations.Create(ctx, m, metav1.CreateOptions{}); err != nil {
		return f.explain("create migration "+m.Name, err)
	}
	fmt.Fprintf(o.Out, "migration %s is created.\n", m.Name)
	if !o.Wait {
		fmt.Fprintf(o.Out, "Try next:\n  kubectl drover migrate status %s%s\n", m.Name, f.flags())
		return nil
	}
	return watchMigration(ctx, o.Streams, f, m.Name, o.Timeout)
}

// migration is what the flags say.
func (o *MigrateOptions) migration() (*v1alpha1.Migration, error) {
	if o.From == "" || o.To == "" {
		return nil, errors.New("say which cluster is left, and which takes over: kubectl drover migrate --from a --to b")
	}
	m := &v1alpha1.Migration{Spec: v1alpha1.MigrationSpec{From: o.From, To: o.To, Namespaces: o.Namespaces}}
	m.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: "Migration"}
	if m.Name = o.Name; m.Name == "" {
		m.Name = o.From + "-to-" + o.To
	}
	if problems := validation.IsDNS1123Subdomain(m.Name); len(problems) > 0 {
		return nil, fmt.Errorf("--name %q: %s", m.Name, strings.Join(problems, "; "))
	}
	if o.Selector != "" {
		selector, err := metav1.ParseToLabelSelector(o.Selector)
		if err != nil {
			return nil, fmt.Errorf("--selector: %w", err)
		}
		m.Spec.Selector = *selector
	}
	for _, weight := range o.Steps {
		step := v1alpha1.MigrationStep{Weight: weight, Soak: &metav1.Duration{Duration: o.Soak}}
		if o.ApproveEach {
			step.Approval = v1alpha1.ApprovalRequired
		}
		m.Spec.Steps = append(m.Spec.Steps, step)
	}
	switch strings.ToLower(o.OnFailure) {
	case "pause":
		m.Spec.OnFailure = v1alpha1.FailurePause
	case "rollback":
		m.Spec.OnFailure = v1alpha1.FailureRollback
	default:
		return nil, fmt.Errorf("--on-failure %s is not known; it is pause or rollback", o.OnFailure)
	}
	if o.Finish {
		m.Spec.Goal = v1alpha1.GoalFinish
	}
	return m, o.readGates(m)
}

func (o *MigrateOptions) readGates(m *v1alpha1.Migration) error {
	if o.Gates == "" {
		return nil
	}
	data, err := o.file(o.Gates)
	if err != nil {
		return fmt.Errorf("--gates: %w", err)
	}
	raw, err := yaml.YAMLToJSON(data)
	if err != nil {
		return fmt.Errorf("--gates: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m.Spec.Gates); err != nil {
		return fmt.Errorf("--gates: %w\nit looks like: [{name: web, http: {url: https://web.example.com/healthz}}]", err)
	}
	return nil
}

func (o *MigrateOptions) print(m *v1alpha1.Migration) error {
	raw, err := runtimeYAML(m)
	if err != nil {
		return err
	}
	_, err = o.Out.Write(raw)
	return err
}

// runtimeYAML is a migration as a manifest.
func runtimeYAML(m *v1alpha1.Migration) ([]byte, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var content map[string]any
	if err := json.Unmarshal(raw, &content); err != nil {
		return nil, err
	}
	delete(content, "status")
	return yaml.Marshal(content)
}

// agree asks, unless told not to.
func (o *MigrateOptions) agree(ctx context.Context) error {
	if o.Yes {
		return nil
	}
	return o.confirm(ctx, "Begin?")
}

// planOf says to the one who decides what will happen.
func planOf(m *v1alpha1.Migration) string {
	what := "all workloads"
	if selector := metav1.FormatLabelSelector(&m.Spec.Selector); selector != "<none>" {
		what = "workloads with " + selector
	}
	where := "all namespaces"
	if len(m.Spec.Namespaces) > 0 {
		where = strings.Join(m.Spec.Namespaces, ", ")
	}
	lines := []string{fmt.Sprintf("Migration %s moves %s in %s from %s to %s:", m.Name, what, where, m.Spec.From, m.Spec.To)}
	lines = append(lines, fmt.Sprintf("  - First %s gets what it needs, and one replica of each; no clients. Try it by the name SERVICE.NAMESPACE.….%s.cluster.ZONE.", m.Spec.To, m.Spec.To))
	for i, s := range m.Spec.Steps {
		line := fmt.Sprintf("  - Step %d: %d%% of replicas and clients, for %s", i+1, s.Weight, ptr.Deref(s.Soak, metav1.Duration{}).Duration)
		if s.Approval == v1alpha1.ApprovalRequired {
			line += "; waits for approval"
		}
		lines = append(lines, line)
	}
	then := "  - Then it waits: finish makes it permanent, rollback brings all back. Until then nothing is deleted in " + m.Spec.From + "."
	if m.Spec.Goal == v1alpha1.GoalFinish {
		then = "  - Then it is made permanent: " + m.Spec.From + " loses its weight in the policies, and its objects."
	}
	lines = append(lines, then)
	return strings.Join(append(lines, fmt.Sprintf("  - If a step fails: %s.", strings.ToLower(string(m.Spec.OnFailure)))), "\n")
}
