// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package serviceaccount serves the subresource token of ServiceAccounts, for kubectl create token. Nothing is stored.
package serviceaccount

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
)

const (
	// defaultSeconds and minSeconds are as in Kubernetes. A token cannot be revoked but by deleting its account.
	defaultSeconds int64 = 60 * 60
	minSeconds     int64 = 10 * 60
	maxSeconds     int64 = 365 * 24 * 60 * 60
)

// Issue makes a token of an account for audiences; none means the federation's API.
type Issue func(sa *corev1.ServiceAccount, audiences []string, now time.Time, lifetime time.Duration) (token string, expires time.Time, err error)

// TokenREST serves TokenRequests.
type TokenREST struct {
	accounts rest.Getter
	issue    Issue
}

var (
	_ rest.NamedCreater             = &TokenREST{}
	_ rest.GroupVersionKindProvider = &TokenREST{}
)

// NewToken makes the subresource of the accounts in a store.
func NewToken(accounts rest.Getter, issue Issue) *TokenREST {
	return &TokenREST{accounts: accounts, issue: issue}
}

// New returns an empty TokenRequest.
func (r *TokenREST) New() runtime.Object { return &authenticationv1.TokenRequest{} }

// Destroy does nothing: the store belongs to the main resource.
func (r *TokenREST) Destroy() {}

// GroupVersionKind is authentication.k8s.io/v1 TokenRequest, though the resource is in the core group.
func (r *TokenREST) GroupVersionKind(schema.GroupVersion) schema.GroupVersionKind {
	return authenticationv1.SchemeGroupVersion.WithKind("TokenRequest")
}

// Create issues a token of an account.
func (r *TokenREST) Create(ctx context.Context, name string, obj runtime.Object, validate rest.ValidateObjectFunc, _ *metav1.CreateOptions) (runtime.Object, error) {
	request, ok := obj.(*authenticationv1.TokenRequest)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("expected a TokenRequest, got %T", obj))
	}
	found, err := r.accounts.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if validate != nil {
		if err := validate(ctx, obj.DeepCopyObject()); err != nil {
			return nil, err
		}
	}
	if request.Spec.ExpirationSeconds == nil {
		seconds := defaultSeconds
		request.Spec.ExpirationSeconds = &seconds
	}
	if errs := check(&request.Spec); len(errs) > 0 {
		return nil, apierrors.NewInvalid(authenticationv1.SchemeGroupVersion.WithKind("TokenRequest").GroupKind(), name, errs)
	}
	sa := found.(*corev1.ServiceAccount)
	token, expires, err := r.issue(sa, request.Spec.Audiences, time.Now(), time.Duration(*request.Spec.ExpirationSeconds)*time.Second)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	request.Name, request.Namespace, request.CreationTimestamp = sa.Name, sa.Namespace, metav1.Now()
	request.Status = authenticationv1.TokenRequestStatus{Token: token, ExpirationTimestamp: metav1.NewTime(expires)}
	return request, nil
}

func check(spec *authenticationv1.TokenRequestSpec) field.ErrorList {
	path := field.NewPath("spec")
	var errs field.ErrorList
	if seconds := *spec.ExpirationSeconds; seconds < minSeconds || seconds > maxSeconds {
		errs = append(errs, field.Invalid(path.Child("expirationSeconds"), seconds, fmt.Sprintf("must be from %d (10 minutes) to %d (a year)", minSeconds, maxSeconds)))
	}
	if spec.BoundObjectRef != nil {
		errs = append(errs, field.Forbidden(path.Child("boundObjectRef"), "tokens of the federation are bound to their account only"))
	}
	return errs
}
