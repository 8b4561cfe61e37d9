// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package accounts

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apiserver/pkg/authentication/authenticator"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func bot(uid types.UID) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "ci", Name: "bot", UID: uid}}
}

// stored is a getter of one account; nil for none.
func stored(sa *corev1.ServiceAccount) Getter {
	return func(_ context.Context, namespace, name, _ string) (*corev1.ServiceAccount, error) {
		if sa == nil || sa.Namespace != namespace || sa.Name != name {
			return nil, errors.New("not found")
		}
		return sa, nil
	}
}

func TestTokens(t *testing.T) {
	key, now := newKey(t), time.Now()
	leaving := bot("1")
	leaving.DeletionTimestamp = &metav1.Time{Time: now}
	issue := func(key *ecdsa.PrivateKey, now time.Time, lifetime time.Duration, audiences ...string) string {
		token, expires, err := New(key, nil).Issue(bot("1"), audiences, now, lifetime)
		if err != nil || expires.After(now.Add(lifetime)) {
			t.Fatalf("until %s, %v", expires, err)
		}
		return token
	}
	sign := func(method jwt.SigningMethod, key any, change func(*claims)) string {
		said := claims{
			RegisteredClaims: jwt.RegisteredClaims{Issuer: Issuer, Subject: "system:serviceaccount:ci:bot", Audience: []string{Issuer}, ExpiresAt: jwt.NewNumericDate(now.Add(time.Hour))},
			Kubernetes:       account{Namespace: "ci", ServiceAccount: reference{Name: "bot", UID: "1"}},
		}
		change(&said)
		token, err := jwt.NewWithClaims(method, said).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	valid := issue(key, now, time.Hour)
	for _, tt := range []struct {
		name, token string
		account     *corev1.ServiceAccount
		asked       []string
		want        string // part of the error; empty if it is known
	}{
		{"valid", valid, bot("1"), nil, ""},
		{"for what is asked", issue(key, now, time.Hour, "vault"), bot("1"), []string{"vault"}, ""},
		{"as signed here", sign(jwt.SigningMethodES256, key, func(*claims) {}), bot("1"), nil, ""},
		{"for others", issue(key, now, time.Hour, "vault"), bot("1"), nil, `is for ["vault"]`},
		{"for others than asked", valid, bot("1"), []string{"vault"}, `not for ["vault"]`},
		{"expired", issue(key, now.Add(-2*time.Hour), time.Hour), bot("1"), nil, "expired"},
		{"not yet", issue(key, now.Add(time.Hour), time.Hour), bot("1"), nil, "not valid yet"},
		{"of another key", issue(newKey(t), now, time.Hour), bot("1"), nil, "signature"},
		{"of an account that is gone", valid, nil, nil, "not found"},
		{"of an account that was made again", valid, bot("2"), nil, "deleted since"},
		{"of an account that is leaving", valid, leaving, nil, "deleted since"},
		{"signed by nobody", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, func(*claims) {}), bot("1"), nil, "signing method none"},
		{"signed by what is public", sign(jwt.SigningMethodHS256, []byte("secret"), func(*claims) {}), bot("1"), nil, "signing method HS256"},
		{"without an end", sign(jwt.SigningMethodES256, key, func(c *claims) { c.ExpiresAt = nil }), bot("1"), nil, "exp"},
		{"for nobody", sign(jwt.SigningMethodES256, key, func(c *claims) { c.Audience = nil }), bot("1"), nil, "is for []"},
		{"of another subject", sign(jwt.SigningMethodES256, key, func(c *claims) { c.Subject = "drover-admin" }), bot("1"), nil, "differ"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := t.Context()
			if tt.asked != nil {
				ctx = authenticator.WithAudiences(ctx, tt.asked)
			}
			response, ok, err := New(key, stored(tt.account)).AuthenticateToken(ctx, tt.token)
			if tt.want != "" {
				if ok || err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("known: %v, error %v does not say %q", ok, err, tt.want)
				}
				return
			}
			if err != nil || !ok {
				t.Fatalf("known: %v, %v", ok, err)
			}
			if got := response.User.GetName() + " " + response.User.GetUID() + " " + strings.Join(response.User.GetGroups(), ","); got != "system:serviceaccount:ci:bot 1 system:serviceaccounts,system:serviceaccounts:ci" {
				t.Errorf("is %s", got)
			}
		})
	}
	for name, token := range map[string]string{
		"another issuer": sign(jwt.SigningMethodES256, key, func(c *claims) { c.Issuer = "https://other" }), "no token": "guessed", "nothing": "",
	} {
		if _, ok, err := New(key, stored(bot("1"))).AuthenticateToken(t.Context(), token); ok || err != nil {
			t.Errorf("%s: %v, %v; want no opinion", name, ok, err)
		}
	}
}
