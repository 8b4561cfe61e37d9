// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"fmt"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"drover.dev/drover/pkg/apis/kind"
)

// ScaleREST serves autoscaling/v1 Scale of a kind that has replicas.
type ScaleREST struct {
	main *REST
}

var (
	_ rest.Patcher                  = &ScaleREST{}
	_ rest.GroupVersionKindProvider = &ScaleREST{}
)

// Scale makes the scale subresource.
func (r *REST) Scale() *ScaleREST { return &ScaleREST{main: r} }

// GroupVersionKind is autoscaling/v1 Scale, whatever the kind.
func (r *ScaleREST) GroupVersionKind(schema.GroupVersion) schema.GroupVersionKind {
	return autoscalingv1.SchemeGroupVersion.WithKind("Scale")
}

// New returns an empty Scale.
func (r *ScaleREST) New() runtime.Object { return &autoscalingv1.Scale{} }

// Destroy does nothing: the store belongs to the main resource.
func (r *ScaleREST) Destroy() {}

// Get reads an object's scale.
func (r *ScaleREST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	obj, err := r.main.Get(ctx, name, options)
	if err != nil {
		return nil, err
	}
	return scaleOf(r.main.kind, obj)
}

// Update sets an object's replicas. The change is owned, field by field, as if the object itself had been written.
func (r *ScaleREST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, _ bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	k := r.main.kind
	validateCreate := func(ctx context.Context, obj runtime.Object) error {
		scale, err := scaleOf(k, obj)
		if err != nil {
			return err
		}
		return create(ctx, scale)
	}
	validateUpdate := func(ctx context.Context, obj, old runtime.Object) error {
		scale, err := scaleOf(k, obj)
		if err != nil {
			return err
		}
		oldScale, err := scaleOf(k, old)
		if err != nil {
			return err
		}
		return update(ctx, scale, oldScale)
	}
	obj, _, err := r.main.Update(ctx, name, &scaledObject{kind: k, name: name, scale: info}, validateCreate, validateUpdate, false, options)
	if err != nil {
		return nil, false, err
	}
	scale, err := scaleOf(k, obj)
	return scale, false, err
}

// ConvertToTable prints the scale like any object without columns of its own.
func (r *ScaleREST) ConvertToTable(ctx context.Context, obj, options runtime.Object) (*metav1.Table, error) {
	return rest.NewDefaultTableConvertor(r.main.DefaultQualifiedResource).ConvertToTable(ctx, obj, options)
}

func scaleOf(k kind.Kind, obj runtime.Object) (*autoscalingv1.Scale, error) {
	replicas, selector, err := k.Scale.Status(obj)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	m := accessor(obj)
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{
			Name: m.GetName(), Namespace: m.GetNamespace(), UID: m.GetUID(),
			ResourceVersion: m.GetResourceVersion(), CreationTimestamp: m.GetCreationTimestamp(),
		},
		Spec:   autoscalingv1.ScaleSpec{Replicas: ptr.Deref(*k.Scale.Replicas(obj), 0)},
		Status: autoscalingv1.ScaleStatus{Replicas: replicas, Selector: selector},
	}, nil
}

// scaledObject turns an update of an object's scale into an update of the object.
type scaledObject struct {
	kind  kind.Kind
	name  string
	scale rest.UpdatedObjectInfo
}

func (o *scaledObject) Preconditions() *metav1.Preconditions { return o.scale.Preconditions() }

func (o *scaledObject) UpdatedObject(ctx context.Context, old runtime.Object) (runtime.Object, error) {
	obj := old.DeepCopyObject()
	m := accessor(obj)
	resource := o.kind.GroupVersionResource().GroupResource()
	if m.GetResourceVersion() == "" {
		return nil, apierrors.NewNotFound(resource, o.name)
	}
	paths := managedfields.ResourcePathMappings{}
	for _, gv := range o.kind.GroupVersions() {
		paths[gv.String()] = fieldpath.MakePathOrDie("spec", "replicas")
	}
	fields := managedfields.NewScaleHandler(m.GetManagedFields(), o.kind.GroupVersion(), paths)
	scale, err := scaleOf(o.kind, obj)
	if err != nil {
		return nil, err
	}
	if scale.ManagedFields, err = fields.ToSubresource(); err != nil {
		return nil, err
	}
	updated, err := o.scale.UpdatedObject(ctx, scale)
	if err != nil {
		return nil, err
	}
	scale, ok := updated.(*autoscalingv1.Scale)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("expected a Scale, got %T", updated))
	}
	if scale.UID != "" && scale.UID != m.GetUID() {
		return nil, apierrors.NewConflict(resource, o.name, fmt.Errorf("the scale is of an object with UID %s, the object has UID %s", scale.UID, m.GetUID()))
	}
	if errs := apivalidation.ValidateNonnegativeField(int64(scale.Spec.Replicas), field.NewPath("spec", "replicas")); len(errs) > 0 {
		return nil, apierrors.NewInvalid(autoscalingv1.SchemeGroupVersion.WithKind("Scale").GroupKind(), o.name, errs)
	}
	*o.kind.Scale.Replicas(obj) = ptr.To(scale.Spec.Replicas)
	m.SetResourceVersion(scale.ResourceVersion)
	entries, err := fields.ToParent(scale.ManagedFields)
	if err != nil {
		return nil, err
	}
	m.SetManagedFields(entries)
	return obj, nil
}
