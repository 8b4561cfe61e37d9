// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	apiwait "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// reconnecting is how soon the API server is asked again that was away, or that ended a watch. An informer waits for up to a
// minute when that has happened some times. For as long clients would be led to where nobody is any more.
func reconnecting() *apiwait.Backoff {
	return &apiwait.Backoff{Duration: 200 * time.Millisecond, Factor: 1.5, Steps: 20, Cap: 2 * time.Second, Jitter: 0.5}
}

// reflected are the objects of one kind as the API server has them. Changed is told of changes as of handlers: the old object
// first, nil where there is no old or no new one.
type reflected[T any] struct {
	cache.Indexer
	objects cache.ListerWatcher
	changed func(old, obj *T)
	synced  chan struct{} // closed once all there is has been told of
	once    sync.Once
}

// kindClient is a client of one kind.
type kindClient[L runtime.Object] interface {
	List(ctx context.Context, options metav1.ListOptions) (L, error)
	Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
}

// newReflected makes the objects of a kind, of which none are there yet. Client is what it is a part of.
func newReflected[T any, L runtime.Object](client any, of kindClient[L]) *reflected[T] {
	return &reflected[T]{
		Indexer: cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}),
		objects: cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
			ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
				return of.List(ctx, options)
			},
			WatchFuncWithContext: of.Watch,
		}, client),
		changed: func(_, _ *T) {}, synced: make(chan struct{}),
	}
}

// run follows the API server until the context ends.
func (r *reflected[T]) run(ctx context.Context) {
	cache.NewReflectorWithOptions(r.objects, new(T), r, cache.ReflectorOptions{Backoff: reconnecting()}).RunWithContext(ctx)
}

func (r *reflected[T]) hasSynced() <-chan struct{} { return r.synced }

// Add implements cache.ReflectorStore.
func (r *reflected[T]) Add(obj any) error { return r.Update(obj) }

// Update implements cache.ReflectorStore.
func (r *reflected[T]) Update(obj any) error {
	obj, err := trim(obj)
	if err != nil {
		return err
	}
	old, _, err := r.Get(obj)
	if err != nil {
		return err
	}
	if err := r.Indexer.Update(obj); err != nil {
		return err
	}
	r.tell(old, obj)
	return nil
}

// Delete implements cache.ReflectorStore.
func (r *reflected[T]) Delete(obj any) error {
	old, there, err := r.Get(obj)
	if err != nil || !there {
		return err
	}
	if err := r.Indexer.Delete(old); err != nil {
		return err
	}
	r.tell(old, nil)
	return nil
}

// Replace implements cache.ReflectorStore.
func (r *reflected[T]) Replace(objects []any, _ string) error {
	stay := make(map[string]bool, len(objects))
	for _, obj := range objects {
		key, err := cache.MetaNamespaceKeyFunc(obj)
		if err != nil {
			return err
		}
		stay[key] = true
		if err := r.Update(obj); err != nil {
			return err
		}
	}
	for _, key := range r.ListKeys() {
		if old, there, err := r.GetByKey(key); err == nil && there && !stay[key] {
			if err := r.Delete(old); err != nil {
				return err
			}
		}
	}
	r.once.Do(func() { close(r.synced) })
	return nil
}

// Resync implements cache.ReflectorStore.
func (r *reflected[T]) Resync() error { return nil }

// Transformer implements cache.TransformingStore: what is not needed is not kept while all there is comes in, either.
func (r *reflected[T]) Transformer() cache.TransformFunc { return trim }

func (r *reflected[T]) tell(old, obj any) {
	was, _ := old.(*T)
	is, _ := obj.(*T)
	r.changed(was, is)
}
