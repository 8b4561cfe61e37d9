// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"slices"
	"testing"

	"k8s.io/client-go/rest"
)

// Nobody gets anything without a certificate of the federation's own authority, but to know whether the server lives and what
// it is. A wrong credential is refused there, too.
func TestAccess(t *testing.T) {
	t.Parallel()
	anonymous := rest.AnonymousClientConfig(shared.Config)
	token := rest.CopyConfig(anonymous)
	token.BearerToken = "made-up"
	stranger := rest.CopyConfig(anonymous)
	other := fragile.Config // the administrator of another federation
	stranger.CertData, stranger.KeyData = other.CertData, other.KeyData
	masquerade := rest.CopyConfig(anonymous)
	masquerade.Impersonate = rest.ImpersonationConfig{UserName: "drover-admin", Groups: []string{"system:masters"}}
	for name, config := range map[string]*rest.Config{"anonymous": anonymous, "token": token, "another federation's": stranger, "impersonation": masquerade} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{
				"/", "/api", "/apis", "/api/v1/namespaces", "/api/v1/namespaces/drover-system/secrets", "/apis/apps/v1/deployments",
				"/apis/federation.drover.dev/v1alpha1/clusters", "/openapi/v2", "/openapi/v3", "/metrics", "/version", "/readyz", "/livez", "/healthz", "/debug/pprof/", "/logs", "/nowhere",
			} {
				client, err := rest.HTTPClientFor(config)
				if err != nil {
					t.Fatal(err)
				}
				response, err := client.Get(config.Host + path)
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if want := wantedStatus(name, path); response.StatusCode != want {
					t.Errorf("GET %s: got %s, want %d", path, response.Status, want)
				}
			}
		})
	}
	info, err := os.Stat(shared.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 {
		t.Errorf("%s has the mode %o, want 600", shared.Kubeconfig, mode)
	}
}

// wantedStatus is what somebody without a good certificate gets.
func wantedStatus(who, path string) int {
	open := slices.Contains([]string{"/version", "/readyz", "/livez"}, path)
	switch {
	case open && who == "anonymous":
		return http.StatusOK
	case open && who == "impersonation":
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}
