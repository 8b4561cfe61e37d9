// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"
)

// A rollout that a member gives up fails for the federation, and one that is put right succeeds.
func TestProgressDeadline(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 3, nil)
	s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 1, "eu": 1})
	s.kubectl("patch", "deployment", "web", "-p", `{"spec":{"progressDeadlineSeconds":3,"template":{"spec":{"nodeSelector":{"no":"where"}}}}}`)
	s.wantContains(s.kubectlFails("rollout", "status", "deployment", "web", "--timeout", patience.String()), "exceeded its progress deadline")
	s.wantContains(s.kubectl("get", "deployment", "web"), "3/3") // the old pods serve on
	// To a template that has not been there before: going back to an old one, Kubernetes itself repeats the failure at first.
	s.kubectl("patch", "deployment", "web", "-p", `{"spec":{"template":{"metadata":{"annotations":{"try":"2"}},"spec":{"nodeSelector":null}}}}`)
	s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
	s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 1, "eu": 1})
}
