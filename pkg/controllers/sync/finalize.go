// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"context"
	"encoding/json"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/members"
)

// recheck is how soon a deletion is looked at again while it waits for members.
const recheck = time.Second

// finalize lets a deleted workload go once no member that can be reached has it, and the Clusters of those that cannot
// remember that it is owed to them.
func (c *Controller) finalize(ctx context.Context, key workload.Key) (time.Duration, error) {
	obj, err := c.workloads.Get(key)
	if err != nil || obj == nil {
		return 0, err
	}
	if obj.GetDeletionTimestamp().IsZero() {
		return c.expire(ctx, key, obj)
	}
	if len(workload.WithoutFinalizers(obj.GetFinalizers())) == len(obj.GetFinalizers()) {
		return 0, nil
	}
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return 0, err
	}
	done := true
	for _, cluster := range clusters {
		done = c.isDone(cluster, key, obj) && done // all of them learn of it now, whichever comes first
	}
	if !done {
		return recheck, nil
	}
	return 0, workload.IgnoreNotFound(c.removeFinalizers(ctx, key, obj))
}

// isDone says whether a cluster need not be waited for to let a deleted workload go.
func (c *Controller) isDone(cluster *v1alpha1.Cluster, key workload.Key, obj workload.Object) bool {
	member := c.set.Get(cluster.Name)
	switch {
	case !cluster.DeletionTimestamp.IsZero():
		return true
	case !meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady):
		return c.isRemembered(cluster, key, obj)
	case member == nil || !member.Synced():
		return false // ready, and about to be connected
	}
	if c.holds(member, itemOf(key)) {
		c.add(cluster.Name, itemOf(key))
		return false
	}
	return true
}

// holds says whether a member has an object of ours, as last seen.
func (c *Controller) holds(member *members.Member, it item) bool {
	live := member.Get(it.resource, it.namespace, it.name)
	return live != nil && members.Holds(c.identity, it.resource, live)
}

// removeFinalizers takes ours off an object, if it is as it was when it was read.
func (c *Controller) removeFinalizers(ctx context.Context, key workload.Key, obj workload.Object) error {
	left := workload.WithoutFinalizers(obj.GetFinalizers())
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"finalizers": left, "uid": obj.GetUID(), "resourceVersion": obj.GetResourceVersion(),
	}})
	if err != nil {
		return err
	}
	_, err = c.metadata.Resource(key.Kind.Resource).Namespace(key.Namespace).Patch(ctx, key.Name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// expire deletes what has finished and outlived the time it set itself.
func (c *Controller) expire(ctx context.Context, key workload.Key, obj workload.Object) (time.Duration, error) {
	if key.Kind.Expires == nil {
		return 0, nil
	}
	at, expires := key.Kind.Expires(obj)
	if left := at.Sub(c.now()); !expires || left > 0 {
		return max(0, left), nil
	}
	policy := metav1.DeletePropagationBackground
	uid, version := obj.GetUID(), obj.GetResourceVersion()
	return 0, workload.IgnoreNotFound(c.metadata.Resource(key.Kind.Resource).Namespace(key.Namespace).Delete(ctx, key.Name, metav1.DeleteOptions{
		PropagationPolicy: &policy, Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version},
	}))
}
