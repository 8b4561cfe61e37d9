// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package access

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"

	"drover.dev/drover/pkg/access/pki"
	"drover.dev/drover/pkg/access/rbac"
)

// noRoles is an authorizer by no roles at all.
func noRoles() *rbac.Authorizer {
	return rbac.New(rbac.FromInformers(informers.NewSharedInformerFactory(fake.NewClientset(), 0).Rbac().V1()))
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The administrators do not depend on roles, and their opposite is to have no opinion: nobody is denied what an authorizer
// after this one could allow.
func TestMasters(t *testing.T) {
	authz, err := NewAuthorizer("", noRoles())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		who  user.Info
		want authorizer.Decision
	}{
		{&user.DefaultInfo{Name: "drover-admin", Groups: []string{"system:masters"}}, authorizer.DecisionAllow},
		{&user.DefaultInfo{Name: "system:masters", Groups: []string{"dev"}}, authorizer.DecisionNoOpinion},
		{&user.DefaultInfo{Name: "system:anonymous", Groups: []string{"system:unauthenticated"}}, authorizer.DecisionNoOpinion},
		{nil, authorizer.DecisionNoOpinion},
	} {
		for _, what := range []authorizer.AttributesRecord{{Verb: "get", Path: "/metrics"}, {ResourceRequest: true, Verb: "delete", Resource: "secrets", Namespace: "default"}} {
			if tt.who != nil {
				what.User = tt.who
			}
			if decision, _, _ := authz.Authorize(t.Context(), what); decision != tt.want {
				t.Errorf("%v: %v, want %v", tt.who, decision, tt.want)
			}
			aware := authz.ConditionsAwareAuthorize(t.Context(), what)
			if aware.IsAllow() != (tt.want == authorizer.DecisionAllow) || aware.IsDeny() {
				t.Errorf("%v, aware of conditions: %v, want %v", tt.who, aware, tt.want)
			}
		}
	}
}

func TestBadAuthorizationFiles(t *testing.T) {
	const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n"
	for name, tt := range map[string]struct{ text, want string }{
		"empty":           {"", "Kind"},
		"not YAML":        {"{", "yaml"},
		"another kind":    {"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n", "expected a *apiserver.AuthorizationConfiguration"},
		"another version": {"apiVersion: apiserver.config.k8s.io/v9\nkind: AuthorizationConfiguration\n", "v9"},
		"unknown field":   {head + "authorisers: []\n", "authorisers"},
		"no authorizers":  {head, "authorizers"},
		"unknown type":    {head + "authorizers: [{type: ABAC, name: abac}]\n", `"ABAC"`},
		"twice":           {head + "authorizers: [{type: RBAC, name: a}, {type: RBAC, name: b}]\n", "Duplicate"},
		"no webhook":      {head + "authorizers: [{type: Webhook, name: a}]\n", "webhook"},
		"no kubeconfig": {head + `authorizers: [{type: Webhook, name: a, webhook: {timeout: 3s, authorizedTTL: 1s, unauthorizedTTL: 1s, subjectAccessReviewVersion: v1,
  failurePolicy: Deny, connectionInfo: {type: KubeConfigFile, kubeConfigFile: /nowhere/kubeconfig}}}]`, "/nowhere/kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, tt.text)
			_, err := NewAuthorizer(path, noRoles())
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "--authorization-config "+path) {
				t.Errorf("error %v does not say %q", err, tt.want)
			}
		})
	}
	if _, err := NewAuthorizer("/nowhere/file", noRoles()); err == nil || !strings.Contains(err.Error(), "/nowhere/file") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// noAccounts knows no token.
var noAccounts = authenticator.TokenFunc(func(context.Context, string) (*authenticator.Response, bool, error) { return nil, false, nil })

func clientCA(t *testing.T) dynamiccertificates.CAContentProvider {
	t.Helper()
	authority, err := pki.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ca, err := dynamiccertificates.NewDynamicCAContentFromFile("client-ca", authority.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestBadAuthenticationFiles(t *testing.T) {
	const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"
	for name, tt := range map[string]struct{ text, want string }{
		"empty":           {"", "Kind"},
		"another kind":    {"apiVersion: apiserver.config.k8s.io/v1\nkind: AuthorizationConfiguration\n", "expected a *apiserver.AuthenticationConfiguration"},
		"unknown field":   {head + "jwts: []\n", "jwts"},
		"no audience":     {head + "jwt: [{issuer: {url: https://a}, claimMappings: {username: {claim: sub, prefix: ''}}}]\n", "audiences"},
		"our own tokens":  {head + "jwt: [{issuer: {url: https://federation.drover.dev, audiences: [b]}, claimMappings: {username: {claim: sub, prefix: ''}}}]\n", "https://federation.drover.dev"},
		"not https":       {head + "jwt: [{issuer: {url: http://a, audiences: [b]}, claimMappings: {username: {claim: sub, prefix: ''}}}]\n", "https"},
		"no name":         {head + "jwt: [{issuer: {url: https://a, audiences: [b]}}]\n", "username"},
		"not a authority": {head + "jwt: [{issuer: {url: https://a, audiences: [b], certificateAuthority: x}, claimMappings: {username: {claim: sub, prefix: ''}}}]\n", "certificateAuthority"},
	} {
		t.Run(name, func(t *testing.T) {
			path := file(t, tt.text)
			_, err := NewAuthenticator(t.Context(), clientCA(t), noAccounts, path)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "--authentication-config "+path) {
				t.Errorf("error %v does not say %q", err, tt.want)
			}
		})
	}
}

// A few paths are open to everybody, and a file may say which.
func TestAnonymous(t *testing.T) {
	const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n"
	for name, tt := range map[string]struct {
		file string
		open []string
	}{
		"no file":       {"", []string{"/livez", "/readyz", "/version"}},
		"silent":        {head, []string{"/livez", "/readyz", "/version"}},
		"another path":  {head + "anonymous: {enabled: true, conditions: [{path: /livez}]}\n", []string{"/livez"}},
		"none":          {head + "anonymous: {enabled: false}\n", nil},
		"all, for RBAC": {head + "anonymous: {enabled: true}\n", []string{"/livez", "/readyz", "/healthz", "/version", "/livez/etcd", "/api", "/metrics"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := ""
			if tt.file != "" {
				path = file(t, tt.file)
			}
			authn, err := NewAuthenticator(t.Context(), clientCA(t), noAccounts, path)
			if err != nil {
				t.Fatal(err)
			}
			var open []string
			for _, path := range []string{"/livez", "/readyz", "/healthz", "/version", "/livez/etcd", "/api", "/metrics"} {
				request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, path, http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				response, ok, err := authn.AuthenticateRequest(request)
				if err != nil {
					t.Fatal(err)
				}
				if ok && response.User.GetName() == user.Anonymous {
					open = append(open, path)
				}
				request.Header.Set("Authorization", "Bearer guessed")
				if _, ok, err := authn.AuthenticateRequest(request); ok || err == nil {
					t.Errorf("%s with a guessed token: %v, %v", path, ok, err)
				}
			}
			if strings.Join(open, " ") != strings.Join(tt.open, " ") {
				t.Errorf("open are %v, want %v", open, tt.open)
			}
		})
	}
}
