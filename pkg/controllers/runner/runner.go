// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package runner is the one queue loop that every controller runs on: keys come in from event handlers, equal ones are
// merged, workers reconcile them, what has changed before what is only looked at again; failures are tried again later and
// later.
package runner

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
)

const (
	firstRetry = 20 * time.Millisecond
	lastRetry  = time.Minute
)

// Reconcile brings what a key names to where it should be. It is called again after the duration, if that is positive,
// and after an error.
type Reconcile[K comparable] func(ctx context.Context, key K) (again time.Duration, err error)

// Runner reconciles keys. The zero value is not usable; New makes one.
type Runner[K comparable] struct {
	name      string
	reconcile Reconcile[K]
	lanes     *lanes[K]
	queue     workqueue.TypedRateLimitingInterface[K]
}

// New makes a runner. Its name is the name of the queue in logs and metrics.
func New[K comparable](name string, reconcile Reconcile[K]) *Runner[K] {
	order := &lanes[K]{}
	return &Runner[K]{
		name:      name,
		reconcile: reconcile,
		lanes:     order,
		queue: workqueue.NewTypedRateLimitingQueueWithConfig(
			workqueue.NewTypedItemExponentialFailureRateLimiter[K](firstRetry, lastRetry),
			workqueue.TypedRateLimitingQueueConfig[K]{
				Name: name,
				DelayingQueue: workqueue.NewTypedDelayingQueueWithConfig(workqueue.TypedDelayingQueueConfig[K]{
					Name: name, Queue: workqueue.NewTypedWithConfig(workqueue.TypedQueueConfig[K]{Name: name, Queue: order}),
				}),
			},
		),
	}
}

// Enqueue has a key reconciled soon.
func (r *Runner[K]) Enqueue(key K) {
	r.lanes.add(key, false)
	r.queue.Add(key)
}

// Resync has a key reconciled that may be as it should be, mostly after those that are enqueued. It is for many keys at
// once, of which few have changed if any.
func (r *Runner[K]) Resync(key K) {
	r.lanes.add(key, true)
	r.queue.Add(key)
}

// EnqueueAfter has a key reconciled after a while.
func (r *Runner[K]) EnqueueAfter(key K, after time.Duration) { r.queue.AddAfter(key, after) }

// Run works until the context ends, then waits for the keys in work.
func (r *Runner[K]) Run(ctx context.Context, workers int) {
	ctx = klog.NewContext(ctx, klog.FromContext(ctx).WithName(r.name))
	stop := context.AfterFunc(ctx, r.queue.ShutDown)
	defer stop()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for r.next(ctx) {
			}
		})
	}
	wg.Wait()
}

// RunSynced is Run, once the caches that reconciling reads are filled.
func (r *Runner[K]) RunSynced(ctx context.Context, workers int, synced ...cache.InformerSynced) {
	if !cache.WaitForCacheSync(ctx.Done(), synced...) {
		r.queue.ShutDown()
		return
	}
	r.Run(ctx, workers)
}

func (r *Runner[K]) next(ctx context.Context) bool {
	key, shutdown := r.queue.Get()
	if shutdown {
		return false
	}
	defer r.queue.Done(key)
	again, err := r.safely(ctx, key)
	switch {
	case err != nil && ctx.Err() != nil:
		// Stopping: what failed because of that is no failure.
	case apierrors.IsConflict(err):
		// Somebody was faster; the informer brings what they wrote.
		r.queue.AddRateLimited(key)
	case err != nil:
		klog.FromContext(ctx).Info("Reconcile failed, will be tried again", "key", key, "retries", r.queue.NumRequeues(key), "error", err.Error())
		r.queue.AddRateLimited(key)
	default:
		r.queue.Forget(key)
		if again > 0 {
			r.queue.AddAfter(key, again)
		}
	}
	return true
}

// safely turns a panic over one key into a failure of that key, so that one bad object does not stop all the others.
func (r *Runner[K]) safely(ctx context.Context, key K) (again time.Duration, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return r.reconcile(ctx, key)
}
