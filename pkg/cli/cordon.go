// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/pflag"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
)

// CordonOptions are what cordon and uncordon take.
type CordonOptions struct {
	Streams
	Federation *FederationOptions
	// Name of the Cluster.
	Name string
	// Rebalance has uncordon bring workloads back, also those whose policies do not ask for it.
	Rebalance bool

	now func() time.Time
}

// NewCordonOptions returns the defaults.
func NewCordonOptions(streams Streams, federation *FederationOptions) *CordonOptions {
	return &CordonOptions{Streams: streams, Federation: federation, now: time.Now}
}

// AddUncordonFlags adds the flags of uncordon.
func (o *CordonOptions) AddUncordonFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&o.Rebalance, "rebalance", o.Rebalance, "Spread all workloads over the clusters anew, by their weights, whatever the rebalance of their policies says.")
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
		taints := slices.DeleteFunc(slices.Clone(spec.Taints), decision.IsDrain)
		changed = spec.Unschedulable || spec.Drain != nil || len(taints) < len(spec.Taints)
		spec.Unschedulable, spec.Drain, spec.Taints = false, nil, taints
		if o.Rebalance {
			spec.RebalanceTime = &metav1.Time{Time: o.now().Truncate(time.Second)}
		}
		return changed || o.Rebalance
	})
	if o.Rebalance {
		return o.tell(changed, err, "%s takes new replicas again. Workloads are spread anew by their weights, step by step: kubectl drover status shows how far they are\n", "")
	}
	return o.tell(changed, err, "%s takes new replicas again. Workloads come back by themselves where their policy says rebalance: {mode: Automatic}, the others when they or their policy change, or at once with --rebalance\n",
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
