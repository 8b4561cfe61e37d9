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
			p := &pace{}
			tt.before(p)
			if got := p.soon(web, false, now); got != tt.want {
				t.Errorf("waits %s, want %s", got, tt.want)
			}
		})
	}
}

func TestPaceOfWhatIsUrgent(t *testing.T) {
	p, now := &pace{}, time.Unix(0, 0)
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

func TestPaceWhileMuchIsDone(t *testing.T) {
	begin := time.Unix(1000, 0)
	web := deploymentKey("web")
	for _, tt := range []struct {
		name      string
		decisions int
		every     time.Duration
		after     time.Duration // since the last decision
		waited    time.Duration // since the status became due
		want      time.Duration
	}{
		{"nothing was decided", 0, 0, 0, 0, 0},
		{"little was decided", much - 1, 0, 0, 0, 0},
		{"much was decided", much, 0, 0, 0, recheck},
		{"very much was", 100 * much, 0, 0, 0, recheck},
		{"but not lately", 100 * much, 0, lately, 0, 0},
		{"one after the other", 100 * much, lately/(much-1) + 1, 0, 0, 0},
		{"it has waited for long", 100 * much, 0, 0, patience - recheck/2, recheck / 2},
		{"it has waited for too long", 100 * much, 0, 0, patience, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &pace{}
			last := begin
			for i := range tt.decisions {
				last = begin.Add(time.Duration(i) * tt.every)
				p.decided(deploymentKey(fmt.Sprint("other-", i)), last)
			}
			now := last.Add(tt.after)
			p.soon(web, false, now.Add(-tt.waited))
			if got := p.begin(web, false, now); got != tt.want {
				t.Errorf("waits %s more, want %s", got, tt.want)
			}
			// What has begun waits for nothing more, until it is due again.
			if got := p.begin(web, false, now); tt.want == 0 && got != 0 {
				t.Errorf("waits %s once it has begun", got)
			}
		})
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
