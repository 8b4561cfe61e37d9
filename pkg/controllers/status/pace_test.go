// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"testing"
	"time"

	"drover.dev/drover/pkg/controllers/workload"
)

func deploymentKey(name string) workload.Key {
	return workload.Key{Kind: workload.Deployment, Namespace: "default", Name: name}
}

func TestPace(t *testing.T) {
	now := time.Unix(0, 0)
	web := deploymentKey("web")
	others := func(p *pace, n int) {
		for i := range n {
			p.soon(deploymentKey(fmt.Sprint("other-", i)), now)
		}
	}
	for _, tt := range []struct {
		name   string
		before func(*pace)
		want   time.Duration
	}{
		{"alone, it goes at once", func(*pace) {}, 0},
		{"also if it is to go already", func(p *pace) { p.soon(web, now) }, 0},
		{"also when its last turn was just now", func(p *pace) { p.soon(web, now); p.begin(web) }, 0},
		{"after a write it rests for each cluster", func(p *pace) { p.wrote(web, "7", 100, now) }, 100 * perCluster},
		{"but no longer than the longest", func(p *pace) { p.wrote(web, "7", 10000, now) }, longest},
		{"what was just decided settles first", func(p *pace) { p.decided(web, now.Add(-settling/5)) }, settling * 4 / 5},
		{"what was decided a while ago has settled", func(p *pace) { p.decided(web, now.Add(-settling)) }, 0},
		{"it waits for each of the others", func(p *pace) { others(p, 3) }, 3 * perStatus},
		{"those whose turn has come do not count", func(p *pace) {
			others(p, 3)
			p.begin(deploymentKey("other-0"))
			p.begin(deploymentKey("other-0"))
		}, 2 * perStatus},
		{"nor do those that are gone", func(p *pace) {
			others(p, 3)
			p.begin(deploymentKey("other-1"))
			p.forget(deploymentKey("other-1"))
		}, 2 * perStatus},
		{"there is a longest wait", func(p *pace) { others(p, 10000) }, longest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &pace{}
			tt.before(p)
			if got := p.soon(web, now); got != tt.want {
				t.Errorf("waits %s, want %s", got, tt.want)
			}
		})
	}
}

func TestPaceOfWhatClientsFollow(t *testing.T) {
	p, now := &pace{}, time.Unix(0, 0)
	for i := range 10000 {
		p.soon(deploymentKey(fmt.Sprint("other-", i)), now)
	}
	for _, kind := range []*workload.Kind{workload.Service, workload.Ingress} {
		if got := p.soon(workload.Key{Kind: kind, Namespace: "default", Name: "web"}, now); got != longestAnswered {
			t.Errorf("the status of a %s waits %s, want %s", kind.Kind, got, longestAnswered)
		}
	}
}

func TestPaceKnowsWhatItReplaced(t *testing.T) {
	web, p := deploymentKey("web"), &pace{}
	if p.isReplaced(web, "7") || p.isReplaced(web, "") {
		t.Error("nothing was written yet")
	}
	p.wrote(web, "7", 1, time.Unix(0, 0))
	p.decided(web, time.Unix(0, 0))
	if !p.isReplaced(web, "7") || p.isReplaced(web, "8") || p.isReplaced(deploymentKey("db"), "7") {
		t.Error("version 7 of web's Placement was replaced, and no other")
	}
	p.forget(web)
	if p.isReplaced(web, "7") {
		t.Error("what is gone is still remembered")
	}
}
