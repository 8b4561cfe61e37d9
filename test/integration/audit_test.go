// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"crypto/tls"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"drover.dev/drover/pkg/standalone"
)

// Whatever the policy names is written down: who, as whom, what, and whether they were allowed to.
func TestAudit(t *testing.T) {
	dir := t.TempDir()
	policy, log := filepath.Join(dir, "policy.yaml"), filepath.Join(dir, "audit.log")
	const rules = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, resources: [{group: "", resources: [secrets]}]}
- {level: None}
`
	if err := os.WriteFile(policy, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	f := startFor(t, noControllers, func(o *standalone.Options) {
		o.APIServer.Audit.PolicyFile, o.APIServer.Audit.LogOptions.Path = policy, log
	})
	jane := f.as(t, "jane", "dev")
	if _, err := kubernetes.NewForConfigOrDie(jane).CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{}); code(err) != 403 {
		t.Errorf("jane lists Secrets: %v", err)
	}
	alice := rest.CopyConfig(f.config)
	alice.Impersonate = rest.ImpersonationConfig{UserName: "alice"}
	if _, err := kubernetes.NewForConfigOrDie(alice).CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{}); code(err) != 403 {
		t.Errorf("alice lists Secrets: %v", err)
	}
	if _, err := f.kube.CoreV1().ConfigMaps("default").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	eventually(t, "both are in the log", func() string {
		data := string(must[[]byte](t)(os.ReadFile(log)))
		found := map[string]bool{}
		for line := range strings.Lines(data) {
			var event auditv1.Event
			if err := json.Unmarshal([]byte(line), &event); err != nil {
				return err.Error() // half a line
			}
			if event.ObjectRef == nil || event.ObjectRef.Resource != "secrets" {
				t.Fatalf("more is logged than the policy says: %s", line)
			}
			refused := event.Annotations["authorization.k8s.io/decision"] == "forbid" && event.ResponseStatus != nil && event.ResponseStatus.Code == 403
			found[event.User.Username] = found[event.User.Username] || refused && event.Verb == "list"
			if event.ImpersonatedUser != nil {
				found["as "+event.ImpersonatedUser.Username] = refused
			}
		}
		if !found["jane"] || !found["as alice"] {
			return data
		}
		return ""
	})
}

func TestNoOldTLS(t *testing.T) {
	host := strings.TrimPrefix(api(t).config.Host, "https://")
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		connection, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}}).DialContext(t.Context(), "tcp", host) //nolint:gosec // the version is what is tested
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			connection.Close()
		}
	}
}
