// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/apiserver/pkg/apis/example"
	"k8s.io/apiserver/pkg/storage"
	storagetesting "k8s.io/apiserver/pkg/storage/testing"
)

const history = 1000

// pinned uses one space, whatever the context: some of the tests below make contexts of their own.
type pinned struct {
	*Storage
	space *Space
}

func (p pinned) Create(ctx context.Context, key string, obj, out runtime.Object, ttl uint64) error {
	return p.Storage.Create(WithSpace(ctx, p.space), key, obj, out, ttl)
}

func (p pinned) Watch(ctx context.Context, key string, options storage.ListOptions) (watch.Interface, error) {
	return p.Storage.Watch(WithSpace(ctx, p.space), key, options)
}

func (p pinned) GuaranteedUpdate(ctx context.Context, key string, out runtime.Object, ignoreNotFound bool, preconditions *storage.Preconditions, update storage.UpdateFunc, cached runtime.Object) error {
	return p.Storage.GuaranteedUpdate(WithSpace(ctx, p.space), key, out, ignoreNotFound, preconditions, update, cached)
}

func (p pinned) Delete(ctx context.Context, key string, out runtime.Object, preconditions *storage.Preconditions, validate storage.ValidateObjectFunc, cached runtime.Object, options storage.DeleteOptions) error {
	return p.Storage.Delete(WithSpace(ctx, p.space), key, out, preconditions, validate, cached, options)
}

// newStore makes a storage as k8s.io/apiserver's own tests of storages want it, and a context with its empty space.
func newStore(t *testing.T) (context.Context, storage.Interface) {
	space := NewSpace(history, func(Write) {})
	return WithSpace(t.Context(), space), pinned{NewStorage("/pods", func() runtime.Object { return &example.Pod{} }), space}
}

// compact forgets what is older than a resource version. It takes a revision, as it does with etcd.
func compact(ctx context.Context, t *testing.T, resourceVersion string) {
	space, err := spaceOf(ctx)
	if err != nil {
		t.Fatal(err)
	}
	revision, err := versioner.ParseResourceVersion(resourceVersion)
	if err != nil {
		t.Fatal(err)
	}
	space.Compact(revision)
	advance(ctx, t)
}

// advance makes a revision that changes nothing of the pods.
func advance(ctx context.Context, t *testing.T) int64 {
	other := NewStorage("/others", func() runtime.Object { return &example.Pod{} })
	out := &example.Pod{}
	if err := other.Create(ctx, "/others/"+string(uuid.NewUUID()), &example.Pod{}, out, 0); err != nil {
		t.Fatal(err)
	}
	revision, err := versioner.ParseResourceVersion(out.ResourceVersion)
	if err != nil {
		t.Fatal(err)
	}
	return int64(revision)
}

// TestStorage runs the tests that k8s.io/apiserver has for every storage.
func TestStorage(t *testing.T) {
	unchecked := func(context.Context, *testing.T, string) {}
	uncounted := func(*testing.T, uint64, uint64) {}
	for name, run := range map[string]func(context.Context, *testing.T, storage.Interface){
		"create": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestCreate(ctx, t, s, unchecked)
		},
		"create again": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestCreateWithKeyExist(ctx, t, s)
		},
		"get": func(ctx context.Context, t *testing.T, s storage.Interface) { storagetesting.RunTestGet(ctx, t, s) },
		"keys": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestKeySchema(ctx, t, s)
		},
		"delete": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestUnconditionalDelete(ctx, t, s)
		},
		"delete on condition": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestConditionalDelete(ctx, t, s)
		},
		"delete, conflict": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestDeleteWithConflict(ctx, t, s)
		},
		"delete, validated": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestValidateDeletionWithSuggestion(ctx, t, s)
		},
		"update, conflict": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestGuaranteedUpdateWithConflict(ctx, t, s)
		},
		"update, suggestion": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestGuaranteedUpdateWithSuggestionAndConflict(ctx, t, s)
		},
		"list": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestList(ctx, t, s, compact, false, nil)
		},
		"list one": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestGetListNonRecursive(ctx, t, advance, s)
		},
		"list prefix": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestGetListRecursivePrefix(ctx, t, s)
		},
		"list namespace": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestNamespaceScopedList(ctx, t, s)
		},
		"list newest": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestConsistentList(ctx, t, s, advance, false, true, false)
		},
		"list pages": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestListPaging(ctx, t, s)
		},
		"list continued": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestListContinuation(ctx, t, s, uncounted)
		},
		"list continued, filtered": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestListContinuationWithFilter(ctx, t, s, uncounted)
		},
		"list continued too late": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestListInconsistentContinuation(ctx, t, s, compact)
		},
		"watch": func(ctx context.Context, t *testing.T, s storage.Interface) { storagetesting.RunTestWatch(ctx, t, s) },
		"watch cluster": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestClusterScopedWatch(ctx, t, s)
		},
		"watch namespace": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestNamespaceScopedWatch(ctx, t, s)
		},
		"watch deletion": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestDeleteTriggerWatch(ctx, t, s)
		},
		"watch from zero": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatchFromZero(ctx, t, s, compact)
		},
		"watch from a version": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatchFromNonZero(ctx, t, s)
		},
		"watch, slow reader": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestDelayedWatchDelivery(ctx, t, s)
		},
		"watch, no reader": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatcherTimeout(ctx, t, s)
		},
		"watch canceled": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatchContextCancel(ctx, t, s)
		},
		"watch deletion's version": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunTestWatchDeleteEventObjectHaveLatestRV(ctx, t, s)
		},
		"watch list": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunWatchSemantics(ctx, t, s)
		},
		"watch list, extended": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunWatchSemanticInitialEventsExtended(ctx, t, s)
		},
		"watch list, one": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunWatchListMatchSingle(ctx, t, s)
		},
		"watch list, legacy": func(ctx context.Context, t *testing.T, s storage.Interface) {
			storagetesting.RunSendInitialEventsBackwardCompatibility(ctx, t, s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, s := newStore(t)
			run(ctx, t, s)
		})
	}
}
