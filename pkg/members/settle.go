// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"context"
	"errors"
	"fmt"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// SettleAll does in the member what it is owed by the federation of that identity. It returns what could not be done, and
// why.
func (m *Member) SettleAll(ctx context.Context, identity string, owed []v1alpha1.OwedDeletion) (left []v1alpha1.OwedDeletion, err error) {
	failed := make([]error, len(owed))
	var wg sync.WaitGroup
	for i, d := range owed {
		wg.Go(func() { failed[i] = m.settle(ctx, identity, d) })
	}
	wg.Wait()
	for i, err := range failed {
		if err != nil {
			left = append(left, owed[i])
		}
	}
	return left, errors.Join(failed...)
}

// settle deletes an object of ours, or lets go of it, if it is still the one that was meant.
func (m *Member) settle(ctx context.Context, identity string, d v1alpha1.OwedDeletion) error {
	leave, err := m.Enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	resource, known := syncedResource(d)
	if !known {
		return nil
	}
	objects := m.Metadata.Resource(resource).Namespace(d.Namespace)
	live, err := objects.Get(ctx, d.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("get %s %s/%s: %w", d.Resource, d.Namespace, d.Name, err)
	case !Holds(identity, resource, live) || live.Annotations[v1alpha1.AnnotationSourceUID] != string(d.UID) || live.DeletionTimestamp != nil:
		return nil
	case d.PropagationPolicy == metav1.DeletePropagationOrphan:
		return m.Release(ctx, resource, live)
	}
	return m.delete(ctx, resource, live, d.PropagationPolicy)
}

// delete deletes an object, if it is as it was when it was read.
func (m *Member) delete(ctx context.Context, resource schema.GroupVersionResource, obj *metav1.PartialObjectMetadata, policy metav1.DeletionPropagation) error {
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	err := m.Metadata.Resource(resource).Namespace(obj.Namespace).Delete(ctx, obj.Name, metav1.DeleteOptions{
		PropagationPolicy: &policy, Preconditions: &metav1.Preconditions{UID: &obj.UID, ResourceVersion: &obj.ResourceVersion},
	})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s %s/%s: %w", resource.Resource, obj.Namespace, obj.Name, err)
	}
	return nil
}

func syncedResource(d v1alpha1.OwedDeletion) (schema.GroupVersionResource, bool) {
	for _, resource := range Synced {
		if resource.Group == d.Group && resource.Resource == d.Resource {
			return resource, true
		}
	}
	return schema.GroupVersionResource{}, false
}
