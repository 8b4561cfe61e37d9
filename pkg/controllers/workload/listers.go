// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// Listers find workloads as last seen in the federation.
type Listers struct {
	informers map[*Kind]cache.SharedIndexInformer
}

// NewListers makes the listers of the workloads.
func NewListers(native informers.SharedInformerFactory) (*Listers, error) {
	l := &Listers{informers: map[*Kind]cache.SharedIndexInformer{}}
	for _, kind := range Kinds {
		informer, err := native.ForResource(kind.Resource)
		if err != nil {
			return nil, err
		}
		l.informers[kind] = informer.Informer()
		if err := addTermIndexes(kind, l.informers[kind]); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Informer is that of a kind.
func (l *Listers) Informer(kind *Kind) cache.SharedIndexInformer { return l.informers[kind] }

// HasSynced are the informers behind the listers.
func (l *Listers) HasSynced() []cache.InformerSynced {
	var out []cache.InformerSynced
	for _, informer := range l.informers {
		out = append(out, informer.HasSynced)
	}
	return out
}

// Watch calls a function for every change of a workload, with the old object where there is one and the new one where
// there is one: (nil, new) when it is added, (old, nil) when it is deleted.
func (l *Listers) Watch(changed func(key Key, old, obj Object)) error {
	for kind, informer := range l.informers {
		call := func(old, obj any) {
			if gone, ok := old.(cache.DeletedFinalStateUnknown); ok {
				old = gone.Obj
			}
			was, is := kind.placed(old), kind.placed(obj)
			named := is
			if named == nil {
				named = was
			}
			if named != nil {
				changed(KeyFor(kind, named), was, is)
			}
		}
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(obj any) { call(nil, obj) }, UpdateFunc: call, DeleteFunc: func(obj any) { call(obj, nil) },
		}); err != nil {
			return err
		}
	}
	return nil
}

// Each calls a function with the key of every workload.
func (l *Listers) Each(call func(Key)) {
	for kind, informer := range l.informers {
		for _, item := range informer.GetStore().List() {
			if obj := kind.placed(item); obj != nil {
				call(KeyFor(kind, obj))
			}
		}
	}
}

// EachIn calls a function with every workload of a namespace that is of one of some kinds.
func (l *Listers) EachIn(namespace string, of func(*Kind) bool, call func(Key, Object)) {
	for kind, informer := range l.informers {
		if !of(kind) {
			continue
		}
		items, err := informer.GetIndexer().ByIndex(cache.NamespaceIndex, namespace)
		if err != nil {
			continue // every informer of a factory has that index
		}
		for _, item := range items {
			if obj := kind.placed(item); obj != nil {
				call(KeyFor(kind, obj), obj)
			}
		}
	}
}

// Get finds a workload; nil if there is none. It must not be changed.
func (l *Listers) Get(key Key) (Object, error) {
	obj, ok, err := l.informers[key.Kind].GetStore().GetByKey(cache.NewObjectName(key.Namespace, key.Name).String())
	if err != nil || !ok {
		return nil, err
	}
	return key.Kind.placed(obj), nil
}

// placed is an object of the kind that was found or seen; nil if there is none, or it is unplaced.
func (k *Kind) placed(found any) Object {
	obj, ok := found.(Object)
	if !ok || k.isUnplaced(obj) {
		return nil
	}
	return obj
}

// Behind finds the workloads of its namespace that an object follows.
func (l *Listers) Behind(kind *Kind, obj Object) (keys []Key) {
	if kind.Behind == nil {
		return nil
	}
	l.withTerm(byOffered, obj.GetNamespace(), kind.wants(obj), (*Kind).leads, func(key Key, other Object) {
		if kind.Behind(obj, key.Kind, other) {
			keys = append(keys, key)
		}
	})
	return keys
}

// Followers finds the workloads of its namespace that follow an object.
func (l *Listers) Followers(kind *Kind, obj Object) []Key {
	return l.followers(kind, obj, func(k *Kind) bool { return k.Behind != nil })
}

// Guards finds the workloads of its namespace that have to be in a cluster before an object is.
func (l *Listers) Guards(kind *Kind, obj Object) []Key {
	return l.followers(kind, obj, func(k *Kind) bool { return k.Guards })
}

func (l *Listers) followers(kind *Kind, obj Object, of func(*Kind) bool) (keys []Key) {
	if !kind.leads() {
		return nil
	}
	l.withTerm(byWanted, obj.GetNamespace(), kind.offers(obj), of, func(key Key, other Object) {
		if key.Kind.Behind(other, kind, obj) {
			keys = append(keys, key)
		}
	})
	return keys
}
