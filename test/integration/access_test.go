// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func TestWhoMayDoWhat(t *testing.T) {
	f := api(t)
	namespace := f.namespace(t)
	nobody, jane, token := f.asNobody(), f.as(t, "jane", "dev"), f.asNobody()
	token.BearerToken = "guessed"
	for _, path := range []string{
		"/", "/api", "/apis", "/version", "/livez", "/readyz", "/healthz", "/livez/ping", "/readyz/etcd", "/metrics", "/openapi/v2", "/openapi/v3", "/debug/pprof/",
		"/api/v1/namespaces", "/api/v1/namespaces/" + namespace + "/secrets", "/apis/federation.drover.dev/v1alpha1/clusters",
	} {
		want := 401
		if slices.Contains([]string{"/version", "/livez", "/readyz"}, path) {
			want = 200
		}
		if err := rawClient(t, nobody).Get().AbsPath(path).Do(t.Context()).Error(); code(err) != want {
			t.Errorf("%s without a certificate: %v, want %d", path, err, want)
		}
		if err := rawClient(t, token).Get().AbsPath(path).Do(t.Context()).Error(); code(err) != 401 {
			t.Errorf("%s with a guessed token: %v", path, err)
		}
	}
	// What there is, in the server's own words.
	var served metav1.RootPaths
	if err := json.Unmarshal(must[[]byte](t)(rawClient(t, f.config).Get().AbsPath("/").DoRaw(t.Context())), &served); err != nil || len(served.Paths) < 50 {
		t.Fatalf("paths are %v, %v", served.Paths, err)
	}
	for _, path := range served.Paths {
		open := slices.Contains([]string{"/version", "/livez", "/readyz"}, path)
		for _, verb := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
			if err := rawClient(t, nobody).Verb(verb).AbsPath(path).Do(t.Context()).Error(); !open && code(err) != 401 || open && verb != http.MethodGet && code(err) != 403 {
				t.Errorf("%s %s without a certificate: %v", verb, path, err)
			}
		}
	}
	for path, want := range map[string]int{
		"/api": 200, "/apis": 200, "/apis/apps/v1": 200, "/version": 200, "/livez": 200, "/readyz": 200, "/healthz": 200, "/openapi/v2": 200, "/openapi/v3": 200,
		"/readyz/etcd": 403, "/metrics": 403, "/debug/pprof/": 403, "/configz": 403,
		"/apis/apps/v1/namespaces/" + namespace + "/deployments": 403, "/api/v1/namespaces": 403, "/api/v1/namespaces/" + namespace + "/secrets": 403,
		"/apis/federation.drover.dev/v1alpha1/clusters": 403, "/apis/apps/v1/watch/deployments": 403,
	} {
		if err := rawClient(t, jane).Get().AbsPath(path).Do(t.Context()).Error(); code(err) != want {
			t.Errorf("%s as one of another group: %v, want %d", path, err, want)
		}
	}
	for _, path := range []string{"/metrics", "/readyz", "/livez", "/version"} {
		if err := rawClient(t, f.config).Get().AbsPath(path).Do(t.Context()).Error(); err != nil {
			t.Errorf("%s as the administrator: %v", path, err)
		}
	}
	client := kubernetes.NewForConfigOrDie(jane)
	if _, err := client.AppsV1().Deployments(namespace).Create(t.Context(), deployment("web", 1), metav1.CreateOptions{}); code(err) != 403 {
		t.Errorf("create as one of another group: %v", err)
	}
	if err := client.CoreV1().Secrets(namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); code(err) != 403 {
		t.Errorf("delete as one of another group: %v", err)
	}
}

// Another authority's certificate says nothing here.
func TestForeignCertificate(t *testing.T) {
	foreign := api(t).signedBy(t, t.TempDir(), "drover-admin", "system:masters")
	if err := rawClient(t, foreign).Get().AbsPath("/api/v1/namespaces").Do(t.Context()).Error(); code(err) == 200 || code(err) == 403 {
		t.Errorf("a certificate of another authority is believed: %v", err)
	}
}

func TestSelfReviews(t *testing.T) {
	f, ctx := api(t), t.Context()
	for _, tt := range []struct {
		who     string
		client  kubernetes.Interface
		groups  []string
		deploys bool
	}{
		{"drover-admin", f.kube, []string{"system:masters", "system:authenticated"}, true},
		{"jane", kubernetes.NewForConfigOrDie(f.as(t, "jane", "dev")), []string{"dev", "system:authenticated"}, false},
	} {
		t.Run(tt.who, func(t *testing.T) {
			me := must[*authenticationv1.SelfSubjectReview](t)(tt.client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}))
			if me.Status.UserInfo.Username != tt.who {
				t.Errorf("I am %s, want %s", me.Status.UserInfo.Username, tt.who)
			}
			if diff := cmp.Diff(tt.groups, me.Status.UserInfo.Groups); diff != "" {
				t.Errorf("groups (-want +got):\n%s", diff)
			}
			may := func(verb, group, resource string) bool {
				review := must[*authorizationv1.SelfSubjectAccessReview](t)(tt.client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
					Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{Namespace: "default", Verb: verb, Group: group, Resource: resource}},
				}, metav1.CreateOptions{}))
				return review.Status.Allowed
			}
			if got := may("create", "apps", "deployments"); got != tt.deploys {
				t.Errorf("may create deployments: %v, want %v", got, tt.deploys)
			}
			if !may("create", "authentication.k8s.io", "selfsubjectreviews") {
				t.Error("may not ask who it is")
			}
			rules := must[*authorizationv1.SelfSubjectRulesReview](t)(tt.client.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
				Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: "default"},
			}, metav1.CreateOptions{}))
			if rules.Status.Incomplete || len(rules.Status.ResourceRules) == 0 || len(rules.Status.NonResourceRules) == 0 {
				t.Errorf("rules are %+v", rules.Status)
			}
		})
	}
	if _, err := f.kube.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{}, metav1.CreateOptions{}); code(err) != 400 {
		t.Errorf("a review that asks nothing: %v", err)
	}
	if _, err := f.kube.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{}, metav1.CreateOptions{}); code(err) != 400 {
		t.Errorf("a rules review of no namespace: %v", err)
	}
}

func TestAdminKubeconfig(t *testing.T) {
	f := api(t)
	path := f.dataDir + "/admin.kubeconfig"
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %o", info.Mode().Perm())
	}
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if config.CurrentContext != "federation" || config.Contexts["federation"] == nil || config.Contexts["federation"].Namespace != "default" {
		t.Errorf("context is %q: %+v", config.CurrentContext, config.Contexts)
	}
	for _, file := range []string{"/pki", "/etcd"} {
		if info, err := os.Stat(f.dataDir + file); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s has mode %o, %v", file, info.Mode().Perm(), err)
		}
	}
}
