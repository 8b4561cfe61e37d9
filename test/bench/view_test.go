//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// view is a cluster's Deployments as its API server tells a watch of them: what all figures are read from.
type view struct {
	cluster  string
	informer cache.SharedIndexInformer

	mu       sync.Mutex
	expected map[*expectation]bool
}

// newView watches the Deployments that carry the label of a system, until the context ends.
func newView(ctx context.Context, cluster string, client kubernetes.Interface) (*view, error) {
	v := &view{cluster: cluster, informer: deploymentInformer(client, systemLabel), expected: map[*expectation]bool{}}
	_, err := v.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { v.see(obj, obj) },
		UpdateFunc: func(_, obj any) { v.see(obj, obj) },
		DeleteFunc: func(obj any) { v.see(obj, nil) },
	})
	if err != nil {
		return nil, err
	}
	return v, run(ctx, v.informer)
}

func deploymentInformer(client kubernetes.Interface, selector string) cache.SharedIndexInformer {
	return informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(metav1.NamespaceDefault),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = selector })).Apps().V1().Deployments().Informer()
}

// run runs an informer until the context ends, and waits until it knows what there is.
func run(ctx context.Context, informer cache.SharedIndexInformer) error {
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return ctx.Err()
	}
	return nil
}

// condition says whether a Deployment is as expected; it is nil if there is none of the name.
type condition func(*appsv1.Deployment) bool

func present(d *appsv1.Deployment) bool { return d != nil }
func gone(d *appsv1.Deployment) bool    { return d == nil }

// expectation is that Deployments of these names come to meet a condition.
type expectation struct {
	view    *view
	meets   condition
	missing sets.Set[string]
	last    time.Time
	met     chan struct{}
}

// expect begins to wait. Begun before what it waits for is caused, it misses nothing.
func (v *view) expect(names []string, meets condition) *expectation {
	v.mu.Lock()
	defer v.mu.Unlock()
	e := &expectation{view: v, meets: meets, missing: sets.New(names...), met: make(chan struct{})}
	v.expected[e] = true
	now := time.Now()
	for _, name := range names {
		obj, _, _ := v.informer.GetStore().GetByKey(metav1.NamespaceDefault + "/" + name)
		d, _ := obj.(*appsv1.Deployment)
		e.see(now, name, d)
	}
	return e
}

// see takes an event in: of an object, and what is there of it now.
func (v *view) see(event, is any) {
	now := time.Now()
	name, err := cache.DeletionHandlingObjectToName(event)
	if err != nil {
		return
	}
	d, _ := is.(*appsv1.Deployment)
	v.mu.Lock()
	defer v.mu.Unlock()
	for e := range v.expected {
		e.see(now, name.Name, d)
	}
}

func (e *expectation) see(now time.Time, name string, d *appsv1.Deployment) {
	if !e.missing.Has(name) || !e.meets(d) {
		return
	}
	e.last = now
	if e.missing.Delete(name).Len() == 0 {
		close(e.met)
		delete(e.view.expected, e)
	}
}

// wait waits until all of them have met the condition, and returns when the last one did.
func (e *expectation) wait(ctx context.Context) (time.Time, error) {
	select {
	case <-e.met:
		return e.last, nil
	case <-ctx.Done():
		e.view.mu.Lock()
		defer e.view.mu.Unlock()
		delete(e.view.expected, e)
		return time.Time{}, fmt.Errorf("%s still waits for %d Deployments, among them %v: %w",
			e.view.cluster, e.missing.Len(), sets.List(e.missing)[:min(3, e.missing.Len())], ctx.Err())
	}
}
