// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package registry makes the storage of a kind from its row in a table of kinds: strategies, tables, status and scale.
// Kinds that need more have a package of their own below this one.
package registry

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/generic"
	genericregistry "k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"

	"drover.dev/drover/pkg/apis/kind"
)

// Options are what all stores share.
type Options struct {
	// Typer knows the types served.
	Typer runtime.ObjectTyper
	// RESTOptions tells where and how a resource is stored.
	RESTOptions generic.RESTOptionsGetter
	// Placements looks up where objects run, for the tables. May be nil.
	Placements PlacementLookup
}

// REST is the main resource of a kind.
type REST struct {
	*genericregistry.Store
	kind kind.Kind
}

var (
	_ rest.StandardStorage     = &REST{}
	_ rest.ShortNamesProvider  = &REST{}
	_ rest.CategoriesProvider  = &REST{}
	_ rest.ResetFieldsStrategy = &REST{}
)

// ShortNames of the resource for kubectl.
func (r *REST) ShortNames() []string { return r.kind.ShortNames }

// Categories the resource is listed in by kubectl.
func (r *REST) Categories() []string { return r.kind.Categories }

// Door makes the same storage another door.
func (r *REST) Door(d kind.Door) *REST {
	door := *r
	door.kind.ShortNames, door.kind.Categories = d.ShortNames, d.Categories
	return &door
}

// New makes the storage of a kind. Its subresources are had from it by Status and Scale.
func New(k kind.Kind, options Options) (*REST, error) {
	s := newStrategy(k, options.Typer)
	store := &genericregistry.Store{
		NewFunc:                   k.New,
		NewListFunc:               k.NewList,
		PredicateFunc:             predicate(k),
		DefaultQualifiedResource:  k.GroupVersionResource().GroupResource(),
		SingularQualifiedResource: k.GroupVersion().WithResource(k.Singular).GroupResource(),
		CreateStrategy:            s,
		UpdateStrategy:            s,
		DeleteStrategy:            s,
		ResetFieldsStrategy:       s,
		TableConvertor:            &tableConvertor{kind: k, placements: options.Placements},
	}
	if k.TTL > 0 {
		store.TTLFunc = func(runtime.Object, uint64, bool) (uint64, error) { return uint64(k.TTL.Seconds()), nil }
	}
	if err := store.CompleteWithOptions(&generic.StoreOptions{RESTOptions: options.RESTOptions, AttrFunc: attributes(k)}); err != nil {
		return nil, fmt.Errorf("storage of %s: %w", k.Resource, err)
	}
	return &REST{Store: store, kind: k}, nil
}

func predicate(k kind.Kind) func(labels.Selector, fields.Selector) storage.SelectionPredicate {
	attrs := attributes(k)
	return func(label labels.Selector, field fields.Selector) storage.SelectionPredicate {
		return storage.SelectionPredicate{Label: label, Field: field, GetAttrs: attrs}
	}
}

// attributes are what objects of a kind can be selected by.
func attributes(k kind.Kind) storage.AttrFunc {
	return func(obj runtime.Object) (labels.Set, fields.Set, error) {
		m, err := meta.Accessor(obj)
		if err != nil {
			return nil, nil, err
		}
		selectable := fields.Set{"metadata.name": m.GetName()}
		if k.Namespaced {
			selectable["metadata.namespace"] = m.GetNamespace()
		}
		if k.Fields != nil {
			for name, value := range k.Fields(obj) {
				selectable[name] = value
			}
		}
		return m.GetLabels(), selectable, nil
	}
}
