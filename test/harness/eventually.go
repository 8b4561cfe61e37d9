// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"testing"
	"time"
)

// pollInterval is the time between two looks at something waited for.
const pollInterval = 100 * time.Millisecond

// Eventually waits until a condition holds, that is, returns no error. If it does not within the deadline, the test
// fails with the last error. It returns how long it took.
func Eventually(t testing.TB, deadline time.Duration, condition func() error) time.Duration {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := condition()
		if err == nil {
			return time.Since(start)
		}
		if time.Since(start) > deadline {
			t.Fatalf("after %s still: %v", deadline, err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the test ended while it waited for: %v", err)
		}
	}
}
