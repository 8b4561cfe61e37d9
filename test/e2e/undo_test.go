// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import "testing"

// What was decided is remembered, with who changed what, and can be put back.
func TestHistoryAndUndo(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 6, map[string]int64{"east": 1, "west": 1})
	s.eventuallyRuns("web", map[string]int32{"east": 3, "west": 3})
	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":2}]}}`, "--as", "alice", "--as-group", "system:masters")
	s.eventuallyRuns("web", map[string]int32{"east": 4, "west": 2})
	s.kubectl("scale", "deployment", "web", "--replicas", "9")
	s.eventuallyRuns("web", map[string]int32{"east": 6, "west": 3})

	plugin := func(args ...string) string {
		t.Helper()
		out, err := s.Plugin().Run(s.Context(), append(args, "-n", s.name)...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	history := plugin("history", "deployment/web")
	s.wantContains(history, "created")
	s.wantContains(history, "alice")
	s.wantContains(history, "east 3 → 4, west 3 → 2")
	s.wantContains(history, "scaled from 6 to 9")

	s.wantContains(plugin("undo", "deployment/web", "--yes"), "scaled from 9 to 6")
	s.eventuallyRuns("web", map[string]int32{"east": 4, "west": 2})
	undone := plugin("undo", "deployment/web", "--to-revision", "1", "--yes")
	s.wantContains(undone, "policy web says again what it said then")
	s.eventuallyRuns("web", map[string]int32{"east": 3, "west": 3})
	s.wantContains(plugin("history", "deployment/web"), "east 4 → 3, west 2 → 3")
	s.wantWeights(map[string]int64{"east": 1, "west": 1})
}
