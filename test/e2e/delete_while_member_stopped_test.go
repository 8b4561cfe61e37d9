// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	"drover.dev/drover/test/harness"
)

// Delete finishes though a member hangs, and what that member still has is removed when it goes on.
func TestDeleteWhileMemberStopped(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.deploy("web", 4, nil)
	s.expose("web")
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	s.eventuallyAddresses("web", 2)

	f.members["south"].Suspend()
	s.kubectl("delete", "deployment,service", "web", "--timeout", patience.String())
	s.eventuallyGone("service web in north", func() error { return s.has("north", "services/web") })

	f.members["south"].Resume()
	s.eventuallyGone("service web in south", func() error { return s.has("south", "services/web") })
	s.eventuallyGone("deployment web in south", func() error {
		_, err := s.in("south").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
		return err
	})
	harness.Eventually(t, patience, func() error { return f.ready(t.Context(), "south") })
}
