// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"slices"
	"time"

	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/dns/routing"
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

// urgent reports whether a cluster has changed in what cannot wait. That it is still in contact can, and how full it is
// where that leads nobody elsewhere: see reloaded.
func urgent(before, after *snapshot.Cluster) bool {
	return before.State != after.State || before.Draining != after.Draining || !before.Since.Equal(after.Since)
}

// reloaded are the clusters as they are served, but those with the load they have now that keep another part of some
// service's clients by it. The second result are those.
func reloaded(served, now []snapshot.Cluster, services map[snapshot.Key]*snapshot.Service) (all, differ []snapshot.Cluster) {
	all = slices.Clone(served)
	for i := range all {
		at := slices.IndexFunc(now, func(c snapshot.Cluster) bool { return c.Name == all[i].Name })
		if at < 0 || ptr.Equal(all[i].LoadPercent, now[at].LoadPercent) {
			continue
		}
		before, after := all[i].LoadPercent, now[at].LoadPercent
		for _, s := range services {
			if s.Saturation != nil && routing.Keeps(s.Saturation, before) != routing.Keeps(s.Saturation, after) && runsIn(s, all[i].Name) {
				all[i].LoadPercent = after
				differ = append(differ, all[i])
				break
			}
		}
	}
	return all, differ
}

func runsIn(s *snapshot.Service, cluster string) bool {
	return slices.ContainsFunc(s.Backends, func(b snapshot.Backend) bool { return b.Cluster == cluster })
}
