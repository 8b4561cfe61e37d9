// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"drover.dev/drover/test/harness"
)

// A data directory has one control plane: a second one says so and ends.
func TestDataDirIsLocked(t *testing.T) {
	t.Parallel()
	says := startFails(t, "start", "--data-dir", shared.DataDir)
	for _, part := range []string{"is in use by another drover", "--data-dir"} {
		if !strings.Contains(says, part) {
			t.Errorf("want %q in:\n%s", part, says)
		}
	}
}

// A port that is taken is said to be, with a way out.
func TestPortIsTaken(t *testing.T) {
	t.Parallel()
	host, port, _ := strings.Cut(strings.TrimPrefix(shared.Config.Host, "https://"), ":")
	says := startFails(t, "start", "--data-dir", t.TempDir(), "--bind-address", host, "--secure-port", port)
	for _, part := range []string{"address already in use", "--secure-port"} {
		if !strings.Contains(says, part) {
			t.Errorf("want %q in:\n%s", part, says)
		}
	}
}

// Port 0 is any port that is free.
func TestAnyPort(t *testing.T) {
	t.Parallel()
	f, err := lab.StartFederation(t.Context(), "any-port", "--secure-port", "0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Kill)
	if _, err := f.Kube.CoreV1().Namespaces().Get(t.Context(), "default", getOptions); err != nil {
		t.Error(err)
	}
	if strings.HasSuffix(f.Config.Host, ":0") {
		t.Errorf("the kubeconfig says %s", f.Config.Host)
	}
}

// startFails runs drover, which has to end with an error, and returns what it says.
func startFails(t *testing.T, args ...string) string {
	t.Helper()
	path, err := harness.Binary("drover")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Env = os.Environ()
	out, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if !errors.As(err, &failed) || failed.ExitCode() != 1 {
		t.Fatalf("got %v, want exit code 1; it says:\n%s", err, out)
	}
	return string(out)
}
