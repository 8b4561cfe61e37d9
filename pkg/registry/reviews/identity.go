// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package reviews

import (
	"context"
	"net/http"
	"net/url"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/registry/rest"
)

// SelfSubject answers "who am I".
func SelfSubject() rest.Storage {
	return &review[*authenticationv1.SelfSubjectReview]{
		singular: "selfsubjectreview",
		empty:    func() *authenticationv1.SelfSubjectReview { return &authenticationv1.SelfSubjectReview{} },
		answer: func(_ context.Context, who user.Info, q *authenticationv1.SelfSubjectReview) error {
			q.Status.UserInfo = userInfo(who)
			return nil
		},
	}
}

// Token answers "whose token is this", as the server would say of a request that it came with.
func Token(authn authenticator.Request) rest.Storage {
	return &review[*authenticationv1.TokenReview]{
		singular: "tokenreview",
		empty:    func() *authenticationv1.TokenReview { return &authenticationv1.TokenReview{} },
		answer: func(ctx context.Context, _ user.Info, q *authenticationv1.TokenReview) error {
			if q.Spec.Token == "" {
				return apierrors.NewBadRequest("spec.token must be given")
			}
			if len(q.Spec.Audiences) > 0 {
				ctx = authenticator.WithAudiences(ctx, q.Spec.Audiences)
			}
			asked := (&http.Request{Method: http.MethodGet, URL: &url.URL{}, Header: http.Header{"Authorization": {"Bearer " + q.Spec.Token}}}).WithContext(ctx)
			q.Status = authenticationv1.TokenReviewStatus{}
			response, ok, err := authn.AuthenticateRequest(asked)
			if err != nil {
				q.Status.Error = err.Error()
				return nil
			}
			if !ok {
				return nil
			}
			if len(q.Spec.Audiences) > 0 && len(authenticator.Audiences(q.Spec.Audiences).Intersect(response.Audiences)) == 0 {
				q.Status.Error = "the token is for none of the audiences asked for"
				return nil
			}
			q.Status.Authenticated, q.Status.User, q.Status.Audiences = true, userInfo(response.User), response.Audiences
			return nil
		},
	}
}

func userInfo(who user.Info) authenticationv1.UserInfo {
	info := authenticationv1.UserInfo{Username: who.GetName(), UID: who.GetUID(), Groups: who.GetGroups()}
	for key, values := range who.GetExtra() {
		if info.Extra == nil {
			info.Extra = map[string]authenticationv1.ExtraValue{}
		}
		info.Extra[key] = values
	}
	return info
}
