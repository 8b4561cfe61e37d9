// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOrder has one worker busy while keys are queued, and says in which order they have their turns.
func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		name   string
		queued func(r *Runner[string])
		want   string
	}{
		{"changes, first come first served", func(r *Runner[string]) { enqueue(r, "a", "b", "c") }, "a b c"},
		{"resyncs, first come first served", func(r *Runner[string]) { resync(r, "a", "b", "c") }, "a b c"},
		{"a change overtakes resyncs", func(r *Runner[string]) { resync(r, "a", "b", "c"); enqueue(r, "x") }, "x a b c"},
		{"so does what is to be looked at again and then changes", func(r *Runner[string]) { resync(r, "a", "b", "x"); enqueue(r, "x") }, "x a b"},
		{"what has changed keeps its turn when it is to be looked at again", func(r *Runner[string]) { resync(r, "a"); enqueue(r, "x"); resync(r, "x") }, "x a"},
		{"also while it is in work", func(r *Runner[string]) { enqueue(r, "busy"); resync(r, "busy", "a") }, "busy a"},
		{"resyncs go on while there are changes", func(r *Runner[string]) { resync(r, "a", "b"); enqueue(r, "1", "2", "3", "4", "5", "6", "7") }, "1 2 a 3 4 5 b 6 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			turns, proceed := make(chan string), make(chan struct{})
			r := New("test", func(_ context.Context, key string) (time.Duration, error) {
				turns <- key
				<-proceed
				return 0, nil
			})
			run(t, r, 1)
			r.Enqueue("busy")
			<-turns
			tt.queued(r)
			var got []string
			for range strings.Fields(tt.want) {
				proceed <- struct{}{}
				got = append(got, <-turns)
			}
			if !slices.Equal(got, strings.Fields(tt.want)) {
				t.Errorf("turns are %v, want %v", got, tt.want)
			}
			if n := r.queue.Len(); n != 0 {
				t.Errorf("%d more are queued", n)
			}
			proceed <- struct{}{}
		})
	}
}

func enqueue(r *Runner[string], keys ...string) {
	for _, key := range keys {
		r.Enqueue(key)
	}
}

func resync(r *Runner[string], keys ...string) {
	for _, key := range keys {
		r.Resync(key)
	}
}

// TestLanesForget has many keys come and go, and nothing of them stay.
func TestLanesForget(t *testing.T) {
	done := make(chan struct{}, 1)
	r := New("test", func(_ context.Context, key string) (time.Duration, error) {
		if key == "last" {
			done <- struct{}{}
		}
		return 0, nil
	})
	run(t, r, 4)
	for i := range 1000 {
		r.Resync(fmt.Sprint(i))
		r.Enqueue(fmt.Sprint(i / 2))
	}
	remembered := func() map[string]bool {
		r.lanes.mu.Lock()
		defer r.lanes.mu.Unlock()
		return maps.Clone(r.lanes.added)
	}
	// A key that was added while it had its turn has another one, of which the queue tells nothing yet.
	for began := time.Now(); ; {
		r.Resync("last")
		<-done
		left := remembered()
		if len(left) == 0 {
			return
		}
		if time.Since(began) > time.Minute {
			t.Fatalf("%d keys are still remembered: %v", len(left), left)
		}
	}
}
