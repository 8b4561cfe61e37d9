// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"sync"
	"testing"
)

func TestTurns(t *testing.T) {
	var turns turns[string]
	endOther := turns.take("other") // holds nobody up who wants another key
	made, found := 0, 0
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			defer turns.take("shop")()
			if made == 0 {
				made++
				return
			}
			found++
		})
	}
	all.Wait()
	endOther()
	if made != 1 || found != 99 {
		t.Errorf("made %d times, and found by %d of 99", made, found)
	}
	if len(turns.taken) > 0 {
		t.Errorf("%d keys are remembered", len(turns.taken))
	}
}
