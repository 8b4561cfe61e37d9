// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// SubresourceREST is a view of a kind's store that can be read and updated in part: status, finalize.
type SubresourceREST struct {
	main *REST
}

var (
	_ rest.Patcher             = &SubresourceREST{}
	_ rest.ResetFieldsStrategy = &SubresourceREST{}
)

// Status makes the status subresource.
func (r *REST) Status() *SubresourceREST {
	return r.Subresource(statusStrategy{newStrategy(r.kind, r.CreateStrategy)})
}

// UpdateStrategy is how a subresource is updated.
type UpdateStrategy interface {
	rest.RESTUpdateStrategy
	rest.ResetFieldsStrategy
}

// Subresource makes a subresource that updates the object in its own way.
func (r *REST) Subresource(s UpdateStrategy) *SubresourceREST {
	main, store := *r, *r.Store
	store.UpdateStrategy = s
	store.ResetFieldsStrategy = s
	main.Store = &store
	return &SubresourceREST{main: &main}
}

// New returns an empty object of the kind.
func (r *SubresourceREST) New() runtime.Object { return r.main.New() }

// Destroy does nothing: the store belongs to the main resource.
func (r *SubresourceREST) Destroy() {}

// Get reads the whole object.
func (r *SubresourceREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	return r.main.Get(ctx, name, options)
}

// Update writes the part of the object that the subresource stands for. It never creates.
func (r *SubresourceREST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	return r.main.Update(ctx, name, info, create, update, false, options)
}

// GetResetFields says what a write of the subresource never changes.
func (r *SubresourceREST) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return r.main.GetResetFields()
}

// ConvertToTable prints the object as the main resource does.
func (r *SubresourceREST) ConvertToTable(ctx context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	return r.main.ConvertToTable(ctx, obj, options)
}

// statusStrategy updates the status and nothing else.
type statusStrategy struct{ strategy }

func (s statusStrategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	return s.resetFields("metadata", "spec")
}

func (s statusStrategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	kept := old.DeepCopyObject()
	setStatus(s.kind, kept, obj)
	accessor(kept).SetManagedFields(accessor(obj).GetManagedFields())
	accessor(kept).SetResourceVersion(accessor(obj).GetResourceVersion())
	reflect.ValueOf(obj).Elem().Set(reflect.ValueOf(kept).Elem())
}

func (s statusStrategy) ValidateUpdate(context.Context, runtime.Object, runtime.Object) field.ErrorList {
	return nil
}
