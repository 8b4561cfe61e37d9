// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/storage"
	utilflowcontrol "k8s.io/apiserver/pkg/util/flowcontrol"
)

// bookmarkInterval is how often a watch is told the revision it has seen all of, as Kubernetes does.
const bookmarkInterval = time.Minute

// buffered is how many events of a watch wait for their reader without a turn of the watch's own.
const buffered = 10

// errStopped ends a watch that was stopped or dropped.
var errStopped = errors.New("stopped")

// watcher is one watch under way.
type watcher struct {
	space     *Space
	storage   *Storage
	key       string
	recursive bool
	predicate storage.SelectionPredicate
	// initial are the objects to begin with, as of the revision.
	initial  []runtime.Object
	revision uint64
	// announce ends them with a bookmark.
	announce bool
	// seen is the change that was sent last, or need not be.
	seen    *event
	dropped <-chan struct{}

	ctx    context.Context
	cancel context.CancelFunc
	result chan watch.Event
}

// Watch begins with the objects there are if the resource version is "" or "0", or that is asked for; else after the
// resource version. An error that is found out here, such as 410 Gone, is sent as an event.
func (s *Storage) Watch(ctx context.Context, key string, options storage.ListOptions) (watch.Interface, error) {
	space, key, err := s.locate(ctx, key, options.Recursive)
	if err != nil {
		return nil, err
	}
	revision, err := versioner.ParseResourceVersion(options.ResourceVersion)
	if err != nil {
		return nil, err
	}
	w := &watcher{
		space: space, storage: s, key: key, recursive: options.Recursive, predicate: options.Predicate,
		result: make(chan watch.Event, buffered),
	}
	listed := options.SendInitialEvents != nil && *options.SendInitialEvents
	w.announce = listed && options.Predicate.AllowWatchBookmarks
	failed := w.begin(revision, listed || options.SendInitialEvents == nil && revision == 0)
	var status apierrors.APIStatus
	if failed != nil && !errors.As(failed, &status) {
		return nil, failed
	}
	w.ctx, w.cancel = context.WithCancel(ctx)
	go w.run(failed)
	utilflowcontrol.WatchInitialized(ctx)
	return w, nil
}

// begin takes what the watch begins with.
func (w *watcher) begin(revision uint64, list bool) error {
	w.space.mu.Lock() // not for reading only: the table may have to be made, for its changes to be waited for
	defer w.space.mu.Unlock()
	t := w.space.tables[w.storage.resource]
	if t == nil {
		t = newTable()
		w.space.tables[w.storage.resource] = t
	}
	w.dropped, w.revision = w.space.dropped, w.space.revision
	if revision > w.space.revision {
		return storage.NewTooLargeResourceVersionError(revision, w.space.revision, 1)
	}
	if list || revision == 0 {
		w.seen = t.newest
		if list {
			for _, key := range slices.Sorted(maps.Keys(t.objects)) {
				if w.covers(key) {
					w.initial = append(w.initial, t.objects[key])
				}
			}
		}
		return nil
	}
	var err error
	if w.seen, err = t.after(revision); err != nil {
		return apierrors.NewResourceExpired("The resourceVersion for the provided watch is too old.")
	}
	return nil
}

func (w *watcher) covers(key string) bool {
	return key == w.key || w.recursive && strings.HasPrefix(key, w.key)
}

// ResultChan is closed when the watch ends.
func (w *watcher) ResultChan() <-chan watch.Event { return w.result }

// Stop ends the watch.
func (w *watcher) Stop() { w.cancel() }

func (w *watcher) run(failed error) {
	defer close(w.result)
	defer w.cancel()
	if failed != nil {
		w.fail(failed)
		return
	}
	err := w.sendInitial()
	if err == nil {
		err = w.follow()
	}
	if err != nil && !errors.Is(err, errStopped) {
		w.fail(err)
	}
}

func (w *watcher) fail(err error) {
	status := apierrors.NewInternalError(err).Status()
	var known apierrors.APIStatus
	if errors.As(err, &known) {
		status = known.Status()
	}
	w.send(watch.Event{Type: watch.Error, Object: &status})
}

// send says whether the watch goes on.
func (w *watcher) send(e watch.Event) bool {
	select {
	case w.result <- e:
		return true
	case <-w.ctx.Done():
	case <-w.dropped:
	}
	return false
}

func (w *watcher) sendInitial() error {
	for _, obj := range w.initial {
		matches, err := w.predicate.Matches(obj)
		if err != nil {
			return err
		}
		if matches && !w.send(watch.Event{Type: watch.Added, Object: obj.DeepCopyObject()}) {
			return errStopped
		}
	}
	w.initial = nil
	if !w.announce {
		return nil
	}
	bookmark, err := w.bookmark(w.revision)
	if err == nil {
		err = storage.AnnotateInitialEventsEndBookmark(bookmark.Object)
	}
	if err == nil && !w.send(bookmark) {
		err = errStopped
	}
	return err
}

// follow sends what changes until the watch ends. It waits for the next change, not for a turn: who does not read holds
// up nobody else.
func (w *watcher) follow() error {
	var tick <-chan time.Time
	if w.predicate.AllowWatchBookmarks {
		ticker := time.NewTicker(bookmarkInterval)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-w.ctx.Done():
			return nil
		case <-w.dropped:
			return nil
		case <-tick:
			revision, caughtUp := w.caughtUp()
			if !caughtUp {
				continue
			}
			bookmark, err := w.bookmark(revision)
			if err != nil {
				return err
			}
			if !w.send(bookmark) {
				return nil
			}
		case <-w.seen.more:
			w.seen = w.seen.next
			e, err := w.eventOf(w.seen)
			if err != nil {
				return err
			}
			if e != nil && !w.send(*e) {
				return nil
			}
		}
	}
}

// caughtUp returns the revision up to which there is nothing that the watch has not seen.
func (w *watcher) caughtUp() (revision uint64, ok bool) {
	w.space.mu.RLock()
	defer w.space.mu.RUnlock()
	return w.space.revision, w.seen.next == nil
}

func (w *watcher) bookmark(revision uint64) (watch.Event, error) {
	obj := w.storage.newFunc()
	return watch.Event{Type: watch.Bookmark, Object: obj}, versioner.UpdateObject(obj, revision)
}

// eventOf is what a change looks like to the watch, which may see of an object only that it begins or ceases to match;
// nil if it sees nothing.
func (w *watcher) eventOf(e *event) (*watch.Event, error) {
	if !w.covers(e.key) {
		return nil, nil
	}
	is, err := w.matches(e.new)
	if err != nil {
		return nil, err
	}
	was, err := w.matches(e.old)
	if err != nil {
		return nil, err
	}
	switch {
	case is && was:
		return &watch.Event{Type: watch.Modified, Object: e.new.DeepCopyObject()}, nil
	case is:
		return &watch.Event{Type: watch.Added, Object: e.new.DeepCopyObject()}, nil
	case was:
		gone := e.old.DeepCopyObject()
		return &watch.Event{Type: watch.Deleted, Object: gone}, versioner.UpdateObject(gone, e.revision)
	}
	return nil, nil
}

func (w *watcher) matches(obj runtime.Object) (bool, error) {
	if obj == nil {
		return false, nil
	}
	return w.predicate.Matches(obj)
}
