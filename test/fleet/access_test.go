// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/members"
	"drover.dev/drover/test/fleet"
)

// TestTokens sees a ServiceAccount's token work in its own cluster as long as it is valid and the account is there.
func TestTokens(t *testing.T) {
	f := start(t, 2)
	admin := clientOf(t, f.Clusters[0].Config())
	accounts := admin.CoreV1().ServiceAccounts(metav1.NamespaceDefault)
	if _, err := accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "drover"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token := func(seconds int64) string {
		request, err := accounts.CreateToken(t.Context(), "drover", &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: ptr.To(seconds)}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return request.Status.Token
	}
	good := token(3600)
	if members.TokenAged(good, time.Now()) || !members.TokenAged(good, time.Now().Add(time.Hour)) {
		t.Error("the token does not say how long it is valid")
	}
	if err := use(t, f.Clusters[0], good); err != nil {
		t.Errorf("a token: %v", err)
	}
	for name, bad := range map[string]error{
		"in another cluster": use(t, f.Clusters[1], good),
		"that has expired":   use(t, f.Clusters[0], token(0)),
		"that was changed":   use(t, f.Clusters[0], "x"+good),
		"that is none":       use(t, f.Clusters[0], "none"),
		"that is not there":  use(t, f.Clusters[0], ""),
	} {
		if !apierrors.IsUnauthorized(bad) {
			t.Errorf("a token %s: %v", name, bad)
		}
	}
	if err := accounts.Delete(t.Context(), "drover", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := use(t, f.Clusters[0], good); !apierrors.IsUnauthorized(err) {
		t.Errorf("a token of an account that is gone: %v", err)
	}
}

func use(t *testing.T, c *fleet.Cluster, token string) error {
	t.Helper()
	config := c.Config()
	config.BearerToken = token
	_, err := clientOf(t, config).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	return err
}
