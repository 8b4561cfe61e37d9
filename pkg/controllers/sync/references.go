// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/controllers/workload"
)

// byReference indexes objects by what they refer to.
const byReference = "drover-reference"

func addReferenceIndex(informer cache.SharedIndexInformer) error {
	if _, ok := informer.GetIndexer().GetIndexers()[byReference]; ok {
		return nil
	}
	return informer.AddIndexers(cache.Indexers{byReference: func(obj any) ([]string, error) {
		m, ok := obj.(metav1.Object)
		if !ok {
			return nil, fmt.Errorf("index of references: %T has no metadata", obj)
		}
		var out []string
		for ref := range workload.References(obj) {
			out = append(out, referenceKey(ref.Resource, m.GetNamespace(), ref.Name))
		}
		return out, nil
	}})
}

func referenceKey(resource schema.GroupVersionResource, namespace, name string) string {
	return resource.Resource + "/" + namespace + "/" + name
}

// reference finds a ConfigMap, Secret or ServiceAccount of the federation; nil if there is none.
func (c *Controller) reference(it item) any {
	informer := c.references[it.resource]
	if informer == nil {
		return nil
	}
	obj, found, err := informer.GetStore().GetByKey(cache.NewObjectName(it.namespace, it.name).String())
	if err != nil || !found {
		return nil
	}
	return obj
}

// referrers finds what refers to an item: workloads and ServiceAccounts.
func (c *Controller) referrers(it item) []item {
	var out []item
	for resource, informer := range c.referring {
		found, err := informer.GetIndexer().ByIndex(byReference, referenceKey(it.resource, it.namespace, it.name))
		if err != nil {
			continue // the index is added before anything runs
		}
		for _, obj := range found {
			m := obj.(metav1.Object)
			out = append(out, item{resource: resource, namespace: m.GetNamespace(), name: m.GetName()})
		}
	}
	return out
}

// needsOf is what an object refers to, and what that refers to in turn, the last first.
func (c *Controller) needsOf(obj any, namespace string) (needs []item) {
	for ref := range workload.References(obj) {
		it := item{resource: ref.Resource, namespace: namespace, name: ref.Name}
		needs = append(append(needs, c.needsOf(c.reference(it), namespace)...), it)
	}
	return needs
}
