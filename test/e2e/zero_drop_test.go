// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// While a cluster is drained by its weight and filled again, no request fails, never is a replica missing, and clients leave
// before the last replicas do.
func TestNoRequestFailsWhenAWeightDrains(t *testing.T) {
	s := sharedSpace(t)
	r := s.resolveWeighted()
	s.guard("web", 12, 15)
	c := r.send()
	c.during(t, "draining by weight", func() {
		s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":0}]}}`)
		s.kubectl("wait", "placement", "deployment-web", "--for", `jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=TrafficLeaving`, "--timeout", patience.String())
		r.eventuallyAnswers(r.nameOf(""), "west", "eu")
		s.runsIn("web", "east")
		r.eventuallyAnswers(r.nameOf("us-east1"), "west", "eu")
		s.eventuallyRuns("web", map[string]int32{"west": 6, "eu": 6})
		s.kubectl("wait", "placement", "deployment-web", "--for", "condition=Progressing=false", "--timeout", patience.String())
	})
	c.during(t, "filling it again", func() {
		s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":1}]}}`)
		s.eventuallyRuns("web", map[string]int32{"east": 4, "west": 4, "eu": 4})
		harness.Eventually(t, patience, func() error { return r.readAddresses("Service", 3) })
		r.eventuallyAnswers(r.nameOf(""), "east", "west", "eu")
		harness.Eventually(t, patience, func() error { return c.isServed("east") })
	})
	c.stop()
}

// resolveWeighted is resolve with a policy that names the clusters.
func (s *space) resolveWeighted() *resolver {
	s.weigh("web", map[string]int64{"east": 1, "west": 1, "eu": 1})
	return s.resolve(map[string]int32{"east": 4, "west": 4, "eu": 4})
}

// runsIn fails the test if a Deployment has no available replica in a cluster.
func (s *space) runsIn(name, cluster string) {
	s.Helper()
	d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(s.Context(), name, getOptions)
	if err != nil {
		s.Fatal(err)
	}
	if d.Status.AvailableReplicas == 0 {
		s.Errorf("%s has no available replica of %s any more", cluster, name)
	}
}

// While the template is rolled out in all clusters, no request fails, and no replica is missing where the Deployment asks for
// that.
func TestNoRequestFailsWhenATemplateIsRolledOut(t *testing.T) {
	s := sharedSpace(t)
	r := s.resolveWeighted()
	s.guard("web", 12, 12)
	c := r.send()
	c.during(t, "rolling out a template", func() {
		s.kubectl("patch", "deployment", "web", "-p", `{"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":0}},"template":{"metadata":{"annotations":{"version":"2"}}}}}`)
		s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
	})
	c.stop()
}

// A migration moves replicas and clients step by step, and a rollback brings them back: no request fails.
func TestNoRequestFailsWhenAMigrationMoves(t *testing.T) {
	s := sharedSpace(t)
	r := s.inEast(8)
	s.guard("web", 8, 10)
	c := r.send()
	c.migrate(t, "east", "west", 8)
	c.stop()
}

// migrate moves web from one cluster to another in four steps, and back again, while clients send.
func (c *clients) migrate(t *testing.T, from, to string, replicas int32) {
	t.Helper()
	c.during(t, "migrating", func() {
		if _, err := c.migrateBetween(from, to, "--steps", "5,25,50,100", "--soak", "1s"); err != nil {
			t.Fatal(err)
		}
		c.eventuallyMigration(v1alpha1.MigrationMoved)
		harness.Eventually(t, patience, func() error { return c.isServed(to) })
		c.eventuallyScaled("web", from, 0)
	})
	c.during(t, "rolling the migration back", func() {
		c.migration("rollback")
		c.eventuallyMigration(v1alpha1.MigrationRolledBack)
		harness.Eventually(t, patience, func() error { return c.isServed(from) })
		c.eventuallyScaled("web", from, replicas)
	})
}

// kubectl drover drain moves everything off a cluster, no request fails, and uncordon has it take new replicas again.
func TestNoRequestFailsWhenAClusterIsDrained(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	r := s.resolve(map[string]int32{"north": 4, "south": 4})
	s.guard("web", 8, 10)
	plugin := func(args ...string) string {
		out, err := s.Plugin().Run(t.Context(), args...)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("kubectl drover %s\n%s", strings.Join(args, " "), out)
		return out
	}
	t.Cleanup(func() {
		if _, err := s.Plugin().Run(context.Background(), "uncordon", "north"); err != nil {
			t.Error(err)
		}
	})
	c := r.send()
	c.during(t, "draining a cluster", func() {
		s.wantContains(plugin("drain", "north", "--yes", "--timeout", "3m"), "deployment/web", "south +4", s.name+"/deployment/web has left", "north is drained")
	})
	s.eventuallyRuns("web", map[string]int32{"south": 8})
	s.wantContains(plugin("status"), "none: drained", "south")
	plugin("uncordon", "north")
	c.during(t, "filling it again", func() {
		s.kubectl("patch", "deployment", "web", "-p", `{"spec":{"minReadySeconds":1}}`) // any change spreads it anew
		s.eventuallyRuns("web", map[string]int32{"north": 4, "south": 4})
	})
	c.stop()
}
