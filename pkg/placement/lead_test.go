// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func TestLead(t *testing.T) {
	share := func(replicas, target, available int64) Share {
		return Share{Replicas: replicas, Target: target, Pods: replicas, Available: available}
	}
	led := Clients{Led: true, Wait: 30 * time.Second}
	told := Clients{Led: true, Told: true, Wait: 30 * time.Second}
	withdrawn := Lead{State: Withdrawn, Full: 4, Until: noon.Add(30 * time.Second)}
	for _, tt := range []struct {
		name    string
		last    Lead
		share   Share
		next    Next
		clients Clients
		alone   bool
		want    Lead
	}{
		{name: "settled", share: share(4, 4, 4), next: Next{Replicas: 4}, clients: led},
		{name: "there already, and gets more", share: share(4, 8, 4), next: Next{Replicas: 6}, clients: led},
		{name: "comes, and has none ready", share: share(0, 4, 0), next: Next{Replicas: 1}, clients: led, want: Lead{State: Arriving, Full: 4}},
		{name: "comes, and some are ready", last: Lead{State: Arriving, Full: 4}, share: share(2, 4, 1), next: Next{Replicas: 2}, clients: led, want: Lead{State: Arriving, Percent: 25, Full: 4}},
		{name: "has come", last: Lead{State: Arriving, Percent: 75, Full: 4}, share: share(4, 4, 4), next: Next{Replicas: 4}, clients: led},
		{name: "comes where nobody is", share: share(0, 4, 0), next: Next{Replicas: 4}, clients: led, alone: true},
		{name: "comes, and nobody asks for it", share: share(0, 4, 0), next: Next{Replicas: 1}},
		{name: "not known yet who asks", share: share(4, 0, 4), next: Next{Replicas: 4, Withdraw: true}, clients: Clients{Unread: true}, want: Lead{State: Leaving, Full: 4}},
		{name: "leaves, and nobody asks for it", share: share(4, 0, 4), next: Next{Replicas: 2}},
		{name: "leaves, and is needed", share: share(4, 0, 4), next: Next{Replicas: 4}, clients: led, want: Lead{State: Leaving, Percent: 100, Full: 4}},
		{name: "leaves, step by step", last: Lead{State: Leaving, Percent: 100, Full: 4}, share: share(4, 0, 4), next: Next{Replicas: 1}, clients: led, want: Lead{State: Leaving, Percent: 25, Full: 4}},
		{name: "only clients keep it", last: Lead{State: Leaving, Percent: 25, Full: 4}, share: share(1, 0, 1), next: Next{Replicas: 1, Withdraw: true}, clients: led, want: Lead{State: Leaving, Full: 4}},
		{name: "names are told only after that", last: Lead{State: Leaving, Percent: 25, Full: 4}, share: share(1, 0, 1), next: Next{Replicas: 1, Withdraw: true}, clients: told, want: Lead{State: Leaving, Full: 4}},
		{name: "names are not told yet", last: Lead{State: Leaving, Full: 4}, share: share(1, 0, 1), next: Next{Replicas: 1, Withdraw: true}, clients: led, want: Lead{State: Leaving, Full: 4}},
		{name: "names are told", last: Lead{State: Leaving, Full: 4}, share: share(1, 0, 1), next: Next{Replicas: 1, Withdraw: true}, clients: told, want: withdrawn},
		{name: "while the answers are forgotten", last: withdrawn, share: share(1, 0, 1), next: Next{Replicas: 1, Withdraw: true}, clients: told, want: withdrawn},
		{name: "another name leads there", last: withdrawn, share: share(1, 0, 1), next: Next{Replicas: 1, Withdraw: true}, clients: led, want: Lead{State: Leaving, Full: 4}},
		{name: "needed again", last: withdrawn, share: share(1, 0, 1), next: Next{Replicas: 1}, clients: told, want: Lead{State: Leaving, Percent: 25, Full: 4}},
		{name: "lost while it leaves", last: withdrawn, share: Share{Replicas: 1, Unknown: true}, next: Next{Replicas: 1}, clients: told, want: withdrawn},
		{name: "gone", last: withdrawn, share: share(1, 0, 1), clients: told},
		{name: "it is to stay after all", last: withdrawn, share: share(1, 4, 1), next: Next{Replicas: 3}, clients: told, want: Lead{State: Arriving, Percent: 25, Full: 4}},
		{name: "to stay with what it has", last: withdrawn, share: share(2, 2, 2), next: Next{Replicas: 2}, clients: told},
	} {
		if diff := cmp.Diff(tt.want, tt.last.Next(tt.share, tt.next, tt.clients, !tt.alone, noon)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	for _, tt := range []struct {
		name    string
		lead    Lead
		clients Clients
		after   time.Duration
		want    bool
	}{
		{"not known", withdrawn, Clients{Unread: true}, time.Hour, true},
		{"nobody asks", Lead{}, Clients{}, 0, false},
		{"led there", Lead{}, led, 0, true},
		{"being told", Lead{State: Leaving}, told, 0, true},
		{"too early", withdrawn, told, 29 * time.Second, true},
		{"forgotten", withdrawn, told, 30 * time.Second, false},
		{"led there again", withdrawn, led, time.Hour, true},
	} {
		if got := tt.lead.Serves(tt.clients, noon.Add(tt.after)); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

func TestStepKeepsTheLastForClients(t *testing.T) {
	serving := func(replicas, target int64) Share {
		return Share{Replicas: replicas, Target: target, Pods: replicas, Available: replicas, Serving: true}
	}
	for _, tt := range []struct {
		name string
		move Move
		want []Next
	}{
		{"others are not enough yet", Move{Desired: 4, MaxSurge: 1, Shares: []Share{serving(4, 0), serving(1, 4)}}, []Next{{Replicas: 3}, {Replicas: 1}}},
		{"others are enough", Move{Desired: 4, MaxSurge: 1, Shares: []Share{serving(1, 0), serving(4, 4)}}, []Next{{Replicas: 1, Withdraw: true}, {Replicas: 4}}},
		{"its last, though they are several", Move{Desired: 4, MaxSurge: 3, Shares: []Share{serving(3, 0), serving(4, 4)}}, []Next{{Replicas: 3, Withdraw: true}, {Replicas: 4}}},
		{"what is not available serves nobody", Move{Desired: 4, MaxSurge: 3, Shares: []Share{{Replicas: 3, Pods: 3, Serving: true}, serving(4, 4)}}, []Next{{}, {Replicas: 4}}},
		{"some of it", Move{Desired: 4, MaxSurge: 3, Shares: []Share{{Replicas: 3, Pods: 3, Available: 1, Serving: true}, serving(4, 4)}}, []Next{{Replicas: 1, Withdraw: true}, {Replicas: 4}}},
		{"what one has promised, another keeps", Move{Desired: 4, MaxSurge: 2, Shares: []Share{serving(1, 0), serving(1, 0), {Replicas: 4, Target: 4, Pods: 4, Available: 4}}, MaxUnavailable: 0}, []Next{{Replicas: 1, Withdraw: true}, {Replicas: 1, Withdraw: true}, {Replicas: 4}}},
		{"not enough for both", Move{Desired: 4, MaxSurge: 1, Shares: []Share{serving(1, 0), serving(1, 0), {Replicas: 3, Target: 4, Pods: 3, Available: 3}}}, []Next{{Replicas: 1, Withdraw: true}, {Replicas: 1}, {Replicas: 3}}},
		{"nobody to lead clients to", Move{Desired: 4, MaxUnavailable: 4, Shares: []Share{serving(4, 0), {Target: 4}}}, []Next{{}, {}}},
		{"scaled to nothing", Move{Shares: []Share{serving(4, 0), serving(2, 0)}}, []Next{{}, {}}},
		{"lost", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 2, Pods: 2, Unknown: true, Serving: true}, serving(4, 4)}}, []Next{{}, {Replicas: 4}}},
	} {
		if got := Step(tt.move); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
