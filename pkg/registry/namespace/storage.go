// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package namespace stores Namespaces. They differ from plain kinds in how they end: a deleted namespace is Terminating
// until its contents are gone, and spec.finalizers, not metadata.finalizers, keep it until then.
package namespace

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	storageerr "k8s.io/apiserver/pkg/storage/errors"
	"k8s.io/apiserver/pkg/util/dryrun"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/registry"
)

// store is what of the generic store is served as it is: all but deleting.
type store interface {
	rest.Storage
	rest.Scoper
	rest.Getter
	rest.Lister
	rest.CreaterUpdater
	rest.Watcher
	rest.ShortNamesProvider
	rest.CategoriesProvider
	rest.SingularNameProvider
	rest.StorageVersionProvider
	rest.ResetFieldsStrategy
}

// REST serves namespaces.
type REST struct {
	store
	generic *registry.REST
}

var (
	_ rest.GracefulDeleter = &REST{}
	_ rest.Lister          = &REST{}
)

// New makes the storage, and the subresources status and finalize.
func New(k kind.Kind, options registry.Options) (main *REST, status, finalize *registry.SubresourceREST, err error) {
	generic, err := registry.New(k, options)
	if err != nil {
		return nil, nil, nil, err
	}
	generic.ReturnDeletedObject = true
	generic.ShouldDeleteDuringUpdate = func(ctx context.Context, key string, obj, existing runtime.Object) bool {
		return len(obj.(*corev1.Namespace).Spec.Finalizers) == 0 && genericregistry.ShouldDeleteDuringUpdate(ctx, key, obj, existing)
	}
	finalize = generic.Subresource(finalizeStrategy{RESTUpdateStrategy: generic.UpdateStrategy})
	return &REST{store: generic, generic: generic}, generic.Status(), finalize, nil
}

// Delete marks a namespace as Terminating. It is gone once spec.finalizers are.
func (r *REST) Delete(ctx context.Context, name string, validate rest.ValidateObjectFunc, options *metav1.DeleteOptions) (runtime.Object, bool, error) {
	if options == nil {
		options = metav1.NewDeleteOptions(0)
	}
	obj, err := r.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, false, err
	}
	if ns := obj.(*corev1.Namespace); !ns.DeletionTimestamp.IsZero() {
		if len(ns.Spec.Finalizers) > 0 {
			return ns, false, nil
		}
		return r.generic.Delete(ctx, name, validate, options)
	}
	key, err := r.generic.KeyFunc(ctx, name)
	if err != nil {
		return nil, false, err
	}
	preconditions := &storage.Preconditions{}
	if options.Preconditions != nil {
		preconditions.UID = options.Preconditions.UID
		preconditions.ResourceVersion = options.Preconditions.ResourceVersion
	}
	out := r.New()
	err = r.generic.Storage.GuaranteedUpdate(ctx, key, out, false, preconditions,
		storage.SimpleUpdate(func(existing runtime.Object) (runtime.Object, error) {
			if err := validate(ctx, existing); err != nil {
				return nil, err
			}
			return terminate(existing.(*corev1.Namespace)), nil
		}), dryrun.IsDryRun(options.DryRun), nil)
	if err == nil {
		return out, false, nil
	}
	resource := corev1.Resource("namespaces")
	err = storageerr.InterpretUpdateError(storageerr.InterpretGetError(err, resource, name), resource, name)
	if _, ok := err.(apierrors.APIStatus); !ok {
		err = apierrors.NewInternalError(err)
	}
	return nil, false, err
}

// ConvertToTable prints namespaces.
func (r *REST) ConvertToTable(ctx context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	return r.generic.ConvertToTable(ctx, obj, options)
}

func terminate(ns *corev1.Namespace) *corev1.Namespace {
	if ns.DeletionTimestamp.IsZero() {
		now := metav1.Now()
		ns.DeletionTimestamp = &now
	}
	ns.Status.Phase = corev1.NamespaceTerminating
	return ns
}

// finalizeStrategy updates spec.finalizers and nothing else.
type finalizeStrategy struct{ rest.RESTUpdateStrategy }

func (finalizeStrategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return map[fieldpath.APIVersion]*fieldpath.Set{"v1": fieldpath.NewSet(fieldpath.MakePathOrDie("metadata"), fieldpath.MakePathOrDie("status"))}
}

func (finalizeStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	ns := obj.(*corev1.Namespace)
	kept := old.DeepCopyObject().(*corev1.Namespace)
	kept.Spec.Finalizers = ns.Spec.Finalizers
	kept.ManagedFields = ns.ManagedFields
	kept.ResourceVersion = ns.ResourceVersion
	*ns = *kept
}

func (finalizeStrategy) ValidateUpdate(context.Context, runtime.Object, runtime.Object) field.ErrorList {
	return nil
}
