// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package burst

import (
	"testing"
	"time"
)

func TestRest(t *testing.T) {
	begin := time.Unix(1000, 0)
	for _, tt := range []struct {
		name      string
		decisions int
		every     time.Duration
		after     time.Duration // since the last decision
		waited    time.Duration
		want      time.Duration
	}{
		{"nothing was decided", 0, 0, 0, 0, 0},
		{"little was decided", much - 1, 0, 0, 0, 0},
		{"much was decided", much, 0, 0, 0, recheck},
		{"very much was", 100 * much, 0, 0, 0, recheck},
		{"but not lately", 100 * much, 0, lately, 0, 0},
		{"one after the other", 100 * much, lately/(much-1) + 1, 0, 0, 0},
		{"it has waited for long", 100 * much, 0, 0, Patience - recheck/2, recheck / 2},
		{"it has waited for too long", 100 * much, 0, 0, Patience, 0},
		{"it has waited for far too long", 100 * much, 0, 0, time.Hour, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, last := &Burst{}, begin
			for i := range tt.decisions {
				last = begin.Add(time.Duration(i) * tt.every)
				b.Decided(last)
			}
			now := last.Add(tt.after)
			if got := b.Rest(now.Add(-tt.waited), now); got != tt.want {
				t.Errorf("rests %s more, want %s", got, tt.want)
			}
		})
	}
}
