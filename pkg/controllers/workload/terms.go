// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/tools/cache"
)

// What is behind an object is found without looking at all of its namespace: only what offers a term that the object wants
// can be behind it. Whether it is, Behind says.

// anything is a term that all offer.
const anything = ""

func labelTerm(key, value string) string { return key + "=" + value }

func nameTerm(kind, name string) string { return kind + "/" + name }

// labelsTerm is a term that all offer that have some labels.
func labelsTerm(selected map[string]string) []string {
	least := anything
	for key, value := range selected {
		if term := labelTerm(key, value); least == anything || term < least {
			least = term
		}
	}
	return []string{least}
}

// wants are terms of which what is behind an object offers at least one.
func (k *Kind) wants(obj Object) []string {
	switch {
	case k.Behind == nil:
		return nil
	case k.Wants == nil:
		return []string{anything}
	default:
		return k.Wants(obj)
	}
}

// offers are the terms of an object that others may follow.
func (k *Kind) offers(obj Object) []string {
	if !k.leads() {
		return nil
	}
	terms := []string{anything, nameTerm(k.Kind, obj.GetName())}
	if k.Template != nil {
		for key, value := range k.Template(obj).Labels {
			terms = append(terms, labelTerm(key, value))
		}
	}
	return terms
}

// byWanted and byOffered index objects by namespace and term.
const byWanted, byOffered = "drover-wanted", "drover-offered"

// addTermIndexes makes what follows, and what leads, of a kind be found.
func addTermIndexes(kind *Kind, informer cache.SharedIndexInformer) error {
	missing := cache.Indexers{}
	for name, terms := range map[string]func(Object) []string{byWanted: kind.wants, byOffered: kind.offers} {
		if _, ok := informer.GetIndexer().GetIndexers()[name]; ok {
			continue
		}
		missing[name] = func(found any) (keys []string, _ error) {
			if obj := kind.placed(found); obj != nil {
				for _, term := range terms(obj) {
					keys = append(keys, termKey(obj.GetNamespace(), term))
				}
			}
			return keys, nil
		}
	}
	return informer.AddIndexers(missing)
}

func termKey(namespace, term string) string { return namespace + "/" + term }

// withTerm calls a function with every workload of a namespace, once, of one of some kinds, that has one of the terms.
func (l *Listers) withTerm(index, namespace string, terms []string, of func(*Kind) bool, call func(Key, Object)) {
	for kind, informer := range l.informers {
		if !of(kind) {
			continue
		}
		seen := sets.New[string]()
		for _, term := range terms {
			items, err := informer.GetIndexer().ByIndex(index, termKey(namespace, term))
			if err != nil {
				continue // the index is added before anything runs
			}
			for _, item := range items {
				obj := kind.placed(item)
				if obj == nil || seen.Has(obj.GetName()) {
					continue
				}
				seen.Insert(obj.GetName())
				call(KeyFor(kind, obj), obj)
			}
		}
	}
}
