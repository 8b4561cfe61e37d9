// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package routing

import (
	"fmt"
	"time"

	"drover.dev/drover/pkg/dns/snapshot"
)

// Verdict says whether a cluster may be answered, in one stable word.
type Verdict string

const (
	Eligible         Verdict = "Eligible"
	ClusterDraining  Verdict = "ClusterDraining"
	Draining         Verdict = "Draining"
	WeightZero       Verdict = "WeightZero"
	NoAddress        Verdict = "NoAddress"
	NoReadyEndpoints Verdict = "NoReadyEndpoints"
	ClusterUnhealthy Verdict = "ClusterUnhealthy"
	Unhealthy        Verdict = "Unhealthy"
	NoContact        Verdict = "NoContact"
	Withdrawn        Verdict = "Withdrawn"
	OutOfScope       Verdict = "OutOfScope"
)

// lasting reports whether the verdict stands when health is not asked for: see snapshot.LastKnown.
func (v Verdict) lasting() bool {
	switch v {
	case ClusterDraining, Draining, WeightZero, NoAddress, OutOfScope:
		return true
	}
	return false
}

// Clock is what reports are judged by: the time of the snapshot, and its periods.
type Clock struct {
	At           time.Time
	Fresh, Grace time.Duration
	// window is how long a failure counts as under way.
	window time.Duration
}

// ClockOf returns the clock of a snapshot.
func ClockOf(s *snapshot.Snapshot) Clock {
	return Clock{
		At:     s.Time,
		Fresh:  time.Duration(s.FreshSeconds) * time.Second,
		Grace:  time.Duration(s.GraceSeconds) * time.Second,
		window: failureWindow,
	}
}

// failureWindow is how long after a change of health the smallest TTL is answered.
const failureWindow = 5 * time.Minute

// now returns the state at the clock's time: a report that is not fresh is none.
func (c Clock) now(h *snapshot.Health) snapshot.Health {
	if h.State == snapshot.Unknown || h.LastReport.IsZero() || c.At.Sub(h.LastReport) <= c.Fresh {
		return *h
	}
	return snapshot.Health{State: snapshot.Unknown, LastState: h.State, Since: h.LastReport, LastReport: h.LastReport}
}

// serves reports whether the state lets the cluster be answered, and why not.
func (c Clock) serves(h *snapshot.Health) (ok bool, verdict Verdict, why string) {
	health := c.now(h)
	switch {
	case health.State == snapshot.Unhealthy:
		return false, Unhealthy, "reported unhealthy"
	case health.State == snapshot.Healthy:
		return true, Eligible, "healthy"
	case health.LastState == snapshot.Unhealthy:
		return false, Unhealthy, "no contact, and unhealthy before"
	case !health.Since.IsZero() && c.At.Sub(health.Since) > c.Grace:
		return false, NoContact, fmt.Sprintf("no contact for longer than %s", c.Grace)
	}
	return true, Eligible, "no contact, and healthy before"
}

// unsettled reports whether the health is changing, or has just changed.
func (c Clock) unsettled(h *snapshot.Health) bool {
	health := c.now(h)
	if health.Pending != "" {
		return true
	}
	return health.State != snapshot.Healthy && !health.Since.IsZero() && c.At.Sub(health.Since) < c.window
}

// judge says whether a cluster may be answered for a service, and why.
func (c Clock) judge(b *snapshot.Backend, cluster *snapshot.Cluster) (Verdict, string) {
	switch {
	case cluster.Draining:
		return ClusterDraining, "the cluster is being drained"
	case b.Draining:
		return Draining, "it is being drained here"
	case *b.Weight == 0:
		return WeightZero, "weight 0"
	case len(b.Addresses) == 0 && b.Hostname == "":
		return NoAddress, "no address yet"
	case *b.ReadyEndpoints == 0:
		return NoReadyEndpoints, "no ready endpoints"
	}
	_, verdict, why := c.serves(&cluster.Health)
	if verdict != Eligible {
		if verdict == Unhealthy {
			verdict = ClusterUnhealthy
		}
		return verdict, "cluster: " + why
	}
	ok, verdict, own := c.serves(&b.Health)
	if ok && c.now(&b.Health).State == snapshot.Healthy {
		own = why // of the two, what is less than healthy is worth saying
	}
	switch {
	case !ok || b.KeepsPercent == nil:
	case *b.KeepsPercent == 0:
		return Withdrawn, "its clients are led elsewhere, since it is coming or leaving"
	default:
		own += fmt.Sprintf(", coming or leaving: %d %% of its clients", *b.KeepsPercent)
	}
	return verdict, own
}

// next returns the first time after the clock's at which what is said of the health changes by itself; zero if never.
func (c Clock) next(h *snapshot.Health) (next time.Time) {
	health := c.now(h)
	var times []time.Time
	if health.State != snapshot.Unknown && !health.LastReport.IsZero() {
		times = append(times, health.LastReport.Add(c.Fresh+1))
	}
	if health.State != snapshot.Healthy && !health.Since.IsZero() {
		times = append(times, health.Since.Add(c.window), health.Since.Add(c.Grace+1))
	}
	for _, t := range times {
		next = sooner(next, t, c.At)
	}
	return next
}

// sooner is the earlier of two times that are after a third; zero if neither is.
func sooner(a, b, after time.Time) time.Time {
	if !b.After(after) || (!a.IsZero() && a.Before(b)) {
		return a
	}
	return b
}
