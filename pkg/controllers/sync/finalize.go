// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/members"
)

// orphanRecheck is how soon an orphaned object is looked at again while a cluster that has it is not ready.
const orphanRecheck = 10 * time.Second

// recheck is how soon a deletion is looked at again while it waits for members.
const recheck = time.Second

// ours are the finalizers this controller removes: its own, and those that Kubernetes' garbage collector removes of
// objects that have dependents in their own cluster.
var ours = []string{v1alpha1.FinalizerSync, metav1.FinalizerOrphanDependents, metav1.FinalizerDeleteDependents}

// finalize lets a deleted workload go once no member that can be reached has it. What a member that cannot be reached
// has of it is removed when that member is back: it is ours, and not wanted any more.
func (c *Controller) finalize(ctx context.Context, key workload.Key) (time.Duration, error) {
	obj, err := c.workloads.Get(key)
	if err != nil || obj == nil || obj.GetDeletionTimestamp().IsZero() {
		return 0, err
	}
	if !slices.ContainsFunc(obj.GetFinalizers(), func(f string) bool { return slices.Contains(ours, f) }) {
		return 0, nil
	}
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return 0, err
	}
	for _, cluster := range clusters {
		if !cluster.DeletionTimestamp.IsZero() {
			continue
		}
		if !meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady) {
			if slices.Contains(obj.GetFinalizers(), metav1.FinalizerOrphanDependents) && slices.Contains(c.placedOn(key), cluster.Name) {
				// Let go now, it would be deleted when the cluster is back: that it is to stay would be forgotten.
				c.events.Eventf(obj, corev1.EventTypeWarning, "OrphanWaits", "waits for cluster %s to be ready, to leave the object there as it is", cluster.Name)
				return orphanRecheck, nil
			}
			continue
		}
		member := c.set.Get(cluster.Name)
		if member == nil || !member.Synced() {
			return recheck, nil // ready, and about to be connected
		}
		if live := member.Get(key.Resource(), key.Namespace, key.Name); live != nil && members.Holds(c.identity, key.Resource(), live) {
			c.add(cluster.Name, itemOf(key))
			return recheck, nil
		}
	}
	updated := obj.DeepCopyObject().(workload.Object)
	updated.SetFinalizers(slices.DeleteFunc(updated.GetFinalizers(), func(f string) bool { return slices.Contains(ours, f) }))
	return 0, workload.IgnoreNotFound(c.updateWorkload(ctx, updated))
}

func (c *Controller) updateWorkload(ctx context.Context, obj workload.Object) (err error) {
	options := metav1.UpdateOptions{}
	switch o := obj.(type) {
	case *appsv1.Deployment:
		_, err = c.kube.AppsV1().Deployments(o.Namespace).Update(ctx, o, options)
	case *corev1.Service:
		_, err = c.kube.CoreV1().Services(o.Namespace).Update(ctx, o, options)
	case *networkingv1.Ingress:
		_, err = c.kube.NetworkingV1().Ingresses(o.Namespace).Update(ctx, o, options)
	}
	return err
}
