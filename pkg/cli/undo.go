// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// UndoOptions are the flags of undo.
type UndoOptions struct {
	Streams
	Federation *FederationOptions
	// Workload is KIND/NAME, or the name of a Deployment; Namespace is where it is.
	Workload, Namespace string
	// ToRevision is the decision to go back to; 0 is the last that was decided otherwise.
	ToRevision int64
	// Yes does not ask.
	Yes bool
}

// NewUndoOptions returns the defaults.
func NewUndoOptions(streams Streams, federation *FederationOptions) *UndoOptions {
	return &UndoOptions{Streams: streams, Federation: federation, Namespace: metav1.NamespaceDefault}
}

// AddFlags adds the flags of undo.
func (o *UndoOptions) AddFlags(fs *pflag.FlagSet) {
	fs.StringVarP(&o.Namespace, "namespace", "n", o.Namespace, "Namespace of the workload.")
	fs.Int64Var(&o.ToRevision, "to-revision", o.ToRevision, "Revision to go back to, as history prints it; 0 is the last with another policy or number of replicas.")
	fs.BoolVarP(&o.Yes, "yes", "y", o.Yes, "Do not ask.")
}

// Run puts back what people changed since a decision: the policy, or if that is the same, the number of replicas.
func (o *UndoOptions) Run(ctx context.Context) error {
	federation, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	return o.run(ctx, federation)
}

func (o *UndoOptions) run(ctx context.Context, federation *federation) error {
	placement, err := federation.placementOf(ctx, o.Namespace, o.Workload)
	if err != nil {
		return err
	}
	policies, err := federation.drover.FederationV1alpha1().PlacementPolicies(o.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return federation.explain("list placementpolicies", err)
	}
	back, err := wayBack(&placement.Spec, policies.Items, o.ToRevision)
	if err != nil {
		return fmt.Errorf("%w\nsee: kubectl drover history %s -n %s%s", err, o.Workload, o.Namespace, federation.flags())
	}
	fmt.Fprintf(o.Out, "To go back to revision %d of %s, %s.\n", back.revision, o.Workload, back.text)
	if err := back.do(ctx, federation, o, placement, true); err != nil {
		return err
	}
	if !o.Yes {
		if err := o.confirm(ctx, "Do it?"); err != nil {
			return err
		}
	}
	if err := back.do(ctx, federation, o, placement, false); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "Done. If you apply manifests from files, change them as well. See it move:\n  %s get placement %s -n %s -w\n", federation.kubectl(), placement.Name, o.Namespace)
	return nil
}

// way is what is to be done to get back to a decision: one of the two.
type way struct {
	revision int64
	text     string
	// policy as it was, to be created if it has no resource version.
	policy *v1alpha1.PlacementPolicy
	// replicas there were.
	replicas *int32
}

// wayBack says what is to be done to get back to a decision of a workload's history: to that of a revision, or if that is
// 0, to the last that was decided with another policy or number of replicas than the newest.
func wayBack(spec *v1alpha1.PlacementSpec, policies []v1alpha1.PlacementPolicy, revision int64) (way, error) {
	for i := len(spec.History) - 1; i >= 0; i-- {
		d := &spec.History[i]
		if revision != 0 && d.Revision != revision {
			continue
		}
		back, err := backTo(spec, i, policies)
		if err != nil && revision == 0 && errors.Is(err, errSame) {
			continue
		}
		return back, err
	}
	if revision != 0 {
		return way{}, fmt.Errorf("revision %d is not in the history, nothing has changed", revision)
	}
	return way{}, errors.New("there is nothing to undo: all that is remembered was decided with the same policy and number of replicas")
}

var errSame = errors.New("it was decided with the same policy and the same number of replicas: what is different since are the clusters")

func backTo(spec *v1alpha1.PlacementSpec, i int, policies []v1alpha1.PlacementPolicy) (way, error) {
	d := &spec.History[i]
	back := way{revision: d.Revision}
	stored := slices.IndexFunc(policies, func(p v1alpha1.PlacementPolicy) bool { return p.Name == d.Policy })
	said := policySpecAt(spec.History, i)
	switch {
	case d.Policy == "" && spec.Policy != "":
		return back, fmt.Errorf("at revision %d no policy applied, now %s does\nto undo that, take the workload out of its selector, or: kubectl delete placementpolicy %s", d.Revision, spec.Policy, spec.Policy)
	case d.Policy != "" && said == nil:
		return back, fmt.Errorf("what policy %s said at revision %d is not remembered any more", d.Policy, d.Revision)
	case d.Policy != "" && stored < 0:
		back.policy = &v1alpha1.PlacementPolicy{Spec: *said}
		back.policy.Name, back.text = d.Policy, "policy "+d.Policy+" is created again"
		return back, nil
	case d.Policy != "" && !apiequality.Semantic.DeepEqual(policies[stored].Spec, *said):
		back.policy = policies[stored].DeepCopy()
		back.policy.Spec, back.text = *said, "policy "+d.Policy+" says again what it said then"
		return back, nil
	case d.Policy != spec.Policy:
		return back, fmt.Errorf("at revision %d policy %s applied, and it says the same still; now %s applies in its place\nto undo that, lower the priority of %s, or delete it", d.Revision, d.Policy, spec.Policy, spec.Policy)
	case !ptr.Equal(d.Replicas, spec.Replicas) && d.Replicas != nil && spec.Autoscaler == nil:
		back.replicas, back.text = d.Replicas, fmt.Sprintf("it is scaled from %d to %d", ptr.Deref(spec.Replicas, 0), *d.Replicas)
		return back, nil
	}
	return back, fmt.Errorf("revision %d: %w", d.Revision, errSame)
}

// policySpecAt is what the policy of a decision said.
func policySpecAt(history []v1alpha1.PlacementDecision, i int) *v1alpha1.PlacementPolicySpec {
	for name := history[i].Policy; i >= 0 && history[i].Policy == name; i-- {
		if history[i].PolicySpec != nil {
			return history[i].PolicySpec
		}
	}
	return nil
}

// do goes the way, or has the federation warn of what would move.
func (w *way) do(ctx context.Context, f *federation, o *UndoOptions, placement *v1alpha1.Placement, dry bool) error {
	var dryRun []string
	if dry {
		dryRun = []string{metav1.DryRunAll}
	}
	if w.policy != nil {
		policies := f.drover.FederationV1alpha1().PlacementPolicies(o.Namespace)
		var err error
		if w.policy.ResourceVersion == "" {
			_, err = policies.Create(ctx, w.policy, metav1.CreateOptions{FieldManager: fieldManager, DryRun: dryRun})
		} else {
			_, err = policies.Update(ctx, w.policy, metav1.UpdateOptions{FieldManager: fieldManager, DryRun: dryRun})
		}
		if apierrors.IsConflict(err) {
			return fmt.Errorf("policy %s was changed meanwhile, nothing was undone: %w\ntry again", w.policy.Name, err)
		}
		return f.explain("write placementpolicy "+w.policy.Name, err)
	}
	return f.scale(ctx, o.Namespace, placement.Spec.Workload, *w.replicas, dryRun)
}

// scale sets the replicas of a workload.
func (f *federation) scale(ctx context.Context, namespace string, workload v1alpha1.WorkloadReference, replicas int32, dryRun []string) error {
	scale := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: workload.Name, Namespace: namespace}, Spec: autoscalingv1.ScaleSpec{Replicas: replicas}}
	options := metav1.UpdateOptions{FieldManager: fieldManager, DryRun: dryRun}
	var err error
	switch workload.Kind {
	case "Deployment":
		_, err = f.kube.AppsV1().Deployments(namespace).UpdateScale(ctx, workload.Name, scale, options)
	case "ReplicaSet":
		_, err = f.kube.AppsV1().ReplicaSets(namespace).UpdateScale(ctx, workload.Name, scale, options)
	case "StatefulSet":
		_, err = f.kube.AppsV1().StatefulSets(namespace).UpdateScale(ctx, workload.Name, scale, options)
	default:
		return fmt.Errorf("a %s cannot be scaled", workload.Kind)
	}
	return f.explain("scale "+workload.Kind+" "+workload.Name, err)
}
