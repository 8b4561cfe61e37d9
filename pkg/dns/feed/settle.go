// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"time"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
)

// settle puts in place of the reported health of a service's backends that which follows from the last one, nil if the
// service is new. It returns after how long to do so again, zero if only a report changes anything.
//
// A backend without ready endpoints is not answered at once. Once that has lasted, it has to be ready again for a while
// before it is answered, unless nobody else is there.
func settle(s, last *snapshot.Service, at time.Time, damping routing.Damping) (again time.Duration) {
	reports := make([]snapshot.State, len(s.Backends))
	for i := range s.Backends {
		b := &s.Backends[i]
		reports[i] = b.State
		before := healthOf(last, b.Cluster)
		if before.State == "" && reports[i] != snapshot.Healthy {
			// It was never ready here, so nobody has to be kept from coming back too soon.
			b.Health = snapshot.Health{}
			continue
		}
		b.Health = routing.Settle(before, reports[i], at, damping)
		b.LastReport = time.Time{} // how fresh the picture is, the cluster's own health says
	}
	if !served(s) {
		believe(s, reports, at)
	}
	for i := range s.Backends {
		again = sooner(again, untilSettled(&s.Backends[i].Health, at, damping))
	}
	return again
}

// healthOf is that of a backend; it has no state if there was none, or if it was never ready.
func healthOf(last *snapshot.Service, cluster string) snapshot.Health {
	if last == nil {
		return snapshot.Health{}
	}
	for i := range last.Backends {
		if b := &last.Backends[i]; b.Cluster == cluster && !b.Since.IsZero() {
			return b.Health
		}
	}
	return snapshot.Health{}
}

// served reports whether some backend may be answered.
func served(s *snapshot.Service) bool {
	for i := range s.Backends {
		b := &s.Backends[i]
		state := b.State
		if state == snapshot.Unknown {
			state = b.LastState
		}
		if couldServe(b) && state != snapshot.Unhealthy {
			return true
		}
	}
	return false
}

func couldServe(b *snapshot.Backend) bool {
	led := ptr.Deref(b.Weight, 1) > 0 && ptr.Deref(b.KeepsPercent, 100) > 0
	return led && !b.Draining && *b.ReadyEndpoints > 0 && (len(b.Addresses) > 0 || b.Hostname != "")
}

// believe takes those for healthy that are reported so, and would have to wait.
func believe(s *snapshot.Service, reports []snapshot.State, at time.Time) {
	for i := range s.Backends {
		if b := &s.Backends[i]; reports[i] == snapshot.Healthy && b.State == snapshot.Unhealthy && couldServe(b) {
			b.Health = snapshot.Health{State: snapshot.Healthy, Since: at}
		}
	}
}

func untilSettled(h *snapshot.Health, at time.Time, damping routing.Damping) time.Duration {
	lasts := damping.Fail
	switch h.Pending {
	case "":
		return 0
	case snapshot.Healthy:
		lasts = damping.Recover
	}
	return max(h.PendingSince.Add(lasts).Sub(at), time.Millisecond)
}

// sooner is the shorter of two durations, where zero is never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || (b > 0 && b < a) {
		return b
	}
	return a
}
