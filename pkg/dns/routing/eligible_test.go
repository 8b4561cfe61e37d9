// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"drover.dev/drover/pkg/dns/snapshot"
)

func TestWhoMayBeAnswered(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*snapshot.Backend, *snapshot.Cluster)
		want   Verdict
	}{
		"healthy":                   {func(*snapshot.Backend, *snapshot.Cluster) {}, Eligible},
		"cluster draining":          {func(_ *snapshot.Backend, c *snapshot.Cluster) { c.Draining = true }, ClusterDraining},
		"draining":                  {func(b *snapshot.Backend, _ *snapshot.Cluster) { b.Draining = true }, Draining},
		"weight 0":                  {func(b *snapshot.Backend, _ *snapshot.Cluster) { *b.Weight = 0 }, WeightZero},
		"no address":                {func(b *snapshot.Backend, _ *snapshot.Cluster) { b.Addresses = nil }, NoAddress},
		"host name only":            {func(b *snapshot.Backend, _ *snapshot.Cluster) { b.Addresses, b.Hostname = nil, "lb.test" }, Eligible},
		"no ready endpoints":        {func(b *snapshot.Backend, _ *snapshot.Cluster) { *b.ReadyEndpoints = 0 }, NoReadyEndpoints},
		"unhealthy":                 {func(b *snapshot.Backend, _ *snapshot.Cluster) { b.State = snapshot.Unhealthy }, Unhealthy},
		"cluster unhealthy":         {func(_ *snapshot.Backend, c *snapshot.Cluster) { c.State = snapshot.Unhealthy }, ClusterUnhealthy},
		"fresh report":              {func(b *snapshot.Backend, _ *snapshot.Cluster) { b.LastReport = now.Add(-time.Minute) }, Eligible},
		"old report, within grace":  {func(b *snapshot.Backend, _ *snapshot.Cluster) { b.LastReport = now.Add(-time.Hour) }, Eligible},
		"old report, after grace":   {func(b *snapshot.Backend, _ *snapshot.Cluster) { b.LastReport = now.Add(-61 * time.Minute) }, NoContact},
		"unknown, healthy before":   {func(b *snapshot.Backend, _ *snapshot.Cluster) { unknown(&b.Health, snapshot.Healthy, time.Minute) }, Eligible},
		"unknown, unhealthy before": {func(b *snapshot.Backend, _ *snapshot.Cluster) { unknown(&b.Health, snapshot.Unhealthy, time.Minute) }, Unhealthy},
		"unknown, after grace":      {func(b *snapshot.Backend, _ *snapshot.Cluster) { unknown(&b.Health, snapshot.Healthy, 2*time.Hour) }, NoContact},
		"cluster unknown":           {func(_ *snapshot.Backend, c *snapshot.Cluster) { unknown(&c.Health, snapshot.Healthy, time.Minute) }, Eligible},
		"cluster unknown too long":  {func(_ *snapshot.Backend, c *snapshot.Cluster) { unknown(&c.Health, snapshot.Healthy, 2*time.Hour) }, NoContact},
	} {
		t.Run(name, func(t *testing.T) {
			s, clusters := service("east"), fleet()
			test.change(&s.Backends[0], clusters["east"])
			got, why := testClock.judge(&s.Backends[0], clusters["east"])
			if got != test.want || why == "" {
				t.Errorf("got %s (%q), want %s", got, why, test.want)
			}
			if table := build(s, clusters, Scope{}); table.Empty() == (test.want == Eligible) {
				t.Errorf("empty: %v, with verdict %s", table.Empty(), got)
			}
		})
	}
}

func unknown(h *snapshot.Health, last snapshot.State, ago time.Duration) {
	h.State, h.LastState, h.Since = snapshot.Unknown, last, now.Add(-ago)
}

func TestHealthSettles(t *testing.T) {
	const h, u, n = snapshot.Healthy, snapshot.Unhealthy, snapshot.Unknown
	damping := Damping{Fail: 10 * time.Second, Recover: 30 * time.Second}
	for name, test := range map[string]struct {
		reports []snapshot.State // one every 5 seconds
		want    []snapshot.State
	}{
		"the first is believed":          {[]snapshot.State{u}, []snapshot.State{u}},
		"one bad report changes nothing": {[]snapshot.State{h, u, h, u, h}, []snapshot.State{h, h, h, h, h}},
		"bad for 10 s":                   {[]snapshot.State{h, u, u, u}, []snapshot.State{h, h, h, u}},
		"good for 30 s":                  {[]snapshot.State{u, h, h, h, h, h, h, h}, []snapshot.State{u, u, u, u, u, u, u, h}},
		"no contact is known at once":    {[]snapshot.State{h, n, n}, []snapshot.State{h, n, n}},
		"back as it was":                 {[]snapshot.State{h, n, h}, []snapshot.State{h, n, h}},
		"back, but unhealthy":            {[]snapshot.State{h, n, u, u, u}, []snapshot.State{h, n, h, h, u}},
		"no contact ends what was new":   {[]snapshot.State{h, u, n, h}, []snapshot.State{h, h, n, h}},
	} {
		t.Run(name, func(t *testing.T) {
			var health snapshot.Health
			var got []snapshot.State
			for i, report := range test.reports {
				health = Settle(health, report, now.Add(time.Duration(i)*5*time.Second), damping)
				got = append(got, health.State)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoContactKeepsTheLastState(t *testing.T) {
	health := Settle(Settle(snapshot.Health{}, snapshot.Unhealthy, now, DefaultDamping), snapshot.Unknown, now.Add(time.Second), DefaultDamping)
	want := snapshot.Health{State: snapshot.Unknown, LastState: snapshot.Unhealthy, Since: now.Add(time.Second), LastReport: now}
	if diff := cmp.Diff(want, health); diff != "" {
		t.Error(diff)
	}
}

func TestTTL(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*snapshot.Service, Clusters)
		want   uint32
	}{
		"steady":                    {func(*snapshot.Service, Clusters) {}, 20},
		"own":                       {func(s *snapshot.Service, _ Clusters) { s.TTLSeconds = 300 }, 300},
		"less than the smallest":    {func(s *snapshot.Service, _ Clusters) { s.TTLSeconds = 2; s.Backends[0].Draining = true }, 2},
		"draining":                  {func(s *snapshot.Service, _ Clusters) { s.Backends[0].Draining = true }, MinTTLSeconds},
		"cluster draining":          {func(_ *snapshot.Service, c Clusters) { c["east"].Draining = true }, MinTTLSeconds},
		"a move":                    {func(s *snapshot.Service, _ Clusters) { s.Move = move(5) }, MinTTLSeconds},
		"a move that is done":       {func(s *snapshot.Service, _ Clusters) { s.Move = move(100) }, 20},
		"about to fail":             {func(s *snapshot.Service, _ Clusters) { s.Backends[0].Pending = snapshot.Unhealthy }, MinTTLSeconds},
		"failed a minute ago":       {func(s *snapshot.Service, _ Clusters) { failed(s, time.Minute) }, MinTTLSeconds},
		"failed an hour ago":        {func(s *snapshot.Service, _ Clusters) { failed(s, time.Hour) }, 20},
		"contact lost a minute ago": {func(_ *snapshot.Service, c Clusters) { unknown(&c["west"].Health, snapshot.Healthy, time.Minute) }, MinTTLSeconds},
	} {
		t.Run(name, func(t *testing.T) {
			s, clusters := service("east", "west"), fleet()
			test.change(s, clusters)
			if got := TTL(s, clusters, testClock); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func move(percent int32) *snapshot.Move {
	return &snapshot.Move{From: []string{"east"}, To: []string{"west"}, Percent: percent}
}

func failed(s *snapshot.Service, ago time.Duration) {
	s.Backends[0].State, s.Backends[0].Since = snapshot.Unhealthy, now.Add(-ago)
}

func TestDecisionsExpire(t *testing.T) {
	s, clusters := service("east", "west"), fleet()
	if got := NewRouter(s, clusters, testClock).Expires; !got.IsZero() {
		t.Errorf("nothing changes by itself, but it expires at %s", got)
	}
	backend(s, "east").LastReport = now.Add(-time.Minute)
	if got, want := NewRouter(s, clusters, testClock).Expires, now.Add(time.Minute+1); !got.Equal(want) {
		t.Errorf("a report that ages: got %s, want %s", got, want)
	}
	unknown(&clusters["west"].Health, snapshot.Healthy, time.Hour-time.Second)
	if got, want := NewRouter(s, clusters, testClock).Expires, now.Add(time.Second+1); !got.Equal(want) {
		t.Errorf("a grace period that ends: got %s, want %s", got, want)
	}
}
