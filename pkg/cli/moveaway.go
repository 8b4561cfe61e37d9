// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// leaving is the taint that moves the workloads of a cluster to others.
var leaving = v1alpha1.Taint{Key: v1alpha1.TaintLeaving, Effect: v1alpha1.TaintNoExecute}

func isMovedAway(cluster *v1alpha1.Cluster) bool {
	return slices.Contains(cluster.Spec.Taints, leaving)
}

// moveAway has the workloads of a cluster moved to others, and waits until none is left. The taint stays if it is
// interrupted: the move goes on, and is waited for again when the command is repeated.
func (u *unjoin) moveAway(ctx context.Context) error {
	clusters := u.federation.drover.FederationV1alpha1().Clusters()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		cluster, err := clusters.Get(ctx, u.Name, metav1.GetOptions{})
		if err != nil || isMovedAway(cluster) {
			return err
		}
		cluster.Spec.Taints = append(cluster.Spec.Taints, leaving)
		_, err = clusters.Update(ctx, cluster, metav1.UpdateOptions{FieldManager: fieldManager})
		return err
	})
	if err != nil {
		return u.federation.explain("taint cluster "+u.Name, err)
	}
	return u.waitMoved(ctx)
}

func (u *unjoin) waitMoved(ctx context.Context) error {
	said := &changes{progress: u.progress}
	var failed error
	left := running{}
	err := wait.PollUntilContextTimeout(ctx, u.poll, u.Timeout, true, func(ctx context.Context) (bool, error) {
		placements, err := u.federation.drover.FederationV1alpha1().Placements(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
		if failed = err; err != nil {
			return false, nil // the control plane may be restarting
		}
		left = stillIn(u.Name, placements.Items)
		if len(left.kinds) > 0 {
			said.show("still there: " + left.text())
		}
		return len(left.kinds) == 0, nil
	})
	again := fmt.Sprintf("to go on: kubectl drover unjoin %s --mode=%s%s\nto call it off, take the taint %s off: kubectl%s edit cluster %s",
		u.Name, LeaveMove, u.federation.flags(), v1alpha1.TaintLeaving, u.federation.flags(), u.Name)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted: %w\nthe workloads of %s go on moving, but it does not leave\n%s", ctx.Err(), u.Name, again)
	case failed != nil && !errors.Is(failed, context.DeadlineExceeded):
		return fmt.Errorf("%w\n%s", u.federation.explain("list placements", failed), again)
	case len(left.kinds) == 0:
		return fmt.Errorf("after %s it is not known yet what is still on %s\n%s", u.Timeout, u.Name, again)
	}
	return fmt.Errorf("after %s there is still on %s: %s\nthe condition Progressing of their Placements says what they wait for\n%s", u.Timeout, u.Name, left.text(), again)
}

// stillIn is what has not gone from a cluster that is moved away from: what policies place, and what follows that. What
// goes to every cluster stays until the cluster leaves.
func stillIn(cluster string, placements []v1alpha1.Placement) running {
	return countIn(cluster, slices.DeleteFunc(slices.Clone(placements), func(p v1alpha1.Placement) bool {
		assigned := slices.IndexFunc(p.Spec.Clusters, func(a v1alpha1.ClusterAssignment) bool { return a.Name == cluster })
		if assigned < 0 {
			return !slices.ContainsFunc(p.Status.Clusters, func(s v1alpha1.ClusterPlacementStatus) bool { return s.Name == cluster })
		}
		return !isPlacedKind(p.Spec.Workload.Kind) && p.Spec.Clusters[assigned].Code != v1alpha1.RunsBackend
	}))
}
