// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
)

const (
	// maxErrors is how many of an object's errors are told. Putting them into one message takes time that grows with the
	// square of their number: one small request could keep a processor busy for minutes.
	maxErrors = 100
	// maxMetadata is how many labels, annotations, finalizers and owners an object may have, of each. What checks them
	// tells every error.
	maxMetadata = 1000
)

// Get reads an object.
func (r *REST) Get(ctx context.Context, name string, options *metav1.GetOptions) (runtime.Object, error) {
	if err := checkVersion(options.ResourceVersion); err != nil {
		return nil, err
	}
	return r.Store.Get(ctx, name, options)
}

// Watch tells of changes.
func (r *REST) Watch(ctx context.Context, options *metainternalversion.ListOptions) (watch.Interface, error) {
	if options != nil {
		if err := checkVersion(options.ResourceVersion); err != nil {
			return nil, err
		}
	}
	return r.Store.Watch(ctx, options)
}

// Create stores a new object.
func (r *REST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	if err := checkMetadata(r.kind.GroupVersionKind, obj); err != nil {
		return nil, err
	}
	created, err := r.Store.Create(ctx, obj, validate, options)
	return created, refused(err)
}

// Update stores an object as it is to be.
func (r *REST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, force bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	updated, made, err := r.Store.Update(ctx, name, asked{info, r.kind.GroupVersionKind}, create, update, force, options)
	return updated, made, refused(err)
}

// asked is an update that a client asks for. Where it cannot be made of what the client sent, that is the client's error.
type asked struct {
	rest.UpdatedObjectInfo
	kind schema.GroupVersionKind
}

func (a asked) UpdatedObject(ctx context.Context, old runtime.Object) (runtime.Object, error) {
	obj, err := a.UpdatedObjectInfo.UpdatedObject(ctx, old)
	if err != nil {
		if known := apierrors.APIStatus(nil); ctx.Err() != nil || errors.As(err, &known) {
			return nil, err
		}
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if err := checkVersion(accessor(obj).GetResourceVersion()); err != nil {
		return nil, err
	}
	return obj, checkMetadata(a.kind, obj)
}

func checkVersion(version string) error {
	if _, err := (storage.APIObjectVersioner{}).ParseResourceVersion(version); err != nil {
		return apierrors.NewBadRequest(fmt.Sprintf("resourceVersion %q is none: take one that the server has given, or leave it out", version))
	}
	return nil
}

func checkMetadata(k schema.GroupVersionKind, obj runtime.Object) error {
	m, path := accessor(obj), field.NewPath("metadata")
	var errs field.ErrorList
	for _, part := range []struct {
		name  string
		count int
	}{
		{"labels", len(m.GetLabels())},
		{"annotations", len(m.GetAnnotations())},
		{"finalizers", len(m.GetFinalizers())},
		{"ownerReferences", len(m.GetOwnerReferences())},
	} {
		if part.count > maxMetadata {
			errs = append(errs, field.TooMany(path.Child(part.name), part.count, maxMetadata))
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return apierrors.NewInvalid(k.GroupKind(), m.GetName(), errs)
}

// FirstErrors are those of an object's errors that are told.
func FirstErrors(errs field.ErrorList) field.ErrorList {
	if len(errs) <= maxErrors {
		return errs
	}
	return append(errs[:maxErrors:maxErrors], &field.Error{
		Type: field.ErrorTypeTooMany, Field: "*", BadValue: len(errs), Detail: fmt.Sprintf("only the first %d errors are shown", maxErrors),
	})
}

// tooLarge is what etcd does not take.
type tooLarge struct{ *apierrors.StatusError }

// GRPCStatus is what a request that is too large for etcd's client fails with. By it the API machinery knows that the object
// may be stored without the record of who set which field, and tries that.
func (tooLarge) GRPCStatus() *status.Status {
	return status.New(codes.ResourceExhausted, "trying to send message larger than max")
}

// refused says of an error of etcd that it is the client's, where it is.
func refused(err error) error {
	var is interface{ Code() codes.Code } // what etcd's server answers
	code := status.Code(err)              // what its client knows before it asks
	if errors.As(err, &is) {
		code = is.Code()
	}
	if code == codes.InvalidArgument && strings.Contains(err.Error(), "request is too large") || code == codes.ResourceExhausted && strings.Contains(err.Error(), "larger than max") {
		return tooLarge{apierrors.NewRequestEntityTooLargeError("the object is larger than etcd stores, which is 1.5 MiB if nothing else is set there")}
	}
	return err
}
