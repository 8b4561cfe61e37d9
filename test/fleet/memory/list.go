// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package memory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/storage"
)

// GetList lists objects in the order of their keys, of now or of an earlier revision that is remembered still, all at
// once or page by page.
func (s *Storage) GetList(ctx context.Context, key string, options storage.ListOptions, list runtime.Object) error {
	space, prefix, err := s.locate(ctx, key, options.Recursive)
	if err != nil {
		return err
	}
	revision, from, err := storage.ValidateListOptions(prefix, versioner, options)
	if err != nil {
		return err
	}
	objects, at, err := space.snapshot(s.resource, uint64(revision))
	if errors.Is(err, errCompacted) {
		return tooOld(options, from, prefix)
	}
	if err != nil {
		return err
	}
	if err := notOlder(options.ResourceVersion, at); err != nil {
		return err
	}
	keys := slices.Sorted(maps.Keys(objects))
	keys = slices.DeleteFunc(keys, func(k string) bool {
		return k < from || options.Recursive && !strings.HasPrefix(k, prefix) || !options.Recursive && k != prefix
	})
	items, err := meta.GetItemsPtr(list)
	if err != nil {
		return err
	}
	v := reflect.ValueOf(items).Elem()
	last, more, err := appendItems(v, keys, objects, options.Predicate)
	if err != nil {
		return err
	}
	next, remaining, err := storage.PrepareContinueToken(last, prefix, int64(at), int64(len(keys)), more, options)
	if err != nil {
		return err
	}
	return versioner.UpdateList(list, at, next, remaining)
}

// appendItems appends what matches up to the limit. It returns the last key it looked at, and whether there are more.
func appendItems(v reflect.Value, keys []string, objects map[string]runtime.Object, predicate storage.SelectionPredicate) (last string, more bool, err error) {
	if v.IsNil() {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // a list with no items has an empty array of them, not null
	}
	for _, key := range keys {
		if predicate.Limit > 0 && int64(v.Len()) >= predicate.Limit {
			return last, true, nil
		}
		last = key
		matches, err := predicate.Matches(objects[key])
		if err != nil {
			return "", false, err
		}
		if !matches {
			continue
		}
		item := reflect.ValueOf(objects[key].DeepCopyObject()).Elem()
		if item.Type() != v.Type().Elem() {
			return "", false, fmt.Errorf("asked to return a %s in a list of %s", item.Type(), v.Type().Elem())
		}
		v.Set(reflect.Append(v, item))
	}
	return last, false, nil
}

// snapshot returns the objects of a resource by key, at a revision, or now if it is 0; and that revision.
func (s *Space) snapshot(resource string, revision uint64) (map[string]runtime.Object, uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.table(resource)
	if revision == 0 || revision == s.revision {
		return maps.Clone(t.objects), s.revision, nil
	}
	if revision > s.revision {
		return nil, 0, storage.NewTooLargeResourceVersionError(revision, s.revision, 1)
	}
	objects, err := t.at(revision)
	return objects, revision, err
}

// tooOld is the error for a list at a revision that is forgotten. Where it was the next page, it says how to go on with
// what there is now.
func tooOld(options storage.ListOptions, from, prefix string) error {
	if options.Predicate.Continue == "" {
		return apierrors.NewResourceExpired("The resourceVersion for the provided list is too old.")
	}
	err := apierrors.NewResourceExpired("The provided continue parameter is too old to display a consistent list result. " +
		"Start a new list, or go on with the continue token of this response, whose list is not consistent.")
	token, failed := storage.EncodeContinue(from, prefix, -1)
	if failed != nil {
		return failed
	}
	err.ErrStatus.Continue = token
	return err
}
