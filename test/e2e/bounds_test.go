// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"testing"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Minimums and maximums hold whatever the weights say; minimums that cannot all hold are told of.
func TestBounds(t *testing.T) {
	s := sharedSpace(t)
	s.weigh("web", nil, func(p *v1alpha1.PlacementPolicy) {
		p.Spec.Clusters = []v1alpha1.ClusterWeight{
			{Name: "east", Weight: ptr.To[int64](8), MaxReplicas: ptr.To[int32](3)}, {Name: "west"}, {Name: "eu", MinReplicas: 4},
		}
	})
	s.deploy("web", 10, nil)
	s.eventuallyRuns("web", map[string]int32{"east": 3, "west": 3, "eu": 4})
	s.wantContains(s.kubectl("describe", "placement", "deployment-web"), "maximum 3 reached", "minimum 4")
	s.kubectl("scale", "deployment", "web", "--replicas", "3")
	s.kubectl("wait", "deployment", "web", "--for", "condition=Scheduled=false", "--timeout", patience.String())
	s.wantContains(s.kubectl("describe", "deployment", "web"), "MinimumsInfeasible", "lower minReplicas, or scale up")
	s.eventuallyRuns("web", map[string]int32{"eu": 3})
}

// A taint keeps away who does not tolerate it: with NoSchedule what is new, with NoExecute what runs as well.
func TestTaints(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	taint := func(taints string) {
		s.Helper()
		if _, err := f.Kubectl().Run(context.Background(), "patch", "cluster", "south", "--type", "merge", "-p", `{"spec":{"taints":`+taints+`}}`); err != nil {
			s.Fatal(err)
		}
	}
	t.Cleanup(func() { taint("null") })
	s.weigh("hardy", nil, func(p *v1alpha1.PlacementPolicy) {
		p.Spec.Tolerations = []v1alpha1.Toleration{{Key: "upgrade", Operator: v1alpha1.TolerationExists}}
	})
	s.deploy("web", 4, nil)
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	taint(`[{"key":"upgrade","value":"now","effect":"NoSchedule"}]`)
	s.deploy("new", 4, nil)
	s.deploy("hardy", 4, nil)
	s.eventuallyRuns("new", map[string]int32{"north": 4})
	s.eventuallyRuns("hardy", map[string]int32{"north": 2, "south": 2})
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	s.wantContains(s.kubectl("describe", "placement", "deployment-new"), "taint upgrade=now:NoSchedule: takes nothing new")
	taint(`[{"key":"upgrade","value":"now","effect":"NoExecute"}]`)
	s.eventuallyRuns("web", map[string]int32{"north": 4})
	s.eventuallyRuns("hardy", map[string]int32{"north": 2, "south": 2})
}
