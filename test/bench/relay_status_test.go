//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
)

// reportStatus is the way back: until the context ends, the status of a federation's Deployment is the sum of those of the
// clusters. It has watches of its own, so that a change is not told to the figures first.
func (r *relay) reportStatus(ctx context.Context) error {
	var stores []cache.Store
	q := newQueue()
	if err := enqueueChanges(r.informer, q); err != nil {
		return err
	}
	for _, c := range r.clusters {
		informer := deploymentInformer(c.client, systemLabel+"="+r.name())
		if err := enqueueChanges(informer, q); err != nil {
			return err
		}
		if err := run(ctx, informer); err != nil {
			return err
		}
		stores = append(stores, informer.GetStore())
	}
	work(ctx, q, func(ctx context.Context, name string) error {
		obj, exists, err := r.informer.GetStore().GetByKey(metav1.NamespaceDefault + "/" + name)
		if err != nil || !exists {
			return err
		}
		d := obj.(*appsv1.Deployment)
		sum := appsv1.DeploymentStatus{}
		for _, store := range stores {
			if in, exists, err := store.GetByKey(metav1.NamespaceDefault + "/" + name); err == nil && exists {
				add(&sum, in.(*appsv1.Deployment).Status)
			}
		}
		if sum.ReadyReplicas == d.Status.ReadyReplicas && sum.Replicas == d.Status.Replicas && sum.UpdatedReplicas == d.Status.UpdatedReplicas {
			return nil
		}
		updated := d.DeepCopy()
		updated.Status = sum
		_, err = r.deployments.UpdateStatus(ctx, updated, metav1.UpdateOptions{})
		if apierrors.IsConflict(err) {
			return nil // written a moment ago; the watch is about to tell
		}
		return err
	})
	return nil
}

func add(sum *appsv1.DeploymentStatus, s appsv1.DeploymentStatus) {
	sum.Replicas += s.Replicas
	sum.UpdatedReplicas += s.UpdatedReplicas
	sum.ReadyReplicas += s.ReadyReplicas
	sum.AvailableReplicas += s.AvailableReplicas
}
