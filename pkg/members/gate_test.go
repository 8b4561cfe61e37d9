// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
)

// A gate that is closed holds everybody until it opens, or until they give up.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &gate{}
		if err := g.wait(t.Context()); err != nil || g.open() {
			t.Fatalf("a new gate is closed (%v)", err)
		}
		g.close()
		g.close()
		results := make(chan error, 2)
		for range 2 {
			go func() { results <- g.wait(t.Context()) }()
		}
		impatient, cancel := context.WithCancel(t.Context())
		cancel()
		if err := g.wait(impatient); !errors.Is(err, context.Canceled) {
			t.Errorf("waited for a closed gate: %v", err)
		}
		synctest.Wait()
		if len(results) > 0 {
			t.Fatal("passed a closed gate")
		}
		if !g.open() {
			t.Error("the gate was not closed")
		}
		for range 2 {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
	})
}
