// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestRhythmIsWithinTheBudget(t *testing.T) {
	for perMinute := int32(1); perMinute <= 1000; perMinute++ {
		moves, every := rhythm(perMinute)
		if most := moves * int64(time.Minute/every); moves < 1 || most > int64(perMinute) || most < int64(perMinute)/2 {
			t.Errorf("%d a minute: %d every %v", perMinute, moves, every)
		}
	}
}

// A cluster that joins draws replicas over: with Automatic a few at a time, with OnChange when the workload changes, with
// Never not at all.
func TestJoiningClusterDrawsAsTheModeSays(t *testing.T) {
	clusters := []*v1alpha1.Cluster{member("a"), member("b")}
	policy := func(mode v1alpha1.RebalanceMode) *v1alpha1.PlacementPolicy {
		return policyWith(func(s *v1alpha1.PlacementPolicySpec) {
			s.Rebalance = v1alpha1.Rebalance{Mode: mode, MaxMovesPerMinute: ptr.To[int32](20)}
		})
	}
	onB := func(spec v1alpha1.PlacementSpec) (now, target int64) {
		for _, a := range spec.Clusters {
			if a.Name != "b" {
				continue
			}
			now, target = int64(*a.Replicas), int64(*a.Replicas)
			if n, err := fmt.Sscanf(a.Reason, "on its way to %d", &target); n == 1 && err == nil && a.Code == "Rebalancing" {
				return now, target
			}
			return now, now
		}
		return 0, 0
	}
	current := running("a=10")
	first, again := divide(web(1, 10), policy(v1alpha1.RebalanceAutomatic), clusters, current, now)
	if is, target := onB(first); is != 2 || target != 5 || again != 6*time.Second {
		t.Errorf("first: %d of %d, again in %v; want 2 of 5, again in 6 s", is, target, again)
	}
	early, again := divide(web(1, 10), policy(v1alpha1.RebalanceAutomatic), clusters, &first, now.Add(4*time.Second))
	if is, target := onB(early); is != 2 || target != 5 || again != 2*time.Second {
		t.Errorf("too early: %d of %d, again in %v; want 2 of 5, again in 2 s", is, target, again)
	}
	second, _ := divide(web(1, 10), policy(v1alpha1.RebalanceAutomatic), clusters, &early, now.Add(6*time.Second))
	third, again := divide(web(1, 10), policy(v1alpha1.RebalanceAutomatic), clusters, &second, now.Add(time.Minute))
	if is, target := onB(third); is != 5 || target != 5 || again != 0 {
		t.Errorf("at last: %d of %d, again in %v; want 5 of 5, never again", is, target, again)
	}
	if !third.LastMoveTime.Equal(&metav1.Time{Time: now.Add(time.Minute)}) {
		t.Errorf("last moved at %v", third.LastMoveTime)
	}
	for _, tt := range []struct {
		name       string
		mode       v1alpha1.RebalanceMode
		generation int64
		want       int64
	}{
		{"automatic, and the workload changed", v1alpha1.RebalanceAutomatic, 2, 5},
		{"on change, without one", v1alpha1.RebalanceOnChange, 1, 0},
		{"on change, with one", v1alpha1.RebalanceOnChange, 2, 5},
		{"never, and the workload changed", v1alpha1.RebalanceNever, 2, 0},
	} {
		next, again := divide(web(tt.generation, 10), policy(tt.mode), clusters, current, now)
		if is, target := onB(next); is != tt.want || target != tt.want || again != 0 {
			t.Errorf("%s: %d of %d, again in %v; want %d at once", tt.name, is, target, again, tt.want)
		}
	}
}
