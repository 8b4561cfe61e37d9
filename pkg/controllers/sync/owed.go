// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/owed"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/members"
)

// isRemembered says whether a cluster that cannot be reached need not be waited for to let a deleted workload go: it is not
// there, or its Cluster remembers it. If it does not, it will soon.
func (c *Controller) isRemembered(cluster *v1alpha1.Cluster, key workload.Key, obj workload.Object) bool {
	member := c.set.Get(cluster.Name)
	if !slices.Contains(c.placedOn(key), cluster.Name) && (member == nil || !c.holds(member, itemOf(key))) {
		return true
	}
	deletions := c.deletions(cluster.Name, key, obj)
	if c.owed.Owe(cluster, deletions...) {
		return true
	}
	if propagation(obj) == metav1.DeletePropagationOrphan && owed.IsFull(&cluster.Status) {
		c.events.Eventf(obj, corev1.EventTypeWarning, "OrphanWaits", "waits for cluster %s to be ready, to leave the object there as it is: status.owed of the Cluster is full", cluster.Name)
	}
	return false
}

// deletions are what a cluster is owed of a deleted workload: with one that is orphaned goes what it refers to, and nothing
// else there does.
func (c *Controller) deletions(cluster string, key workload.Key, obj workload.Object) []v1alpha1.OwedDeletion {
	policy := propagation(obj)
	out := []v1alpha1.OwedDeletion{deletion(itemOf(key), obj.GetUID(), policy)}
	if policy != metav1.DeletePropagationOrphan {
		return out
	}
	for _, needed := range c.needsOf(obj, key.Namespace) {
		if ref, ok := c.reference(needed).(metav1.Object); ok && !c.neededByOthers(cluster, needed, itemOf(key)) {
			out = append(out, deletion(needed, ref.GetUID(), policy))
		}
	}
	return out
}

func deletion(it item, uid types.UID, policy metav1.DeletionPropagation) v1alpha1.OwedDeletion {
	return v1alpha1.OwedDeletion{
		Group: it.resource.Group, Resource: it.resource.Resource, Namespace: it.namespace, Name: it.name, UID: uid, PropagationPolicy: policy,
	}
}

// propagation is how an object is being deleted.
func propagation(obj metav1.Object) metav1.DeletionPropagation {
	switch finalizers := obj.GetFinalizers(); {
	case slices.Contains(finalizers, metav1.FinalizerOrphanDependents):
		return metav1.DeletePropagationOrphan
	case slices.Contains(finalizers, metav1.FinalizerDeleteDependents):
		return metav1.DeletePropagationForeground
	}
	return metav1.DeletePropagationBackground
}

// keeps says whether something in a cluster refers again to what the cluster was to let go of.
func (c *Controller) keeps(cluster string, d v1alpha1.OwedDeletion) bool {
	for resource := range c.references {
		if resource.GroupResource() == (schema.GroupResource{Group: d.Group, Resource: d.Resource}) {
			return c.neededByOthers(cluster, item{resource: resource, namespace: d.Namespace, name: d.Name}, item{})
		}
	}
	return false
}

// isOwedOrphan says whether an object in a member was left to it, which the member does not know yet. Only the federation
// itself tells: a cache may be behind.
func (c *Controller) isOwedOrphan(ctx context.Context, cluster string, live metav1.Object) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, members.RequestTimeout)
	defer cancel()
	joined, err := c.client.FederationV1alpha1().Clusters().Get(ctx, cluster, metav1.GetOptions{})
	if err != nil {
		return false, workload.IgnoreNotFound(err)
	}
	return owed.Orphans(&joined.Status, sourceUID(live)), nil
}

// sourceUID is the UID of the federated object that an object in a member was made from.
func sourceUID(live metav1.Object) types.UID {
	return types.UID(live.GetAnnotations()[v1alpha1.AnnotationSourceUID])
}

// remembered lets workloads go as soon as a Cluster remembers them.
func (c *Controller) remembered(old, obj *v1alpha1.Cluster) {
	for _, d := range obj.Status.Owed {
		if slices.Contains(old.Status.Owed, d) {
			continue
		}
		for _, kind := range workload.Kinds {
			if kind.Resource.Group == d.Group && kind.Resource.Resource == d.Resource {
				c.finalizer.Enqueue(workload.Key{Kind: kind, Namespace: d.Namespace, Name: d.Name})
			}
		}
	}
}
