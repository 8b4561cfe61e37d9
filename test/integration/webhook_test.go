// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"drover.dev/drover/pkg/access/pki"
	"drover.dev/drover/pkg/standalone"
)

// A webhook is asked about what roles do not allow, and what it denies, roles after it cannot allow. Nobody is asked about
// the administrators.
func TestAuthorizationWebhook(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	webhook := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review authorizationv1.SubjectAccessReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		a := review.Spec.ResourceAttributes
		review.Status.Allowed = review.Spec.User == "w-jane" && a != nil && a.Verb == "list" && a.Resource == "configmaps"
		review.Status.Denied = review.Spec.User == "w-mallory" || review.Spec.User == "drover-admin"
		review.Status.Reason = "says the webhook"
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(review)
	}))
	t.Cleanup(webhook.Close)
	kubeconfig := clientcmdapi.NewConfig()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: webhook.Certificate().Raw})
	kubeconfig.Clusters["w"] = &clientcmdapi.Cluster{Server: webhook.URL, CertificateAuthorityData: ca}
	kubeconfig.AuthInfos["w"] = &clientcmdapi.AuthInfo{}
	kubeconfig.Contexts["w"] = &clientcmdapi.Context{Cluster: "w", AuthInfo: "w"}
	kubeconfig.CurrentContext = "w"
	if err := clientcmd.WriteToFile(*kubeconfig, filepath.Join(dir, "webhook.kubeconfig")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "authorization.yaml")
	const roles = `apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- {type: RBAC, name: rbac}
`
	withWebhook := `apiVersion: apiserver.config.k8s.io/v1
kind: AuthorizationConfiguration
authorizers:
- type: Webhook
  name: policy
  webhook:
    timeout: 3s
    subjectAccessReviewVersion: v1
    matchConditionSubjectAccessReviewVersion: v1
    failurePolicy: Deny
    authorizedTTL: 1s
    unauthorizedTTL: 1s
    cacheAuthorizedRequests: false
    cacheUnauthorizedRequests: false
    connectionInfo: {type: KubeConfigFile, kubeConfigFile: ` + filepath.Join(dir, "webhook.kubeconfig") + `}
    matchConditions: [{expression: "has(request.resourceAttributes)"}]
- {type: RBAC, name: rbac}
`
	if err := os.WriteFile(file, []byte(withWebhook), 0o600); err != nil {
		t.Fatal(err)
	}
	f := startFor(t, noControllers, func(o *standalone.Options) { o.APIServer.AuthorizationConfig = file })
	here := f.namespace(t)
	for _, who := range []string{"w-bob", "w-mallory"} {
		f.bind(t, here, clusterRole("view"), who)
	}
	f.waitUntilMay(t, "w-bob", here, "list services")
	list := func(who string) error {
		_, err := kubernetes.NewForConfigOrDie(f.as(t, who)).CoreV1().ConfigMaps(here).List(ctx, metav1.ListOptions{})
		return err
	}
	if err := list("w-jane"); err != nil {
		t.Errorf("what the webhook allows: %v", err)
	}
	if f.may(t, "w-jane", here, "list services") {
		t.Error("jane may what neither allows")
	}
	if err := list("w-bob"); err != nil {
		t.Errorf("what a role allows: %v", err)
	}
	if err := list("w-mallory"); code(err) != 403 {
		t.Errorf("what the webhook denies and a role allows: %v", err)
	}
	if err := pki.WriteFile(file, []byte(roles)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the webhook is asked no more", func() string {
		if code(list("w-jane")) != 403 || list("w-mallory") != nil {
			return "it still is"
		}
		return ""
	})
}
