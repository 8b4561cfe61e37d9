// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package reviews

import (
	"context"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
)

// SelfSubjectAccess answers "may I".
func SelfSubjectAccess(authz authorizer.Authorizer) rest.Storage {
	return &review[*authorizationv1.SelfSubjectAccessReview]{
		singular: "selfsubjectaccessreview",
		empty:    func() *authorizationv1.SelfSubjectAccessReview { return &authorizationv1.SelfSubjectAccessReview{} },
		answer: func(ctx context.Context, who user.Info, q *authorizationv1.SelfSubjectAccessReview) (err error) {
			q.Status, err = decide(ctx, authz, who, q.Spec.ResourceAttributes, q.Spec.NonResourceAttributes)
			return err
		},
	}
}

// SubjectAccess answers "may they".
func SubjectAccess(authz authorizer.Authorizer) rest.Storage {
	return &review[*authorizationv1.SubjectAccessReview]{
		singular: "subjectaccessreview",
		empty:    func() *authorizationv1.SubjectAccessReview { return &authorizationv1.SubjectAccessReview{} },
		answer: func(ctx context.Context, _ user.Info, q *authorizationv1.SubjectAccessReview) error {
			return decideFor(ctx, authz, &q.Spec, &q.Status)
		},
	}
}

// LocalSubjectAccess answers "may they, in this namespace".
func LocalSubjectAccess(authz authorizer.Authorizer) rest.Storage {
	return &review[*authorizationv1.LocalSubjectAccessReview]{
		singular:   "localsubjectaccessreview",
		namespaced: true,
		empty:      func() *authorizationv1.LocalSubjectAccessReview { return &authorizationv1.LocalSubjectAccessReview{} },
		answer: func(ctx context.Context, _ user.Info, q *authorizationv1.LocalSubjectAccessReview) error {
			if q.Spec.ResourceAttributes == nil || q.Spec.NonResourceAttributes != nil {
				return apierrors.NewBadRequest("spec.resourceAttributes must be given, and spec.nonResourceAttributes must not")
			}
			if namespace := request.NamespaceValue(ctx); q.Spec.ResourceAttributes.Namespace != namespace {
				return apierrors.NewBadRequest("spec.resourceAttributes.namespace must be the namespace of the review, " + namespace)
			}
			return decideFor(ctx, authz, &q.Spec, &q.Status)
		},
	}
}

// decideFor answers whether somebody else may.
func decideFor(ctx context.Context, authz authorizer.Authorizer, q *authorizationv1.SubjectAccessReviewSpec, answer *authorizationv1.SubjectAccessReviewStatus) (err error) {
	if q.User == "" && len(q.Groups) == 0 {
		return apierrors.NewBadRequest("at least one of spec.user and spec.groups must be given")
	}
	who := &user.DefaultInfo{Name: q.User, UID: q.UID, Groups: q.Groups}
	for key, values := range q.Extra {
		if who.Extra == nil {
			who.Extra = map[string][]string{}
		}
		who.Extra[key] = values
	}
	*answer, err = decide(ctx, authz, who, q.ResourceAttributes, q.NonResourceAttributes)
	return err
}

func decide(ctx context.Context, authz authorizer.Authorizer, who user.Info, resource *authorizationv1.ResourceAttributes, path *authorizationv1.NonResourceAttributes) (answer authorizationv1.SubjectAccessReviewStatus, err error) {
	if (resource == nil) == (path == nil) {
		return answer, apierrors.NewBadRequest("exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be given")
	}
	decision, reason, err := authz.Authorize(ctx, attributes(who, resource, path))
	answer = authorizationv1.SubjectAccessReviewStatus{
		Allowed: decision == authorizer.DecisionAllow, Denied: decision == authorizer.DecisionDeny, Reason: reason,
	}
	if err != nil {
		answer.EvaluationError = err.Error()
	}
	return answer, nil
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
