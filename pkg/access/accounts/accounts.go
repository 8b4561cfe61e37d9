// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package accounts issues tokens of the federation's ServiceAccounts, and knows an account by its token. A token ends with
// its account: one that was deleted, and made again, is another.
package accounts

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/serviceaccount"
	tokenjwt "k8s.io/apiserver/pkg/authentication/token/jwt"
)

// Issuer is who the tokens say they are of, and the audience of one that names none.
const Issuer = "https://federation.drover.dev"

// Getter reads an account, as new as the token that names it.
type Getter func(ctx context.Context, namespace, name string, uid string) (*corev1.ServiceAccount, error)

// Tokens issues and checks tokens by a key (ES256 of RFC 7518).
type Tokens struct {
	key *ecdsa.PrivateKey
	get Getter
}

// New makes tokens by a key. Accounts are looked up by a getter whenever a token is checked.
func New(key *ecdsa.PrivateKey, get Getter) *Tokens { return &Tokens{key: key, get: get} }

// claims are those of a Kubernetes ServiceAccount token.
type claims struct {
	jwt.RegisteredClaims
	Kubernetes account `json:"kubernetes.io"`
}

type account struct {
	Namespace      string    `json:"namespace"`
	ServiceAccount reference `json:"serviceaccount"`
}

type reference struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// Issue makes a token of an account for audiences; none means the federation's API.
func (t *Tokens) Issue(sa *corev1.ServiceAccount, audiences []string, now time.Time, lifetime time.Duration) (token string, expires time.Time, err error) {
	if len(audiences) == 0 {
		audiences = []string{Issuer}
	}
	expires = now.Add(lifetime).Truncate(time.Second)
	token, err = jwt.NewWithClaims(jwt.SigningMethodES256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: Issuer, Subject: serviceaccount.MakeUsername(sa.Namespace, sa.Name), Audience: audiences, ID: string(uuid.NewUUID()),
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(expires),
		},
		Kubernetes: account{Namespace: sa.Namespace, ServiceAccount: reference{Name: sa.Name, UID: string(sa.UID)}},
	}).SignedString(t.key)
	return token, expires, err
}

// AuthenticateToken knows an account by its token, and has no opinion on tokens of other issuers.
func (t *Tokens) AuthenticateToken(ctx context.Context, token string) (*authenticator.Response, bool, error) {
	var said claims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &said); err != nil || said.Issuer != Issuer {
		return nil, false, nil //nolint:nilerr // not a token of ours: somebody else may know it
	}
	said = claims{}
	key := func(*jwt.Token) (any, error) { return &t.key.PublicKey, nil }
	if _, err := jwt.ParseWithClaims(token, &said, key, jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer(Issuer), jwt.WithExpirationRequired()); err != nil {
		return nil, false, fmt.Errorf("service account token: %w", err)
	}
	wanted, ok := authenticator.AudiencesFrom(ctx)
	if !ok || len(wanted) == 0 {
		wanted = authenticator.Audiences{Issuer}
	}
	audiences := authenticator.Audiences(said.Audience).Intersect(wanted)
	if len(audiences) == 0 {
		return nil, false, fmt.Errorf("service account token is for %q, not for %q", said.Audience, wanted)
	}
	who := said.Kubernetes
	if said.Subject != serviceaccount.MakeUsername(who.Namespace, who.ServiceAccount.Name) {
		return nil, false, errors.New("service account token: subject and account differ")
	}
	sa, err := t.get(ctx, who.Namespace, who.ServiceAccount.Name, who.ServiceAccount.UID)
	if err != nil {
		return nil, false, fmt.Errorf("service account token: %w", err)
	}
	if string(sa.UID) != who.ServiceAccount.UID || sa.DeletionTimestamp != nil {
		return nil, false, errors.New("service account token: the account has been deleted since")
	}
	info := serviceaccount.ServiceAccountInfo{Namespace: sa.Namespace, Name: sa.Name, UID: string(sa.UID), CredentialID: tokenjwt.CredentialIDForJTI(said.ID)}
	return &authenticator.Response{User: info.UserInfo(), Audiences: audiences}, true, nil
}
