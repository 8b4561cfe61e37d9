// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

// A token of a ServiceAccount gives the account's rights, until it ends or the account does.
func TestServiceAccountTokens(t *testing.T) {
	f, ctx := api(t), t.Context()
	here := f.namespace(t)
	accounts := f.kube.CoreV1().ServiceAccounts(here)
	bot := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "bot"}}
	must[*corev1.ServiceAccount](t)(accounts.Create(ctx, bot, metav1.CreateOptions{}))
	request := func(client kubernetes.Interface, spec authenticationv1.TokenRequestSpec) (*authenticationv1.TokenRequest, error) {
		return client.CoreV1().ServiceAccounts(here).CreateToken(ctx, "bot", &authenticationv1.TokenRequest{Spec: spec}, metav1.CreateOptions{})
	}
	made := must[*authenticationv1.TokenRequest](t)(request(f.kube, authenticationv1.TokenRequestSpec{}))
	if left := time.Until(made.Status.ExpirationTimestamp.Time); left < 50*time.Minute || left > time.Hour {
		t.Errorf("ends in %s", left)
	}
	config := f.asNobody()
	config.BearerToken = made.Status.Token
	client := kubernetes.NewForConfigOrDie(config)
	me := must[*authenticationv1.SelfSubjectReview](t)(client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}))
	name := "system:serviceaccount:" + here + ":bot"
	if me.Status.UserInfo.Username != name {
		t.Errorf("is %s", me.Status.UserInfo.Username)
	}
	if _, err := client.CoreV1().ConfigMaps(here).List(ctx, metav1.ListOptions{}); code(err) != 403 {
		t.Errorf("without a role: %v", err)
	}
	must[*rbacv1.RoleBinding](t)(f.kube.RbacV1().RoleBindings(here).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "bot"}, RoleRef: clusterRole("admin"), Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: here, Name: "bot"}},
	}, metav1.CreateOptions{}))
	f.waitUntilMay(t, name, here, "create serviceaccounts/token")
	if _, err := request(client, authenticationv1.TokenRequestSpec{}); err != nil {
		t.Errorf("the administrator of the namespace asks for a token: %v", err)
	}
	f.bind(t, here, clusterRole("edit"), "s-jane")
	f.waitUntilMay(t, "s-jane", here, "update serviceaccounts")
	if _, err := request(kubernetes.NewForConfigOrDie(f.as(t, "s-jane")), authenticationv1.TokenRequestSpec{}); code(err) != 403 {
		t.Errorf("who edits asks for a token: %v", err)
	}

	for what, spec := range map[string]authenticationv1.TokenRequestSpec{
		"for a moment": {ExpirationSeconds: ptr.To[int64](60)},
		"for ever":     {ExpirationSeconds: ptr.To[int64](1 << 40)},
		"for a pod":    {BoundObjectRef: &authenticationv1.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: "a"}},
	} {
		if _, err := request(f.kube, spec); code(err) != 422 {
			t.Errorf("%s: %v", what, err)
		}
	}
	vault := must[*authenticationv1.TokenRequest](t)(request(f.kube, authenticationv1.TokenRequestSpec{Audiences: []string{"vault"}}))
	other := f.asNobody()
	other.BearerToken = vault.Status.Token
	if err := rawClient(t, other).Get().AbsPath("/api").Do(ctx).Error(); code(err) != 401 {
		t.Errorf("a token for somebody else: %v", err)
	}
	review := must[*authenticationv1.TokenReview](t)(f.kube.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: vault.Status.Token, Audiences: []string{"vault", "bank"}},
	}, metav1.CreateOptions{}))
	if got := review.Status; !got.Authenticated || got.User.Username != name || len(got.Audiences) != 1 || got.Audiences[0] != "vault" {
		t.Errorf("review by whom it is for: %+v", got)
	}
	if _, err := f.kube.CoreV1().ServiceAccounts(here).CreateToken(ctx, "nobody", &authenticationv1.TokenRequest{}, metav1.CreateOptions{}); code(err) != 404 {
		t.Errorf("of an account that is not there: %v", err)
	}

	if err := accounts.Delete(ctx, "bot", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	must[*corev1.ServiceAccount](t)(accounts.Create(ctx, bot, metav1.CreateOptions{}))
	eventually(t, "the token has ended with its account", func() string {
		if _, err := client.CoreV1().ConfigMaps(here).List(ctx, metav1.ListOptions{}); code(err) != 401 {
			return "it is still good"
		}
		return ""
	})
}
