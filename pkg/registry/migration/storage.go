// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package migration stores Migrations. They differ from plain kinds in that one is refused while another one that is not
// over could move the same workloads.
package migration

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/registry"
)

// REST serves Migrations.
type REST struct{ *registry.REST }

// New makes the storage of Migrations over their plain one.
func New(plain *registry.REST) *REST { return &REST{REST: plain} }

// Create creates a migration that no other is in the way of. Two that are created at the same moment may both come to be:
// then the controller refuses the second.
func (r *REST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	return r.REST.Create(ctx, obj, func(ctx context.Context, obj runtime.Object) error {
		if validate != nil {
			if err := validate(ctx, obj); err != nil {
				return err
			}
		}
		return r.alone(ctx, obj)
	}, options)
}

func (r *REST) alone(ctx context.Context, obj runtime.Object) error {
	m, ok := obj.(*v1alpha1.Migration)
	if !ok {
		return apierrors.NewBadRequest(fmt.Sprintf("expected a Migration, got %T", obj))
	}
	list, err := r.List(ctx, &metainternalversion.ListOptions{})
	if err != nil {
		return err
	}
	others := list.(*v1alpha1.MigrationList).Items
	for i := range others {
		if other := &others[i]; other.Name != m.Name && !other.Over() && ownkinds.Overlap(m, other) {
			return apierrors.NewInvalid(v1alpha1.SchemeGroupVersion.WithKind("Migration").GroupKind(), m.Name, field.ErrorList{
				field.Forbidden(field.NewPath("spec"), fmt.Sprintf("migration %s moves some of these workloads, from %s to %s: finish it or roll it back, or choose other namespaces or labels", other.Name, other.Spec.From, other.Spec.To)),
			})
		}
	}
	return nil
}
