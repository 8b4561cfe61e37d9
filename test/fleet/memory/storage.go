// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/storagebackend"
	"k8s.io/apiserver/pkg/storage/storagebackend/factory"
	"k8s.io/client-go/tools/cache"
)

var versioner = storage.APIObjectVersioner{}

// Storage is one resource, in whatever Space a request's context holds.
type Storage struct {
	resource string // e.g. "deployments"
	prefix   string // of keys, e.g. "/deployments/"
	newFunc  func() runtime.Object
}

var (
	_ storage.Interface        = &Storage{}
	_ generic.StorageDecorator = Decorate
)

// NewStorage makes the storage of a resource, whose keys begin with a prefix, e.g. "/deployments".
func NewStorage(prefix string, newFunc func() runtime.Object) *Storage {
	resource := strings.Trim(prefix, "/")
	return &Storage{resource: resource, prefix: "/" + resource + "/", newFunc: newFunc}
}

// Decorate makes the storage for a generic store.
func Decorate(_ *storagebackend.ConfigForResource, prefix string, _ func(runtime.Object) (string, error), newFunc, _ func() runtime.Object,
	_ storage.AttrFunc, _ storage.IndexerFuncs, _ *cache.Indexers,
) (storage.Interface, factory.DestroyFunc, error) {
	return NewStorage(prefix, newFunc), func() {}, nil
}

// Versioner reads and writes resource versions, which are decimal revisions of the space.
func (s *Storage) Versioner() storage.Versioner { return versioner }

// Create adds an object. There is no time to live.
func (s *Storage) Create(ctx context.Context, key string, obj, out runtime.Object, _ uint64) error {
	space, key, err := s.locate(ctx, key, false)
	if err != nil {
		return err
	}
	if version, err := versioner.ObjectResourceVersion(obj); err == nil && version != 0 {
		return storage.ErrResourceVersionSetOnCreate
	}
	if err := versioner.PrepareObjectForStorage(obj); err != nil {
		return err
	}
	space.mu.Lock()
	defer space.mu.Unlock()
	if space.table(s.resource).objects[key] != nil {
		return storage.NewKeyExistsError(key, 0)
	}
	if space.refusal != nil {
		return space.refusal
	}
	created, err := space.write(s.resource, key, obj)
	if err != nil || out == nil {
		return err
	}
	return copyInto(out, created)
}

// Get reads an object.
func (s *Storage) Get(ctx context.Context, key string, options storage.GetOptions, out runtime.Object) error {
	space, key, err := s.locate(ctx, key, false)
	if err != nil {
		return err
	}
	obj, revision := space.get(s.resource, key)
	if err := notOlder(options.ResourceVersion, revision); err != nil {
		return err
	}
	switch {
	case obj != nil:
		return copyInto(out, obj)
	case options.IgnoreNotFound:
		return runtime.SetZeroValue(out)
	}
	return storage.NewKeyNotFoundError(key, 0)
}

// GuaranteedUpdate changes an object, again and again until nobody else changed it meanwhile. What is suggested to be
// the existing object is not needed: to read it costs nothing.
func (s *Storage) GuaranteedUpdate(ctx context.Context, key string, out runtime.Object, ignoreNotFound bool, preconditions *storage.Preconditions, update storage.UpdateFunc, _ runtime.Object) error {
	space, key, err := s.locate(ctx, key, false)
	if err != nil {
		return err
	}
	for {
		existing, _ := space.get(s.resource, key)
		if existing == nil && !ignoreNotFound {
			return storage.NewKeyNotFoundError(key, 0)
		}
		input := s.newFunc()
		meta := storage.ResponseMeta{}
		if existing != nil {
			input = existing.DeepCopyObject()
			meta.ResourceVersion, _ = versioner.ObjectResourceVersion(existing) // it was written here
		}
		if err := preconditions.Check(key, input); err != nil {
			return err
		}
		updated, _, err := update(input, meta)
		if err != nil {
			return err
		}
		if err := versioner.PrepareObjectForStorage(updated); err != nil {
			return err
		}
		stored, err := s.replace(space, key, existing, updated)
		if err != nil {
			return err
		}
		if stored != nil {
			return copyInto(out, stored)
		}
	}
}

// replace writes an object if what is there is still what it was made of; else it returns nil. What is the same as it
// was is not written.
func (s *Storage) replace(space *Space, key string, existing, updated runtime.Object) (runtime.Object, error) {
	space.mu.Lock()
	defer space.mu.Unlock()
	if space.table(s.resource).objects[key] != existing {
		return nil, nil
	}
	if existing != nil {
		version, err := versioner.ObjectResourceVersion(existing)
		if err != nil {
			return nil, err
		}
		if err := versioner.UpdateObject(updated, version); err != nil {
			return nil, err
		}
		updated.GetObjectKind().SetGroupVersionKind(existing.GetObjectKind().GroupVersionKind())
		if apiequality.Semantic.DeepEqual(existing, updated) {
			return existing, nil
		}
	}
	if space.refusal != nil {
		return nil, space.refusal
	}
	return space.write(s.resource, key, updated)
}

// Delete removes an object, and returns it as it was, with the revision of its removal.
func (s *Storage) Delete(ctx context.Context, key string, out runtime.Object, preconditions *storage.Preconditions, validate storage.ValidateObjectFunc, _ runtime.Object, _ storage.DeleteOptions) error {
	space, key, err := s.locate(ctx, key, false)
	if err != nil {
		return err
	}
	for {
		existing, _ := space.get(s.resource, key)
		if existing == nil {
			return storage.NewKeyNotFoundError(key, 0)
		}
		obj := existing.DeepCopyObject()
		if err := preconditions.Check(key, obj); err != nil {
			return err
		}
		if err := validate(ctx, obj); err != nil {
			return err
		}
		revision, err := s.remove(space, key, existing)
		if err != nil {
			return err
		}
		if revision != 0 {
			return copyAt(out, existing, revision)
		}
	}
}

// remove deletes an object if it is still that; else it returns revision 0.
func (s *Storage) remove(space *Space, key string, existing runtime.Object) (revision uint64, err error) {
	space.mu.Lock()
	defer space.mu.Unlock()
	if space.table(s.resource).objects[key] != existing {
		return 0, nil
	}
	_, err = space.write(s.resource, key, nil)
	return space.revision, err
}

// Stats counts the objects.
func (s *Storage) Stats(ctx context.Context) (storage.Stats, error) {
	space, err := spaceOf(ctx)
	if err != nil {
		return storage.Stats{}, err
	}
	return storage.Stats{ObjectCount: int64(len(space.List(s.resource, nil)))}, nil
}

// ReadinessCheck is always content.
func (s *Storage) ReadinessCheck() error { return nil }

// RequestWatchProgress does nothing: watches are never behind.
func (s *Storage) RequestWatchProgress(context.Context) error { return nil }

// GetCurrentResourceVersion is the revision of the space.
func (s *Storage) GetCurrentResourceVersion(ctx context.Context) (uint64, error) {
	space, err := spaceOf(ctx)
	if err != nil {
		return 0, err
	}
	space.mu.RLock()
	defer space.mu.RUnlock()
	return space.revision, nil
}

// EnableResourceSizeEstimation does nothing: sizes are not estimated.
func (s *Storage) EnableResourceSizeEstimation(storage.KeysFunc) error { return nil }

// CompactRevision is not known here: each space has its own.
func (s *Storage) CompactRevision() int64 { return 0 }

// locate finds the space, and the whole key.
func (s *Storage) locate(ctx context.Context, key string, recursive bool) (*Space, string, error) {
	space, err := spaceOf(ctx)
	if err != nil {
		return nil, "", err
	}
	key, err = storage.PrepareKey(s.prefix, key, recursive)
	return space, key, err
}

func (s *Space) get(resource, key string) (obj runtime.Object, revision uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.table(resource).objects[key], s.revision
}

// notOlder refuses a resource version that is yet to come.
func notOlder(resourceVersion string, revision uint64) error {
	wanted, err := versioner.ParseResourceVersion(resourceVersion)
	if err != nil {
		return err
	}
	if wanted > revision {
		return storage.NewTooLargeResourceVersionError(wanted, revision, 1)
	}
	return nil
}

func copyInto(out, obj runtime.Object) error {
	to, from := reflect.ValueOf(out), reflect.ValueOf(obj.DeepCopyObject())
	if to.Type() != from.Type() {
		return fmt.Errorf("asked to return a %T in a %T", obj, out)
	}
	to.Elem().Set(from.Elem())
	return nil
}

func copyAt(out, obj runtime.Object, revision uint64) error {
	if err := copyInto(out, obj); err != nil {
		return err
	}
	return versioner.UpdateObject(out, revision)
}
