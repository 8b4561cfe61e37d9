// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// CordonOptions are what cordon and uncordon take.
type CordonOptions struct {
	Streams
	Federation *FederationOptions
	// Name of the Cluster.
	Name string
}

// NewCordonOptions returns the defaults.
func NewCordonOptions(streams Streams, federation *FederationOptions) *CordonOptions {
	return &CordonOptions{Streams: streams, Federation: federation}
}

// Cordon keeps new replicas off a cluster; what runs there stays.
func (o *CordonOptions) Cordon(ctx context.Context) error { return o.with(ctx, o.cordon) }

// Uncordon has a cluster take new replicas again, and ends its drain.
func (o *CordonOptions) Uncordon(ctx context.Context) error { return o.with(ctx, o.uncordon) }

func (o *CordonOptions) with(ctx context.Context, do func(context.Context, *federation) error) error {
	federation, err := o.Federation.connect(o.ErrOut)
	if err != nil {
		return err
	}
	if err := federation.check(ctx); err != nil {
		return err
	}
	return do(ctx, federation)
}

func (o *CordonOptions) cordon(ctx context.Context, federation *federation) error {
	changed, err := federation.changeCluster(ctx, o.Name, func(spec *v1alpha1.ClusterSpec) (changed bool) {
		changed = !spec.Unschedulable
		spec.Unschedulable = true
		return changed
	})
	return o.tell(changed, err, "%s is cordoned: what runs there stays, nothing new is placed there\n", "%s was cordoned already\n")
}

func (o *CordonOptions) uncordon(ctx context.Context, federation *federation) error {
	changed, err := federation.changeCluster(ctx, o.Name, func(spec *v1alpha1.ClusterSpec) (changed bool) {
		taints := slices.DeleteFunc(slices.Clone(spec.Taints), isDrain)
		changed = spec.Unschedulable || len(taints) < len(spec.Taints)
		spec.Unschedulable, spec.Taints = false, taints
		return changed
	})
	return o.tell(changed, err, "%s takes new replicas again. Workloads come back by themselves where their policy says rebalance: {mode: Automatic}, the others when they or their policy change\n",
		"%s was neither cordoned nor drained\n")
}

func (o *CordonOptions) tell(changed bool, err error, done, already string) error {
	switch {
	case err != nil:
		return err
	case changed:
		fmt.Fprintf(o.Out, done, o.Name)
	default:
		fmt.Fprintf(o.Out, already, o.Name)
	}
	return nil
}

func isDrain(t v1alpha1.Taint) bool {
	return t.Key == v1alpha1.TaintDrain && t.Effect == v1alpha1.TaintNoExecute
}

// changeCluster changes what is said of a joined cluster, and reports whether there was anything to change.
func (f *federation) changeCluster(ctx context.Context, name string, change func(*v1alpha1.ClusterSpec) bool) (changed bool, err error) {
	clusters := f.drover.FederationV1alpha1().Clusters()
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		cluster, err := clusters.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if changed = change(&cluster.Spec); !changed {
			return nil
		}
		_, err = clusters.Update(ctx, cluster, metav1.UpdateOptions{FieldManager: fieldManager})
		return err
	})
	if apierrors.IsNotFound(err) {
		return false, f.notJoined(ctx, name)
	}
	return changed, f.explain("change cluster "+name, err)
}

// notJoined says that there is no such cluster, and which there are.
func (f *federation) notJoined(ctx context.Context, name string) error {
	names, err := f.clusterNames(ctx)
	if err != nil {
		return err
	}
	return fmt.Errorf("cluster %q is not joined to the federation at %s (context %q)\njoined are: %s", name, f.config.Host, f.contextName, orNone(names))
}
