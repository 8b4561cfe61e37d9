// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestStep(t *testing.T) {
	ready := func(replicas, target int64) Share {
		return Share{Replicas: replicas, Target: target, Pods: replicas, Available: replicas}
	}
	for _, tt := range []struct {
		name string
		move Move
		want []int64
	}{
		{"nothing to do", Move{Desired: 4, MaxSurge: 1, Shares: []Share{ready(2, 2), ready(2, 2)}}, []int64{2, 2}},
		{"made before anything is broken", Move{Desired: 4, MaxSurge: 1, Shares: []Share{ready(4, 0), ready(0, 4)}}, []int64{4, 1}},
		{"not available yet", Move{Desired: 4, MaxSurge: 1, Shares: []Share{ready(4, 0), {Replicas: 1, Target: 4, Pods: 1}}}, []int64{4, 1}},
		{"available", Move{Desired: 4, MaxSurge: 1, Shares: []Share{ready(4, 0), ready(1, 4)}}, []int64{3, 1}},
		{"given up, and still there", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 3, Pods: 4, Available: 4}, ready(1, 4)}}, []int64{3, 1}},
		{"gone", Move{Desired: 4, MaxSurge: 1, Shares: []Share{ready(3, 0), ready(1, 4)}}, []int64{3, 2}},
		{"some may be missing", Move{Desired: 4, MaxUnavailable: 2, Shares: []Share{ready(4, 0), ready(0, 4)}}, []int64{2, 0}},
		{"neither more nor less: one more", Move{Desired: 4, Shares: []Share{ready(4, 0), ready(0, 4)}}, []int64{4, 1}},
		{"what is not available is not missed", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 4, Pods: 4, Available: 1}, ready(0, 4)}}, []int64{1, 1}},
		{"while pods are replaced, any may go", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 4, Pods: 5, Available: 3, Rolling: true}, ready(0, 4)}}, []int64{4, 1}},
		{"a lost cluster is not counted on", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 2, Target: 2, Pods: 2, Available: 2, Unknown: true}, ready(2, 0), ready(0, 2)}}, []int64{2, 2, 1}},
		{"nor given up before the others are enough", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 2, Pods: 2, Unknown: true}, ready(2, 4)}}, []int64{2, 3}},
		{"then it is", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 2, Pods: 2, Unknown: true}, ready(4, 4)}}, []int64{0, 4}},
		{"scaling up waits for nobody", Move{Desired: 9, MaxSurge: 1, Shares: []Share{{Replicas: 2, Target: 5, Pods: 2}, {Replicas: 2, Target: 4}}}, []int64{5, 4}},
		{"scaling down waits for nobody", Move{Desired: 2, MaxSurge: 1, Shares: []Share{ready(5, 1), ready(4, 1)}}, []int64{1, 1}},
		{"scaling to nothing", Move{Shares: []Share{ready(5, 0), ready(4, 0)}}, []int64{0, 0}},
		{"by priority", Move{Desired: 6, MaxSurge: 2, Shares: []Share{{Target: 3, Priority: 1}, {Target: 3, Priority: 2}, ready(6, 0)}}, []int64{0, 2, 6}},
	} {
		if got := Step(tt.move); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// site is a cluster in a simulated move. What is assigned reaches it late, its pods become available late or never, and
// what it reports is late too.
type site struct {
	assigned, target int64
	spec             int64 // what has reached it
	pods             []pod // the first were made first
	reported         Share // Pods and Available, as last seen
	lost             bool  // nothing reaches it, and nothing is seen of it
	broken           bool  // its new pods never become available
}

type pod struct{ available bool }

func (s *site) available() (n int64) {
	for _, p := range s.pods {
		if p.available {
			n++
		}
	}
	return n
}

// act has the cluster do some of what it is to do: make pods, bring one up, or take some away, those that are not available
// first, as Kubernetes does.
func (s *site) act(t *rapid.T) {
	if !s.lost && rapid.Bool().Draw(t, "hears") {
		s.spec = s.assigned
	}
	for int64(len(s.pods)) < s.spec {
		s.pods = append(s.pods, pod{})
	}
	for int64(len(s.pods)) > s.spec {
		i := slices.IndexFunc(s.pods, func(p pod) bool { return !p.available })
		s.pods = slices.Delete(s.pods, max(0, i), max(0, i)+1)
	}
	for i := range s.pods {
		if !s.pods[i].available && !s.broken && rapid.Bool().Draw(t, "becomes available") {
			s.pods[i].available = true
		}
	}
	if !s.lost && rapid.Bool().Draw(t, "is seen") {
		s.reported.Pods, s.reported.Available = int64(len(s.pods)), s.available()
	}
}

// Whatever is slow, lost, or broken, and however the targets change meanwhile: enough is available and not too much is
// assigned, at every moment; and when everything works again it comes to an end, and stays there.
func TestStepIsSafeAndEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		desired := rapid.Int64Range(0, 12).Draw(t, "desired")
		surge, unavailable := rapid.Int64Range(0, 4).Draw(t, "surge"), rapid.Int64Range(0, 3).Draw(t, "unavailable")
		sites := make([]*site, rapid.IntRange(1, 4).Draw(t, "clusters"))
		for i := range sites {
			sites[i] = &site{}
		}
		spread := func(into func(*site) *int64) {
			for _, s := range sites {
				*into(s) = 0
			}
			for range desired {
				*into(sites[rapid.IntRange(0, len(sites)-1).Draw(t, "one to")])++
			}
		}
		spread(func(s *site) *int64 { return &s.assigned })
		for _, s := range sites {
			s.spec, s.target = s.assigned, s.assigned
			s.pods = slices.Repeat([]pod{{available: true}}, int(s.assigned))
			s.reported = Share{Pods: s.assigned, Available: s.assigned}
		}
		most := desired + surge
		if surge == 0 && unavailable == 0 {
			most++
		}
		decide := func() (moved bool) {
			m := Move{Desired: desired, MaxSurge: surge, MaxUnavailable: unavailable}
			for _, s := range sites {
				share := s.reported
				share.Replicas, share.Target = s.assigned, s.target
				share.Unknown = s.lost
				m.Shares = append(m.Shares, share)
			}
			var sum int64
			for i, n := range Step(m) {
				moved = moved || n != sites[i].assigned
				sites[i].assigned = n
				sum += n
			}
			if sum > most {
				t.Fatalf("%d are assigned of %d", sum, most)
			}
			return moved
		}
		wasLost := false
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.IntRange(0, 15).Draw(t, "changes its mind") == 0 {
				spread(func(s *site) *int64 { return &s.target })
			}
			for _, s := range sites {
				s.lost = rapid.IntRange(0, 20).Draw(t, "is lost") == 0
				s.broken = rapid.IntRange(0, 10).Draw(t, "is broken") == 0
				wasLost = wasLost || s.lost
				s.act(t)
			}
			decide()
			var available int64
			for _, s := range sites {
				available += s.available()
			}
			// A cluster that is lost runs on, so that this holds with it; none of its pods fail by themselves here.
			if available < desired-unavailable {
				t.Fatalf("%d are available of %d", available, desired)
			}
		}
		for range 40 * (desired + 1) {
			for _, s := range sites {
				s.lost, s.broken = false, false
				s.spec = s.assigned
				s.act(t)
				for i := range s.pods {
					s.pods[i].available = true
				}
				s.reported.Pods, s.reported.Available = int64(len(s.pods)), s.available()
			}
			if !decide() && slices.IndexFunc(sites, func(s *site) bool { return s.assigned != s.target }) < 0 {
				return
			}
		}
		t.Fatal("it does not come to an end")
	})
}
