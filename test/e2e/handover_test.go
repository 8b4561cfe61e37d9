// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import "testing"

// While a cluster is drained of an autoscaled workload, no request fails and never are there fewer replicas: the cluster
// goes on until the others, whose autoscalers are asked for more meanwhile, have as many, and clients are led there.
func TestNoRequestFailsWhenAnAutoscaledWorkloadDrains(t *testing.T) {
	s := sharedSpace(t)
	r := s.resolveWeighted()
	s.autoscale(6, 24)
	for _, cluster := range []string{"east", "west", "eu"} {
		s.eventuallyScales("web", cluster, 2, 8, 4)
	}
	s.guard("web", 12, 24)
	c := r.send()
	c.during(t, "draining by weight", func() {
		s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":0}]}}`)
		s.kubectl("wait", "placement", "deployment-web", "--for", `jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=TrafficLeaving`, "--timeout", patience.String())
		s.wantContains(s.kubectl("get", "placement", "deployment-web"), "east=2-8>0")
		r.eventuallyAnswers(r.nameOf(""), "west", "eu")
		s.runsIn("web", "east")
		s.eventuallyRuns("web", map[string]int32{"west": 6, "eu": 6})
		s.kubectl("wait", "placement", "deployment-web", "--for", "condition=Progressing=false", "--timeout", patience.String())
	})
	c.stop()
	s.eventuallyScales("web", "west", 3, 12, 6)
	s.eventuallyScales("web", "eu", 3, 12, 6)
}

// A cluster that is to have a smaller share of what the autoscaler may make is cut down as the others come to have as many:
// never is a replica missing.
func TestAutoscaledShareIsHandedOver(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 12, map[string]int64{"east": 1, "west": 1, "eu": 1})
	s.autoscale(6, 24)
	for _, cluster := range []string{"east", "west", "eu"} {
		s.eventuallyScales("web", cluster, 2, 8, 4)
	}
	s.eventuallyRuns("web", map[string]int32{"east": 4, "west": 4, "eu": 4})
	s.guard("web", 12, 24)
	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"west","weight":4},{"name":"eu","weight":4}]}}`)
	s.eventuallyScaled("web", "east", 3)
	s.kubectl("wait", "placement", "deployment-web", "--for", "condition=Progressing=false", "--timeout", patience.String())
	s.eventuallyScales("web", "east", 1, 3, 3)
}

// What may be missing during a rollout, in a number, may be missing in all clusters together, not in each.
func TestRolloutKeepsItsBoundOverAllClusters(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 12, map[string]int64{"east": 1, "west": 1, "eu": 1})
	s.eventuallyRuns("web", map[string]int32{"east": 4, "west": 4, "eu": 4})
	s.guard("web", 11, 15)
	s.kubectl("patch", "deployment", "web", "-p", `{"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":1,"maxSurge":1}},"template":{"metadata":{"annotations":{"version":"2"}}}}}`)
	s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
	s.eventuallyRuns("web", map[string]int32{"east": 4, "west": 4, "eu": 4})
}
