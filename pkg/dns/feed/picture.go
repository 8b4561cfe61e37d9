// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"time"

	"drover.dev/drover/pkg/dns/snapshot"
)

// fresh is how old a report of a cluster may be.
const fresh = snapshot.DefaultFreshSeconds * time.Second

// takenAt is when a picture with these clusters was true: now, as long as one of them is in contact. If none is, then
// what is lost is more likely the federation's sight than all its clusters: the picture gets old, and no grace period
// ends.
func takenAt(clusters []snapshot.Cluster, now time.Time) time.Time {
	var last time.Time
	for i := range clusters {
		c := &clusters[i]
		seen := c.LastReport
		switch {
		case c.State == snapshot.Unknown:
			seen = c.Since
		case seen.IsZero() || now.Sub(seen) <= fresh:
			return now
		}
		if seen.After(last) {
			last = seen
		}
	}
	if last.IsZero() {
		return now
	}
	return last
}

// movesNames reports whether clusters came, went or moved, which changes which names there are.
func movesNames(before, after *snapshot.Cluster) bool {
	return before.Name != after.Name || before.Location.Region != after.Location.Region || before.Location.Zone != after.Location.Zone
}

// urgent reports whether a cluster has changed in what cannot wait: its load, and that it is still in contact, can.
func urgent(before, after *snapshot.Cluster) bool {
	return before.State != after.State || before.Draining != after.Draining || !before.Since.Equal(after.Since)
}
