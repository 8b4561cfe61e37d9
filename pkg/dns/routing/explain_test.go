// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"drover.dev/drover/pkg/dns/snapshot"
)

func TestExplain(t *testing.T) {
	s := service("east", "eu", "tokyo", "west")
	s.Saturation = &snapshot.Saturation{Low: 70, High: 90}
	backend(s, "eu").Draining = true
	backend(s, "tokyo").Addresses, backend(s, "tokyo").Hostname = nil, "lb.example.com"
	near := func(region string) *Client {
		c := client(1)
		c.Place, c.PlaceBits = &Place{Location: snapshot.Location{Region: region}}, 16
		return c
	}
	for name, test := range map[string]struct {
		client *Client
		change func()
		why    string
		first  string
	}{
		"nearest":         {near("us-west1"), func() {}, "nearest to the client", "west"},
		"full":            {near("us-east1"), func() { backend(s, "east").LoadPercent = new(int32(95)) }, "nearest to the client; east is too full to take this client", "tokyo"},
		"moved":           {near("us-west1"), func() { s.Move = &snapshot.Move{From: []string{"west"}, To: []string{"tokyo"}, Percent: 100} }, "nearest to the client; moved from west by the move that is under way", "tokyo"},
		"nobody is known": {&Client{}, func() {}, "where the client is, is not known: drawn by weight", ""},
		"by weight":       {near("us-west1"), func() { s.Mode = snapshot.Weighted }, "drawn by weight", ""},
		"by priority":     {near("us-west1"), func() { s.Mode = snapshot.Failover }, "nearest to the client; among those of the highest priority", "west"},
	} {
		t.Run(name, func(t *testing.T) {
			before := *s
			load := backend(s, "east").LoadPercent
			test.change()
			e := NewRouter(s, fleet(), testClock).Explain(Scope{}, test.client)
			backend(s, "east").LoadPercent = load
			*s = before
			if e.Why != test.why || (test.first != "" && e.Clusters[0].Cluster != test.first) {
				t.Errorf("%s first: %s", e.Clusters[0].Cluster, e.Why)
			}
		})
	}
	want := []string{
		"A: tokyo, by the name lb.example.com",
		"AAAA: tokyo, by the name lb.example.com",
		"why: nearest to the client",
		"asked for all clusters",
		"client 10.0.1.0/24 at region asia-northeast1",
		"1. tokyo: healthy",
		"2. east: healthy",
		"3. west: healthy",
		"not eu: it is being drained here",
		"for 5 seconds, for the first 16 bits of the client's address",
	}
	if diff := cmp.Diff(want, NewRouter(s, fleet(), testClock).Explain(Scope{}, near("asia-northeast1")).Lines()); diff != "" {
		t.Error(diff)
	}
	nothing := service("east")
	nothing.Backends[0].State = snapshot.Unhealthy
	e := NewRouter(nothing, fleet(), testClock).Explain(Scope{Region: "us-east1"}, &Client{})
	if lines := e.Lines(); lines[0] != "A: nothing" || lines[2] != "why: no cluster may be answered" || lines[3] != "asked for region us-east1, answered for all clusters" {
		t.Errorf("got %q", lines)
	}
}
