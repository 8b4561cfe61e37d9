// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package drain

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestNext(t *testing.T) {
	const goes, stays = true, false
	turns := func(waiting int32, namespaces ...string) *v1alpha1.ClusterDrainStatus {
		return &v1alpha1.ClusterDrainStatus{Namespaces: namespaces, Waiting: waiting}
	}
	for _, test := range []struct {
		name     string
		leaves   map[string]bool
		was      *v1alpha1.ClusterDrainStatus
		parallel int32
		want     *v1alpha1.ClusterDrainStatus
	}{
		{"nothing is there", nil, nil, 2, turns(0)},
		{"the first by name", map[string]bool{"c": goes, "a": goes, "b": goes}, nil, 2, turns(1, "a", "b")},
		{"one after the other", map[string]bool{"b": goes, "c": goes}, turns(1, "a", "b"), 2, turns(0, "b", "c")},
		{"who has begun goes on", map[string]bool{"a": goes, "b": goes, "c": goes}, turns(0, "c"), 1, turns(2, "c")},
		{"what stays holds up nobody", map[string]bool{"a": stays, "b": goes, "c": goes}, turns(2, "a"), 1, turns(1, "a", "b")},
		{"what can go again takes no turn away", map[string]bool{"a": goes, "b": goes, "c": goes}, turns(1, "a", "b"), 1, turns(1, "a", "b")},
		{"fewer at once end none", map[string]bool{"a": goes, "b": goes, "c": goes}, turns(1, "a", "b"), 1, turns(1, "a", "b")},
		{"more at once", map[string]bool{"a": goes, "b": goes, "c": goes}, turns(2, "a"), 3, turns(0, "a", "b", "c")},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, next(test.leaves, test.was, test.parallel)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever leaves when, and whoever turns out to stay: a turn that has begun is not taken away, no more begin than may, and
// everybody has one in the end.
func TestTurns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		leaves := map[string]bool{}
		for i := range rapid.IntRange(0, 12).Draw(t, "namespaces") {
			leaves[fmt.Sprintf("n%02d", i)] = true
		}
		all, parallel := len(leaves), rapid.Int32Range(1, 4).Draw(t, "parallel")
		had := map[string]bool{}
		var was *v1alpha1.ClusterDrainStatus
		for range 3*all + 3 {
			is := next(leaves, was, parallel)
			moving := int32(0)
			for _, namespace := range is.Namespaces {
				had[namespace] = true
				if leaves[namespace] {
					moving++
				}
			}
			if moving > parallel {
				t.Fatalf("%d namespaces move at once: %+v", moving, is)
			}
			if was != nil {
				for _, namespace := range was.Namespaces {
					if _, there := leaves[namespace]; there && !slices.Contains(is.Namespaces, namespace) {
						t.Fatalf("%s has lost its turn: %+v, then %+v", namespace, was, is)
					}
				}
			}
			if len(leaves) > 0 && len(is.Namespaces) == 0 || int(is.Waiting)+len(is.Namespaces) != len(leaves) {
				t.Fatalf("it does not go on: %+v of %v", is, leaves)
			}
			if was = is; len(is.Namespaces) > 0 {
				done := rapid.SampledFrom(is.Namespaces).Draw(t, "done")
				if leaves[done] && rapid.Bool().Draw(t, "stays") {
					leaves[done] = false
				} else {
					delete(leaves, done)
				}
			}
		}
		if len(had) != all {
			t.Fatalf("only %v of %d had their turn", had, all)
		}
	})
}
