// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestWindow(t *testing.T) {
	type answer struct {
		took       time.Duration
		overloaded bool
		times      int
	}
	for _, tt := range []struct {
		name    string
		answers []answer
		room    int
	}{
		{"nothing is known", nil, firstWindow},
		{"prompt answers", []answer{{took: 5 * time.Millisecond, times: 500}}, maxWindow},
		{"a member far away", []answer{{took: 2 * time.Second, times: 500}}, maxWindow},
		{"a timeout", []answer{{took: RequestTimeout, overloaded: true, times: 1}}, firstWindow / 2},
		{"timeouts", []answer{{took: RequestTimeout, overloaded: true, times: 50}}, 1},
		{"a refusal that comes promptly", []answer{{took: time.Millisecond, times: 500}, {took: time.Millisecond, overloaded: true, times: 1}}, maxWindow / 2},
		{"answers that become slow", []answer{{took: 5 * time.Millisecond, times: 500}, {took: time.Second, times: 5}}, 1},
		{"answers that become slow, and stay so", []answer{{took: 5 * time.Millisecond, times: 500}, {took: time.Second, times: 500}}, maxWindow},
		{"timeouts, and then prompt answers", []answer{{took: RequestTimeout, overloaded: true, times: 50}, {took: 5 * time.Millisecond, times: 500}}, maxWindow},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, now := newWindow(), time.Unix(1000, 0)
			for _, a := range tt.answers {
				for range a.times {
					now = now.Add(time.Millisecond)
					w.answered(now, now.Add(a.took), a.overloaded)
					now = now.Add(a.took)
				}
			}
			if got := w.room(); got != tt.room {
				t.Errorf("room for %d, want %d", got, tt.room)
			}
		})
	}
}

// What was under way together is one sign of too much work, not many.
func TestWindowHalvesOnce(t *testing.T) {
	w, now := newWindow(), time.Unix(1000, 0)
	for range 10 {
		w.answered(now, now.Add(RequestTimeout), true)
	}
	if got := w.room(); got != firstWindow/2 {
		t.Errorf("room for %d, want %d", got, firstWindow/2)
	}
}

// However work comes and goes, no more is begun at once than there are slots, no member has more under way than it has
// room for, and nothing waits that could go on.
func TestLimiter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(1, 5).Draw(t, "slots")
		l := &limiter{free: slots}
		var lanes []*lane
		for range rapid.IntRange(1, 4).Draw(t, "members") {
			lanes = append(lanes, l.newLane())
		}
		var all []*pass
		now := time.Unix(1000, 0)
		draw := func() *pass { return all[rapid.IntRange(0, len(all)-1).Draw(t, "which")] }
		t.Repeat(map[string]func(*rapid.T){
			"ask": func(t *rapid.T) { all = append(all, rapid.SampledFrom(lanes).Draw(t, "member").ask()) },
			"yield": func(t *rapid.T) {
				if len(all) == 0 {
					t.Skip()
				}
				draw().yield()
			},
			"leave": func(t *rapid.T) {
				if len(all) == 0 {
					t.Skip()
				}
				p := draw()
				all = slices.DeleteFunc(all, func(other *pass) bool { return other == p })
				p.leave()
			},
			"answered": func(t *rapid.T) {
				now = now.Add(time.Second)
				rapid.SampledFrom(lanes).Draw(t, "member").answered(now, now.Add(time.Millisecond), rapid.Bool().Draw(t, "overloaded"))
			},
			"": func(t *rapid.T) {
				held, underWay := 0, map[*lane]int{}
				for _, p := range all {
					if p.slot {
						held++
					}
					if begun(p) {
						underWay[p.lane]++
					} else if p.slot {
						t.Fatal("a slot for work that has not begun")
					}
				}
				if held+l.free != slots || l.free < 0 {
					t.Fatalf("%d of %d slots are held, and %d free", held, slots, l.free)
				}
				for _, n := range lanes {
					if underWay[n] != n.underWay {
						t.Fatalf("%d are under way, and %d are counted", underWay[n], n.underWay)
					}
					if l.free > 0 && n.ready() {
						t.Fatal("there is a slot and room, and work waits")
					}
				}
			},
		})
	})
}

func begun(p *pass) bool {
	select {
	case <-p.begun:
		return true
	default:
		return false
	}
}

// A member with much to do waits its turn like one with little.
func TestLimiterTakesTurns(t *testing.T) {
	l := &limiter{free: 1}
	much, little := l.newLane(), l.newLane()
	var passes []*pass
	for range 100 {
		passes = append(passes, much.ask())
	}
	only := little.ask()
	for i := range 2 {
		if begun(only) {
			t.Fatal("it goes before those that were there first")
		}
		passes[i].leave()
	}
	if !begun(only) {
		t.Error("it waits for all that the other member has to do")
	}
}

// Members that do not answer keep only what they have room for, and their slots not for long.
func TestLimiterOfSilentMembers(t *testing.T) {
	l := &limiter{free: 8}
	var silent []*pass
	for range 10 {
		n := l.newLane()
		for range maxWindow {
			silent = append(silent, n.ask())
		}
	}
	healthy := l.newLane().ask()
	for range 10 { // each turn frees slots, which others take
		for _, p := range silent {
			p.yield()
		}
	}
	if !begun(healthy) {
		t.Error("a healthy member waits for silent ones")
	}
	waiting := len(slices.DeleteFunc(silent, begun))
	if want := 10 * (maxWindow - firstWindow); waiting != want {
		t.Errorf("%d wait for silent members, want %d", waiting, want)
	}
}

func TestEnterEndsWithTheContext(t *testing.T) {
	l := &limiter{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	n := l.newLane()
	if _, err := n.enter(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	if len(n.waiting) > 0 {
		t.Error("it waits still")
	}
}
