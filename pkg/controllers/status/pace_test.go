// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"testing"
	"time"

	"drover.dev/drover/pkg/controllers/burst"
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
			p.soon(deploymentKey(fmt.Sprint("other-", i)), false, now)
		}
	}
	for _, tt := range []struct {
		name   string
		before func(*pace)
		want   time.Duration
	}{
		{"alone, it goes at once", func(*pace) {}, 0},
		{"also if it is to go already", func(p *pace) { p.soon(web, false, now) }, 0},
		{"also when its last turn was just now", func(p *pace) { p.soon(web, false, now); p.begin(web, false, now) }, 0},
		{"after a write it rests for each cluster", func(p *pace) { p.wrote(web, "7", 100, now) }, 100 * perCluster},
		{"but no longer than the longest", func(p *pace) { p.wrote(web, "7", 10000, now) }, longest},
		{"what was just decided settles first", func(p *pace) { p.decided(web, now.Add(-settling/5)) }, settling * 4 / 5},
		{"what was decided a while ago has settled", func(p *pace) { p.decided(web, now.Add(-settling)) }, 0},
		{"it waits for each of the others", func(p *pace) { others(p, 3) }, 3 * perStatus},
		{"those whose turn has come do not count", func(p *pace) {
			others(p, 3)
			p.begin(deploymentKey("other-0"), false, now)
			p.begin(deploymentKey("other-0"), false, now)
		}, 2 * perStatus},
		{"nor do those that are gone", func(p *pace) {
			others(p, 3)
			p.begin(deploymentKey("other-1"), false, now)
			p.forget(deploymentKey("other-1"))
		}, 2 * perStatus},
		{"there is a longest wait", func(p *pace) { others(p, 10000) }, longest},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &pace{burst: &burst.Burst{}}
			tt.before(p)
			if got := p.soon(web, false, now); got != tt.want {
				t.Errorf("waits %s, want %s", got, tt.want)
			}
		})
	}
}

func TestPaceOfWhatIsUrgent(t *testing.T) {
	p, now := &pace{burst: &burst.Burst{}}, time.Unix(0, 0)
	for i := range 10000 {
		p.soon(deploymentKey(fmt.Sprint("other-", i)), false, now)
		p.decided(deploymentKey(fmt.Sprint("other-", i)), now)
	}
	web := deploymentKey("web")
	if got := p.soon(web, true, now); got != longestUrgent {
		t.Errorf("it waits %s, want %s", got, longestUrgent)
	}
	if got := p.begin(web, true, now); got != 0 {
		t.Errorf("its turn has come, and it waits %s more", got)
	}
}

func TestPaceWhileMuchIsDecided(t *testing.T) {
	p, now := &pace{burst: &burst.Burst{}}, time.Unix(1000, 0)
	for i := range 100 {
		p.decided(deploymentKey(fmt.Sprint("other-", i)), now)
	}
	web := deploymentKey("web")
	p.soon(web, false, now)
	if p.begin(web, false, now) == 0 {
		t.Error("it does not rest")
	}
	if got := p.begin(web, false, now.Add(burst.Patience)); got != 0 {
		t.Errorf("it has rested for long, and rests %s more", got)
	}
	p.decided(web, now.Add(burst.Patience))
	if got := p.begin(web, false, now.Add(burst.Patience)); got != 0 {
		t.Errorf("its turn has come, and it rests %s more", got)
	}
}

func TestPaceKnowsWhatItReplaced(t *testing.T) {
	web, p := deploymentKey("web"), &pace{burst: &burst.Burst{}}
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
