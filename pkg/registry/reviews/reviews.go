// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package reviews answers the questions of kubectl auth: may I, what may I, and who am I. Nothing is stored.
package reviews

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
)

// review is a create-only resource that answers in the object's status.
type review[T runtime.Object] struct {
	singular string
	empty    func() T
	answer   func(ctx context.Context, who user.Info, question T) error
}

var (
	_ rest.Creater              = &review[*authorizationv1.SelfSubjectAccessReview]{}
	_ rest.Scoper               = &review[*authorizationv1.SelfSubjectAccessReview]{}
	_ rest.SingularNameProvider = &review[*authorizationv1.SelfSubjectAccessReview]{}
)

func (r *review[T]) New() runtime.Object     { return r.empty() }
func (r *review[T]) Destroy()                {}
func (r *review[T]) NamespaceScoped() bool   { return false }
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
	return question, r.answer(ctx, who, question)
}

// SelfSubjectAccess answers "may I".
func SelfSubjectAccess(authz authorizer.Authorizer) rest.Storage {
	return &review[*authorizationv1.SelfSubjectAccessReview]{
		singular: "selfsubjectaccessreview",
		empty:    func() *authorizationv1.SelfSubjectAccessReview { return &authorizationv1.SelfSubjectAccessReview{} },
		answer: func(ctx context.Context, who user.Info, q *authorizationv1.SelfSubjectAccessReview) error {
			if (q.Spec.ResourceAttributes == nil) == (q.Spec.NonResourceAttributes == nil) {
				return apierrors.NewBadRequest("exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be given")
			}
			decision, reason, err := authz.Authorize(ctx, attributes(who, &q.Spec))
			q.Status = authorizationv1.SubjectAccessReviewStatus{
				Allowed: decision == authorizer.DecisionAllow, Denied: decision == authorizer.DecisionDeny, Reason: reason,
			}
			if err != nil {
				q.Status.EvaluationError = err.Error()
			}
			return nil
		},
	}
}

func attributes(who user.Info, spec *authorizationv1.SelfSubjectAccessReviewSpec) authorizer.AttributesRecord {
	if n := spec.NonResourceAttributes; n != nil {
		return authorizer.AttributesRecord{User: who, Verb: n.Verb, Path: n.Path}
	}
	r := spec.ResourceAttributes
	return authorizer.AttributesRecord{
		User: who, ResourceRequest: true, Verb: r.Verb, Namespace: r.Namespace,
		APIGroup: r.Group, APIVersion: r.Version, Resource: r.Resource, Subresource: r.Subresource, Name: r.Name,
	}
}

// SelfSubjectRules answers "what may I".
func SelfSubjectRules(rules authorizer.RuleResolver) rest.Storage {
	return &review[*authorizationv1.SelfSubjectRulesReview]{
		singular: "selfsubjectrulesreview",
		empty:    func() *authorizationv1.SelfSubjectRulesReview { return &authorizationv1.SelfSubjectRulesReview{} },
		answer: func(ctx context.Context, who user.Info, q *authorizationv1.SelfSubjectRulesReview) error {
			if q.Spec.Namespace == "" {
				return apierrors.NewBadRequest("spec.namespace must be given")
			}
			resources, urls, incomplete, err := rules.RulesFor(ctx, who, q.Spec.Namespace)
			q.Status = authorizationv1.SubjectRulesReviewStatus{
				ResourceRules: []authorizationv1.ResourceRule{}, NonResourceRules: []authorizationv1.NonResourceRule{}, Incomplete: incomplete,
			}
			for _, r := range resources {
				q.Status.ResourceRules = append(q.Status.ResourceRules, authorizationv1.ResourceRule{
					Verbs: r.GetVerbs(), APIGroups: r.GetAPIGroups(), Resources: r.GetResources(), ResourceNames: r.GetResourceNames(),
				})
			}
			for _, r := range urls {
				q.Status.NonResourceRules = append(q.Status.NonResourceRules, authorizationv1.NonResourceRule{
					Verbs: r.GetVerbs(), NonResourceURLs: r.GetNonResourceURLs(),
				})
			}
			if err != nil {
				q.Status.EvaluationError = err.Error()
			}
			return nil
		},
	}
}

// SelfSubject answers "who am I".
func SelfSubject() rest.Storage {
	return &review[*authenticationv1.SelfSubjectReview]{
		singular: "selfsubjectreview",
		empty:    func() *authenticationv1.SelfSubjectReview { return &authenticationv1.SelfSubjectReview{} },
		answer: func(_ context.Context, who user.Info, q *authenticationv1.SelfSubjectReview) error {
			q.Status.UserInfo = authenticationv1.UserInfo{Username: who.GetName(), UID: who.GetUID(), Groups: who.GetGroups()}
			for key, values := range who.GetExtra() {
				if q.Status.UserInfo.Extra == nil {
					q.Status.UserInfo.Extra = map[string]authenticationv1.ExtraValue{}
				}
				q.Status.UserInfo.Extra[key] = values
			}
			return nil
		},
	}
}
