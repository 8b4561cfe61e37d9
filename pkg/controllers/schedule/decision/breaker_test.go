// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"testing"
	"time"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestTooManyLost(t *testing.T) {
	up := func(name string) *v1alpha1.Cluster { return member(name) }
	down := func(name string, ago time.Duration) *v1alpha1.Cluster { return member(name, notReadySince(ago)) }
	for _, tt := range []struct {
		name   string
		others []*v1alpha1.Cluster
		want   bool
	}{
		{"the only one", nil, false},
		{"one of two", []*v1alpha1.Cluster{up("b")}, false},
		{"two of two", []*v1alpha1.Cluster{down("b", time.Hour)}, true},
		{"two of three", []*v1alpha1.Cluster{down("b", time.Hour), up("c")}, true},
		{"two of four", []*v1alpha1.Cluster{down("b", time.Hour), up("c"), up("d")}, true},
		{"two of five", []*v1alpha1.Cluster{down("b", time.Hour), up("c"), up("d"), up("e")}, false},
		{"the other a little later", []*v1alpha1.Cluster{down("b", time.Hour-4*time.Minute), up("c")}, true},
		{"the other much later", []*v1alpha1.Cluster{down("b", time.Minute), up("c")}, false},
		{"the other long ago", []*v1alpha1.Cluster{down("b", 30*24*time.Hour), up("c")}, false},
		{"the other never came", []*v1alpha1.Cluster{member("b", neverProbed), up("c")}, false},
		{"the other leaves", []*v1alpha1.Cluster{member("b", notReadySince(time.Hour), leaving), up("c")}, false},
	} {
		one := down("a", time.Hour)
		if got := tooManyLost(one, append(tt.others, one)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
	if tooManyLost(up("a"), []*v1alpha1.Cluster{up("a"), down("b", time.Hour), down("c", time.Hour)}) {
		t.Error("a cluster that is ready is lost")
	}
}
