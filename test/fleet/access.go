// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/registry"
)

// claims are what a token of a ServiceAccount says, as far as anybody here reads it.
type claims struct {
	Issued    int64  `json:"iat"`
	Expires   int64  `json:"exp"`
	Subject   string `json:"sub"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	UID       string `json:"uid"`
}

var encoding = base64.RawURLEncoding

// sign makes a JSON web token (RFC 7519) that this cluster accepts.
func (c *Cluster) sign(says claims) (string, error) {
	payload, err := json.Marshal(says)
	if err != nil {
		return "", err
	}
	signed := encoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encoding.EncodeToString(payload)
	return signed + "." + c.signature(signed), nil
}

func (c *Cluster) signature(signed string) string {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(signed))
	return encoding.EncodeToString(mac.Sum(nil))
}

// newToken makes a token of a ServiceAccount.
func (c *Cluster) newToken(account *corev1.ServiceAccount, lifetime time.Duration) (token string, expires time.Time, err error) {
	now := time.Now()
	expires = now.Add(lifetime)
	token, err = c.sign(claims{
		Issued: now.Unix(), Expires: expires.Unix(), Subject: serviceaccount.MakeUsername(account.Namespace, account.Name),
		Namespace: account.Namespace, Name: account.Name, UID: string(account.UID),
	})
	return token, expires, err
}

// authenticate accepts the administrator's token, and tokens of ServiceAccounts while those are there.
func authenticate(ctx context.Context, token string) (*authenticator.Response, bool, error) {
	c := clusterOf(ctx)
	if token == c.adminToken {
		return &authenticator.Response{User: &user.DefaultInfo{Name: "fleet-admin", Groups: []string{user.SystemPrivilegedGroup, user.AllAuthenticated}}}, true, nil
	}
	dot := strings.LastIndex(token, ".")
	if dot < 0 || !hmac.Equal([]byte(token[dot+1:]), []byte(c.signature(token[:dot]))) {
		return nil, false, nil
	}
	_, encoded, _ := strings.Cut(token[:dot], ".")
	payload, err := encoding.DecodeString(encoded)
	if err != nil {
		return nil, false, err
	}
	var says claims
	if err := json.Unmarshal(payload, &says); err != nil {
		return nil, false, err
	}
	account, ok := c.space.Get("serviceaccounts", says.Namespace, says.Name).(*corev1.ServiceAccount)
	if !ok || string(account.UID) != says.UID || time.Now().Unix() >= says.Expires {
		return nil, false, nil
	}
	return &authenticator.Response{User: serviceaccount.UserInfo(says.Namespace, says.Name, says.UID)}, true, nil
}

// authorize allows everything to everybody who is known, but for watches where those are forbidden.
func authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if a.GetVerb() == "watch" && clusterOf(ctx).faulty().ForbidWatches {
		return authorizer.DecisionNoOpinion, "watches are forbidden", nil
	}
	return authorizer.DecisionAllow, "", nil
}

// tokenREST serves serviceaccounts/token.
type tokenREST struct {
	accounts *registry.REST
}

var (
	_ rest.NamedCreater             = &tokenREST{}
	_ rest.GroupVersionKindProvider = &tokenREST{}
)

func (r *tokenREST) New() runtime.Object { return &authenticationv1.TokenRequest{} }
func (r *tokenREST) Destroy()            {}

func (r *tokenREST) GroupVersionKind(schema.GroupVersion) schema.GroupVersionKind {
	return authenticationv1.SchemeGroupVersion.WithKind("TokenRequest")
}

// defaultLifetime is that of a token nobody asked a lifetime of.
const defaultLifetime = time.Hour

func (r *tokenREST) Create(ctx context.Context, name string, obj runtime.Object, _ rest.ValidateObjectFunc, _ *metav1.CreateOptions) (runtime.Object, error) {
	asked, ok := obj.(*authenticationv1.TokenRequest)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("expected a TokenRequest, got %T", obj))
	}
	account, err := r.accounts.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	lifetime := time.Duration(ptr.Deref(asked.Spec.ExpirationSeconds, int64(defaultLifetime.Seconds()))) * time.Second
	token, expires, err := clusterOf(ctx).newToken(account.(*corev1.ServiceAccount), lifetime)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	asked.Name, asked.Namespace = name, request.NamespaceValue(ctx)
	asked.Status = authenticationv1.TokenRequestStatus{Token: token, ExpirationTimestamp: metav1.NewTime(expires)}
	return asked, nil
}
