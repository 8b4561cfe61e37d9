// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
)

// isCollectors says whether a finalizer is one that the garbage collector removes.
func isCollectors(finalizer string) bool {
	return finalizer == metav1.FinalizerOrphanDependents || finalizer == metav1.FinalizerDeleteDependents
}

// dependents are the objects of a resource that an object owns.
func dependents(c *Cluster, resource string, owner types.UID) []metav1.Object {
	var out []metav1.Object
	for _, obj := range c.space.List(resource, func(obj runtime.Object) bool { return owns(owner, obj.(metav1.Object)) }) {
		out = append(out, obj.(metav1.Object))
	}
	return out
}

func owns(owner types.UID, obj metav1.Object) bool {
	return slices.ContainsFunc(obj.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == owner })
}

// collect deletes what belonged to an object that is gone.
func (s *simulation) collect(ctx context.Context, t task) error {
	for resource, store := range s.server.stores {
		for _, obj := range dependents(t.cluster, resource, types.UID(t.name)) {
			uid := obj.GetUID()
			err := remove(request.WithNamespace(ctx, obj.GetNamespace()), store, obj.GetName(), &metav1.Preconditions{UID: &uid})
			if err != nil && !apierrors.IsConflict(err) {
				return err
			}
		}
	}
	return nil
}

// release deals with the dependents of an object as its deletion asked for, and then lets the object go.
func (s *simulation) release(ctx context.Context, t task) error {
	obj, ok := t.cluster.space.Get(t.resource, t.namespace, t.name).(metav1.Object)
	if !ok {
		return nil
	}
	if slices.Contains(obj.GetFinalizers(), metav1.FinalizerOrphanDependents) {
		if err := s.orphan(ctx, t.cluster, obj.GetUID()); err != nil {
			return err
		}
	} else if err := s.collect(ctx, task{cluster: t.cluster, name: string(obj.GetUID())}); err != nil {
		return err
	}
	drop := rest.DefaultUpdatedObjectInfo(nil, func(_ context.Context, _, old runtime.Object) (runtime.Object, error) {
		updated := old.DeepCopyObject()
		m := updated.(metav1.Object)
		m.SetFinalizers(slices.DeleteFunc(m.GetFinalizers(), isCollectors))
		return updated, nil
	})
	_, _, err := s.server.stores[t.resource].Update(ctx, t.name, drop, rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	return err
}

func (s *simulation) orphan(ctx context.Context, c *Cluster, owner types.UID) error {
	for resource, store := range s.server.stores {
		for _, obj := range dependents(c, resource, owner) {
			err := update(request.WithNamespace(ctx, obj.GetNamespace()), store, obj.GetName(), func(obj runtime.Object) {
				m := obj.(metav1.Object)
				m.SetOwnerReferences(slices.DeleteFunc(m.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == owner }))
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// empty deletes what is in a namespace that is being deleted, and then the namespace. What has finalizers holds it up.
func (s *simulation) empty(ctx context.Context, t task) error {
	if ns, ok := t.cluster.space.Get(t.resource, "", t.name).(*corev1.Namespace); !ok || ns.DeletionTimestamp.IsZero() {
		return nil
	}
	left := false
	for resource, store := range s.server.stores {
		if !store.NamespaceScoped() {
			continue
		}
		for _, obj := range t.cluster.space.List(resource, inNamespace(t.name)) {
			if err := remove(request.WithNamespace(ctx, t.name), store, obj.(metav1.Object).GetName(), nil); err != nil {
				return err
			}
		}
		left = left || len(t.cluster.space.List(resource, inNamespace(t.name))) > 0
	}
	if left {
		return nil // until the last of it goes
	}
	done := rest.DefaultUpdatedObjectInfo(nil, func(_ context.Context, _, old runtime.Object) (runtime.Object, error) {
		ns := old.DeepCopyObject().(*corev1.Namespace)
		ns.Spec.Finalizers = nil
		return ns, nil
	})
	_, _, err := s.server.finalize.Update(ctx, t.name, done, rest.ValidateAllObjectFunc, rest.ValidateAllObjectUpdateFunc, false, &metav1.UpdateOptions{})
	return err
}
