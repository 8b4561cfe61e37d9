// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"time"

	"drover.dev/drover/pkg/dns/snapshot"
)

// Damping says how long a reported state must last before it counts. Going away is quicker than coming back.
type Damping struct {
	Fail, Recover time.Duration
}

// DefaultDamping suits reports that come every few seconds.
var DefaultDamping = Damping{Fail: 10 * time.Second, Recover: 30 * time.Second}

// Settle returns the health that follows from the last one and a report at a time. A report of Unknown says that there
// was no contact: that is not damped, because it changes no answer before the grace period ends.
func Settle(last snapshot.Health, report snapshot.State, at time.Time, damping Damping) snapshot.Health {
	next := last
	if report == snapshot.Unknown {
		next.Pending, next.PendingSince = "", time.Time{}
		if last.State != snapshot.Unknown {
			next.LastState, next.State, next.Since = last.State, snapshot.Unknown, at
		}
		return next
	}
	next.LastReport = at
	// Back in contact with what it was before, nothing has changed; with something else, that is news like any other.
	if last.State == snapshot.Unknown {
		next.State, next.Since = last.LastState, at
		next.LastState = ""
	}
	switch {
	case next.State == "": // the first report is believed
		next.State, next.Since = report, at
	case report == next.State:
		next.Pending, next.PendingSince = "", time.Time{}
	case next.Pending != report:
		next.Pending, next.PendingSince = report, at
	}
	if next.Pending != "" && at.Sub(next.PendingSince) >= damping.of(next.Pending) {
		next.State, next.Since = next.Pending, at
		next.Pending, next.PendingSince = "", time.Time{}
	}
	return next
}

func (d Damping) of(state snapshot.State) time.Duration {
	if state == snapshot.Healthy {
		return d.Recover
	}
	return d.Fail
}
