// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package memory is a storage of k8s.io/apiserver that keeps objects as they are, in memory. One Storage serves any
// number of clusters: which one's Space a request reads and writes is in its context.
package memory

import (
	"context"
	"errors"
	"maps"
	"path"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Write is one change of an object.
type Write struct {
	// Resource the object was stored as, e.g. "deployments".
	Resource string
	// Old is nil for an object that was created, New for one that was deleted. They must not be changed.
	Old, New runtime.Object
	Time     time.Time
}

// Space is what one cluster stores: all its resources, under one count of revisions.
type Space struct {
	// history is how many changes of each resource a watch can go back.
	history int
	// onWrite is called for every change, in order, while the space is locked.
	onWrite func(Write)

	mu       sync.RWMutex
	revision uint64
	tables   map[string]*table
	// dropped is closed when the watches of now are to end.
	dropped chan struct{}
	// refusal is what writes fail with; nil if they do not.
	refusal error
}

// NewSpace makes an empty space. OnWrite is called for every change, in order; it must neither block nor use the space.
func NewSpace(history int, onWrite func(Write)) *Space {
	return &Space{history: history, onWrite: onWrite, revision: 1, tables: map[string]*table{}, dropped: make(chan struct{})}
}

type contextKey struct{}

// WithSpace makes a context that requests to a Storage use the space in.
func WithSpace(ctx context.Context, s *Space) context.Context {
	return context.WithValue(ctx, contextKey{}, s)
}

var (
	errNoSpace   = errors.New("there is no memory.Space in the context")
	errCompacted = errors.New("the revision is compacted")
)

func spaceOf(ctx context.Context) (*Space, error) {
	if s, ok := ctx.Value(contextKey{}).(*Space); ok {
		return s, nil
	}
	return nil, errNoSpace
}

// Refuse makes all writes fail with an error, until it is called with nil. Deletions succeed, as they do in an etcd that
// has run out of space.
func (s *Space) Refuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = err
}

// DropWatches ends all watches.
func (s *Space) DropWatches() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.dropped)
	s.dropped = make(chan struct{})
}

// Compact forgets the changes up to a revision, or all if it is 0: a watch from before that gets 410 Gone.
func (s *Space) Compact(revision uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revision == 0 {
		revision = s.revision
	}
	for _, t := range s.tables {
		t.compact(revision)
	}
}

// Get returns an object, nil if there is none. It must not be changed. The namespace is empty for what is in none.
func (s *Space) Get(resource, namespace, name string) runtime.Object {
	obj, _ := s.get(resource, "/"+path.Join(resource, namespace, name))
	return obj
}

// List returns the objects of a resource that a function selects, or all if it is nil. They must not be changed.
func (s *Space) List(resource string, selects func(runtime.Object) bool) []runtime.Object {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []runtime.Object
	for _, obj := range s.table(resource).objects {
		if selects == nil || selects(obj) {
			out = append(out, obj)
		}
	}
	return out
}

// table must be called with the lock held, for reading at least.
func (s *Space) table(resource string) *table {
	if t := s.tables[resource]; t != nil {
		return t
	}
	return &table{} // nothing was written yet
}

// write changes one object under the lock; obj is nil to delete it. What it stores is a copy, which it returns.
func (s *Space) write(resource, key string, obj runtime.Object) (runtime.Object, error) {
	t := s.tables[resource]
	if t == nil {
		t = newTable()
		s.tables[resource] = t
	}
	s.revision++
	e := &event{revision: s.revision, key: key, old: t.objects[key], more: make(chan struct{})}
	if obj == nil {
		delete(t.objects, key)
	} else {
		e.new = obj.DeepCopyObject()
		e.new.GetObjectKind().SetGroupVersionKind(schema.GroupVersionKind{}) // said once for a list, not for each item
		if err := versioner.UpdateObject(e.new, s.revision); err != nil {
			return nil, err
		}
		t.objects[key] = e.new
	}
	t.append(e, s.history)
	s.onWrite(Write{Resource: resource, Old: e.old, New: e.new, Time: time.Now()})
	return e.new, nil
}

// table is one resource of a space.
type table struct {
	// objects by key. They are never changed, only replaced.
	objects map[string]runtime.Object
	// The changes that are remembered follow oldest, which is not one of them. A watch that lags behind holds on to
	// the change it saw last, and with it to all that follow.
	oldest, newest *event
	kept           int
	// compacted is the revision of the newest change that is forgotten.
	compacted uint64
}

// event is a change, and the way to the next one.
type event struct {
	revision uint64
	key      string
	old, new runtime.Object

	next *event
	more chan struct{} // closed once there is a next
}

func newTable() *table {
	root := &event{more: make(chan struct{})}
	return &table{objects: map[string]runtime.Object{}, oldest: root, newest: root}
}

func (t *table) append(e *event, history int) {
	t.newest.next = e
	close(t.newest.more)
	t.newest = e
	if t.kept++; t.kept > history {
		t.oldest = t.oldest.next
		t.compacted = t.oldest.revision
		t.kept--
	}
}

func (t *table) compact(revision uint64) {
	for next := t.oldest.next; next != nil && next.revision <= revision; next = t.oldest.next {
		t.oldest = next
		t.kept--
	}
	t.compacted = max(t.compacted, revision)
}

// after returns the last change up to a revision: what follows it, a watch from there sees.
func (t *table) after(revision uint64) (*event, error) {
	if revision < t.compacted {
		return nil, errCompacted
	}
	e := t.oldest
	for e.next != nil && e.next.revision <= revision {
		e = e.next
	}
	return e, nil
}

// at returns the objects as they were at a revision.
func (t *table) at(revision uint64) (map[string]runtime.Object, error) {
	e, err := t.after(revision)
	if err != nil {
		return nil, err
	}
	objects, seen := maps.Clone(t.objects), map[string]bool{}
	for e = e.next; e != nil; e = e.next {
		if seen[e.key] {
			continue // the first change since then tells what was before
		}
		seen[e.key] = true
		if e.old == nil {
			delete(objects, e.key)
		} else {
			objects[e.key] = e.old
		}
	}
	return objects, nil
}
