// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"testing"
	"time"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
)

// step is what a cluster reports, so many seconds after noon, and whether it is answered then.
type step struct {
	at         int
	east, west int32
	answered   string
	again      int // seconds until it is to be looked at again
}

func TestSettle(t *testing.T) {
	damping := routing.Damping{Fail: 10 * time.Second, Recover: 30 * time.Second}
	for name, steps := range map[string][]step{
		"the first report is believed": {{0, 1, 0, "east", 0}, {1, 1, 1, "east west", 0}},
		"what fails goes at once":      {{0, 1, 1, "east west", 0}, {1, 0, 1, "west", 10}},
		"what was gone for a moment is back at once": {
			{0, 1, 1, "east west", 0}, {1, 0, 1, "west", 10}, {5, 1, 1, "east west", 0},
		},
		"what was gone for longer has to be back for a while": {
			{0, 1, 1, "east west", 0},
			{1, 0, 1, "west", 10},
			{11, 0, 1, "west", 0},
			{20, 1, 1, "west", 30},
			{45, 1, 1, "west", 5},
			{50, 1, 1, "east west", 0},
		},
		"unless nobody else is there": {
			{0, 1, 1, "east west", 0}, {1, 0, 0, "", 10}, {11, 0, 0, "", 0}, {20, 0, 1, "west", 0}, {21, 1, 1, "west", 30},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var last *snapshot.Service
			for _, step := range steps {
				at := noon.Add(time.Duration(step.at) * time.Second)
				s := Service(web(), placed("Service", "web", report("east", "192.0.2.1", step.east), report("west", "192.0.2.2", step.west)), nil)
				again := settle(&s, last, at, damping)
				s.Complete()
				if got := answered(&s, at); got != step.answered {
					t.Errorf("after %d seconds %q is answered, want %q", step.at, got, step.answered)
				}
				if again != time.Duration(step.again)*time.Second {
					t.Errorf("after %d seconds it is to be looked at again in %s, want %d s", step.at, again, step.again)
				}
				last = &s
			}
		})
	}
}

// A cluster out of contact is answered as it was, also by a server that has only just started.
func TestSettleWithoutContact(t *testing.T) {
	away := report("east", "192.0.2.1", 2)
	away.Reason = "NotConnected"
	for name, before := range map[string]*snapshot.Service{"that was seen": {Backends: []snapshot.Backend{
		{Cluster: "east", Health: snapshot.Health{State: snapshot.Healthy, Since: noon}},
	}}, "that never was": nil} {
		s := Service(web(), placed("Service", "web", away), nil)
		settle(&s, before, noon, routing.DefaultDamping)
		s.Complete()
		if got := answered(&s, noon); got != "east" {
			t.Errorf("of a cluster %s, %q is answered", name, got)
		}
	}
}

// answered are the clusters that may be answered.
func answered(s *snapshot.Service, at time.Time) string {
	clusters := routing.Clusters{}
	for _, b := range s.Backends {
		clusters[b.Cluster] = &snapshot.Cluster{Name: b.Cluster, Health: snapshot.Health{State: snapshot.Healthy}}
	}
	router := routing.NewRouter(s, clusters, routing.Clock{At: at, Fresh: time.Hour, Grace: time.Hour})
	var out string
	for _, c := range router.Explain(routing.Scope{}, &routing.Client{}).Clusters {
		switch {
		case c.Position == 0:
		case out == "":
			out = c.Cluster
		default:
			out = min(out, c.Cluster) + " " + max(out, c.Cluster)
		}
	}
	return out
}
