// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"drover.dev/drover/pkg/controllers/workload"
)

func (c *Controller) reconcile(ctx context.Context, key workload.Key) (time.Duration, error) {
	k := c.kept[key.Kind]
	obj, err := c.workloads.Get(key)
	if err != nil {
		return 0, err
	}
	records, err := c.recordsOf(key, k.resource)
	if err != nil {
		return 0, err
	}
	var mine, others []workload.Object
	for _, record := range records {
		switch {
		case !record.GetDeletionTimestamp().IsZero():
			if err := c.letGo(ctx, k.resource, record); err != nil {
				return 0, err
			}
		case obj != nil && metav1.IsControlledBy(record, obj) && obj.GetDeletionTimestamp().IsZero():
			mine = append(mine, record)
		default:
			others = append(others, record)
		}
	}
	if err := c.removeOrphans(ctx, key, k.resource, others); err != nil || obj == nil || !obj.GetDeletionTimestamp().IsZero() {
		return 0, err
	}
	err = k.record(ctx, obj, mine)
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return 0, nil // nothing is recorded there any more
	}
	return 0, err
}

func (c *Controller) recordsOf(key workload.Key, resource schema.GroupVersionResource) (records []workload.Object, err error) {
	found, err := c.records[resource].GetIndexer().ByIndex(byOwner, key.String())
	if err != nil {
		return nil, err
	}
	for _, record := range found {
		records = append(records, record.(workload.Object))
	}
	return records, nil
}

// removeOrphans deletes records whose workload is gone, or going. The federation itself is asked whether it is: a cache
// that is behind may not know it yet.
func (c *Controller) removeOrphans(ctx context.Context, key workload.Key, resource schema.GroupVersionResource, records []workload.Object) error {
	if len(records) == 0 {
		return nil
	}
	owner, err := c.metadata.Resource(key.Kind.Resource).Namespace(key.Namespace).Get(ctx, key.Name, metav1.GetOptions{})
	if workload.IgnoreNotFound(err) != nil {
		return err
	}
	var errs []error
	for _, record := range records {
		if err == nil && metav1.IsControlledBy(record, owner) && owner.DeletionTimestamp.IsZero() {
			continue
		}
		errs = append(errs, c.remove(ctx, resource, record))
	}
	return errors.Join(errs...)
}

func (c *Controller) remove(ctx context.Context, resource schema.GroupVersionResource, record workload.Object) error {
	policy := metav1.DeletePropagationBackground
	uid := record.GetUID()
	return workload.IgnoreNotFound(c.metadata.Resource(resource).Namespace(record.GetNamespace()).Delete(ctx, record.GetName(),
		metav1.DeleteOptions{PropagationPolicy: &policy, Preconditions: &metav1.Preconditions{UID: &uid}}))
}

// letGo removes from a record that is deleted the finalizers that a garbage collector would: nothing depends on it.
func (c *Controller) letGo(ctx context.Context, resource schema.GroupVersionResource, record workload.Object) error {
	left := workload.WithoutFinalizers(record.GetFinalizers())
	if len(left) == len(record.GetFinalizers()) {
		return nil
	}
	return c.patchMetadata(ctx, resource, record, map[string]any{"finalizers": left, "resourceVersion": record.GetResourceVersion()})
}

// patchMetadata merges a patch into the metadata of an object, if it is still that object.
func (c *Controller) patchMetadata(ctx context.Context, resource schema.GroupVersionResource, obj metav1.Object, patch map[string]any) error {
	patch["uid"] = obj.GetUID()
	data, err := json.Marshal(map[string]any{"metadata": patch})
	if err != nil {
		return err
	}
	_, err = c.metadata.Resource(resource).Namespace(obj.GetNamespace()).Patch(ctx, obj.GetName(), types.MergePatchType, data, metav1.PatchOptions{})
	return workload.IgnoreNotFound(err)
}

// salts are how many names are tried for a revision: other objects, or revisions, may have those that come first.
const salts = 8

// create makes a record under the first name that is free. It does nothing if the record is there already, and the cache
// is behind. Make makes the record under a name that has a hash in it; find finds the object of that name, and says
// whether that is the record.
func create(owner metav1.Object, template *corev1.PodTemplateSpec, makeRecord func(name, hash string) error, isRecord func(name string) (bool, error)) error {
	for salt := range salts {
		hash := workload.RevisionHash(template, salt)
		name := workload.RevisionName(owner.GetName(), hash)
		err := makeRecord(name, hash)
		if !apierrors.IsAlreadyExists(err) {
			return err
		}
		if there, err := isRecord(name); err != nil || there {
			return err
		}
	}
	return fmt.Errorf("record a revision of %s/%s: the %d names it could have are taken by other objects", owner.GetNamespace(), owner.GetName(), salts)
}
