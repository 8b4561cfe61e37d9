// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package runner

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/klog/v2"
)

// run works on a runner until the test ends, and waits for it to stop then.
func run[K comparable](t *testing.T, r *Runner[K], workers int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(klog.NewContext(t.Context(), klog.Logger{}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx, workers)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func TestEqualKeysAreMerged(t *testing.T) {
	started, proceed := make(chan string), make(chan struct{})
	r := New("test", func(_ context.Context, key string) (time.Duration, error) {
		started <- key
		<-proceed
		return 0, nil
	})
	run(t, r, 4)
	r.Enqueue("a")
	<-started
	for range 100 { // while it is in work they become one more, after it
		r.Enqueue("a")
	}
	select {
	case <-started:
		t.Fatal("the same key is in work twice at once")
	default:
	}
	proceed <- struct{}{}
	<-started
	if n := r.queue.Len(); n != 0 {
		t.Errorf("%d more are queued", n)
	}
	proceed <- struct{}{}
}

func TestWorkersWorkAtOnce(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	r := New("test", func(context.Context, string) (time.Duration, error) {
		both.Done()
		both.Wait() // ends only if two are in work at once
		return 0, nil
	})
	run(t, r, 2)
	r.Enqueue("a")
	r.Enqueue("b")
	both.Wait()
}

func TestFailuresAreTriedAgain(t *testing.T) {
	conflict := apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "web", errors.New("changed"))
	for _, tt := range []struct {
		name string
		fail func()
		err  error
	}{
		{"an error", func() {}, errors.New("failed")},
		{"a conflict", func() {}, conflict},
		{"a panic", func() { panic("broken") }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var tries atomic.Int32
			done := make(chan struct{})
			r := New("test", func(context.Context, string) (time.Duration, error) {
				if tries.Add(1) < 3 {
					tt.fail()
					return 0, tt.err
				}
				close(done)
				return 0, nil
			})
			stop := run(t, r, 1)
			r.Enqueue("a")
			<-done
			stop()
			if got := tries.Load(); got != 3 {
				t.Errorf("%d tries", got)
			}
			if n := r.queue.NumRequeues("a"); n != 0 {
				t.Errorf("it went well, and %d failures are held against it", n)
			}
		})
	}
}

// One key that fails for ever does not keep the others waiting.
func TestFailingKeyHoldsNobodyUp(t *testing.T) {
	done := make(chan struct{})
	r := New("test", func(_ context.Context, key int) (time.Duration, error) {
		if key == 0 {
			panic("for ever")
		}
		if key == 50 {
			close(done)
		}
		return 0, nil
	})
	run(t, r, 1)
	for key := range 51 {
		r.Enqueue(key)
	}
	<-done
}

func TestRetriesBackOff(t *testing.T) {
	var tries []time.Time
	done := make(chan struct{})
	r := New("test", func(context.Context, string) (time.Duration, error) {
		if tries = append(tries, time.Now()); len(tries) == 5 {
			close(done)
			return 0, nil
		}
		return 0, errors.New("failed")
	})
	stop := run(t, r, 1)
	r.Enqueue("a")
	<-done
	stop()
	for i, want := 1, firstRetry; i < len(tries); i, want = i+1, 2*want {
		if waited := tries[i].Sub(tries[i-1]); waited < want {
			t.Errorf("retry %d after %s, want %s or more", i, waited, want)
		}
	}
}

func TestAgainAfter(t *testing.T) {
	var tries atomic.Int32
	done := make(chan struct{})
	r := New("test", func(context.Context, string) (time.Duration, error) {
		if tries.Add(1) == 3 {
			close(done)
			return 0, nil
		}
		return time.Millisecond, nil
	})
	run(t, r, 1)
	r.EnqueueAfter("a", time.Millisecond)
	<-done
}

func TestStopWaitsForWhatIsInWork(t *testing.T) {
	started, finished := make(chan struct{}), atomic.Bool{}
	r := New("test", func(ctx context.Context, _ string) (time.Duration, error) {
		close(started)
		<-ctx.Done()
		finished.Store(true)
		return 0, ctx.Err()
	})
	stop := run(t, r, 2)
	r.Enqueue("a")
	<-started
	stop()
	if !finished.Load() {
		t.Error("it did not wait")
	}
	if n := r.queue.NumRequeues("a"); n != 0 {
		t.Error("what fails because of the stop counts as a failure")
	}
	r.Enqueue("b") // nobody is there any more; it must not hang or panic
}
