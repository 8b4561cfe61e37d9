// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package reviews answers the questions of kubectl auth, and of those who leave deciding to the federation: may I, may they,
// what may I, who am I, and whose is this token. Nothing is stored.
package reviews

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
)

// review is a create-only resource that answers in the object's status.
type review[T runtime.Object] struct {
	singular   string
	namespaced bool
	empty      func() T
	answer     func(ctx context.Context, who user.Info, question T) error
}

var (
	_ rest.Creater              = &review[runtime.Object]{}
	_ rest.Scoper               = &review[runtime.Object]{}
	_ rest.SingularNameProvider = &review[runtime.Object]{}
)

func (r *review[T]) New() runtime.Object     { return r.empty() }
func (r *review[T]) Destroy()                {}
func (r *review[T]) NamespaceScoped() bool   { return r.namespaced }
func (r *review[T]) GetSingularName() string { return r.singular }

func (r *review[T]) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, _ *metav1.CreateOptions) (runtime.Object, error) {
	question, ok := obj.(T)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("expected a %T, got %T", r.empty(), obj))
	}
	who, ok := request.UserFrom(ctx)
	if !ok {
		return nil, apierrors.NewBadRequest("no user on the request")
	}
	if validate != nil {
		if err := validate(ctx, obj.DeepCopyObject()); err != nil {
			return nil, err
		}
	}
	if err := r.answer(ctx, who, question); err != nil {
		return nil, err
	}
	return question, nil
}
