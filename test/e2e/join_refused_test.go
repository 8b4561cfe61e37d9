// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// A join that cannot be done says why and what helps, and changes nothing.
func TestJoinRefused(t *testing.T) {
	t.Parallel()
	east := shared.members["east"]
	north := fragile.members["north"]
	kubeconfig := func(member *harness.Member, change ...string) string {
		data, err := os.ReadFile(member.Kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "kubeconfig")
		if err := os.WriteFile(path, []byte(strings.NewReplacer(change...).Replace(string(data))), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	server := east.Config.Host
	for name, test := range map[string]struct {
		args []string
		says []string
	}{
		"no cluster named":     {[]string{"join", "new"}, []string{"--cluster-kubeconfig"}},
		"no such file":         {[]string{"join", "new", "--cluster-kubeconfig", "/nowhere"}, []string{"/nowhere", "no such file"}},
		"wrong context":        {[]string{"join", "new", "--cluster-kubeconfig", east.Kubeconfig, "--cluster-context", "nope"}, []string{`no context "nope"`, "--cluster-context", "it has: east"}},
		"unreachable":          {[]string{"join", "new", "--cluster-kubeconfig", kubeconfig(east, server, "https://127.31.255.1:1")}, []string{"unreachable", "nothing listens", "is it running?"}},
		"another's authority":  {[]string{"join", "new", "--cluster-kubeconfig", kubeconfig(east, server, north.Config.Host)}, []string{"TLS failed", "authority"}},
		"already joined":       {[]string{"join", "east", "--cluster-kubeconfig", east.Kubeconfig}, []string{"already joined", "--renew"}},
		"joined otherwise":     {[]string{"join", "new", "--cluster-kubeconfig", east.Kubeconfig}, []string{"joined already", `"east"`}},
		"name taken":           {[]string{"join", "east", "--cluster-kubeconfig", north.Kubeconfig}, []string{"already joined", "another server"}},
		"another federation's": {[]string{"join", "new", "--cluster-kubeconfig", north.Kubeconfig}, []string{"another federation", `"north"`, "unjoin it there"}},
		"federation itself":    {[]string{"join", "new", "--cluster-kubeconfig", shared.Kubeconfig}, []string{"the federation itself"}},
		"not a federation":     {[]string{"join", "new", "--cluster-kubeconfig", east.Kubeconfig, "--kubeconfig", east.Kubeconfig}, []string{"not a Drover federation"}},
		"bad name":             {[]string{"join", "New_1", "--cluster-kubeconfig", east.Kubeconfig}, []string{"cannot be the name of a cluster"}},
		"unjoin a stranger":    {[]string{"unjoin", "new", "--yes"}, []string{`"new" is not joined`, "joined are: east, eu, west"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := shared.Plugin().Run(t.Context(), test.args...)
			var refused *harness.CommandError
			if !errors.As(err, &refused) {
				t.Fatalf("got %v and\n%s\nwant it refused", err, out)
			}
			for _, part := range test.says {
				if !strings.Contains(refused.Stderr, part) {
					t.Errorf("want %q in:\n%s", part, refused.Stderr)
				}
			}
			if _, err := shared.Drover.FederationV1alpha1().Clusters().Get(t.Context(), "new", getOptions); !apierrors.IsNotFound(err) {
				t.Errorf("there is a cluster new now (%v)", err)
			}
			if _, err := shared.Kube.CoreV1().Secrets(v1alpha1.SystemNamespace).Get(t.Context(), "cluster-new", getOptions); !apierrors.IsNotFound(err) {
				t.Errorf("there is a secret cluster-new now (%v)", err)
			}
		})
	}
}
