// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	"drover.dev/drover/test/harness"
)

// A member that dies loses nothing, and when it is back it is brought to what was decided meanwhile.
func TestMemberKilled(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.deploy("web", 4, nil)
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	s.deploy("gone", 2, nil)
	s.eventuallyRuns("gone", map[string]int32{"north": 1, "south": 1})
	d, err := s.in("south").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
	if err != nil {
		t.Fatal(err)
	}

	south := f.members["south"]
	south.Kill()
	f.eventuallyNotReady(t, "south")
	s.setImage("example.com/web:2")
	s.eventuallyImage("north", "example.com/web:2")
	s.kubectl("delete", "deployment", "gone", "--timeout", patience.String())

	if err := south.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error { return f.ready(t.Context(), "south") })
	s.eventuallyImage("south", "example.com/web:2")
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	after, err := s.in("south").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	if after.UID != d.UID {
		t.Errorf("the deployment in south was replaced")
	}
	s.eventuallyGone("deployment gone in south", func() error {
		_, err := s.in("south").AppsV1().Deployments(s.name).Get(t.Context(), "gone", getOptions)
		return err
	})
}
