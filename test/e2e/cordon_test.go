// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"testing"
)

// A cordoned cluster keeps what it runs and gets nothing new; one with a taint NoExecute gives away what it runs.
func TestCordon(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	t.Cleanup(func() {
		patch := `{"spec":{"unschedulable":null,"taints":null}}`
		if _, err := f.Kubectl().Run(context.Background(), "patch", "cluster", "south", "--type", "merge", "-p", patch); err != nil {
			t.Error(err)
		}
	})
	s.deploy("web", 4, nil)
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	s.kubectl("patch", "cluster", "south", "-p", `{"spec":{"unschedulable":true}}`)
	s.wantContains(s.kubectl("get", "cluster", "south"), "SchedulingDisabled")
	s.deploy("new", 4, nil)
	s.eventuallyRuns("new", map[string]int32{"north": 4})
	s.kubectl("scale", "deployment", "web", "--replicas", "6")
	s.eventuallyRuns("web", map[string]int32{"north": 4, "south": 2})
	s.kubectl("patch", "cluster", "south", "-p", `{"spec":{"taints":[{"key":"upgrade","effect":"NoExecute"}]}}`)
	s.eventuallyRuns("web", map[string]int32{"north": 6})
	s.wantContains(s.kubectl("get", "placement", "deployment-web", "-o", "yaml"), "taint upgrade:NoExecute")
}
