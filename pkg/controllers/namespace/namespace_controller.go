// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package namespace answers: is a namespace that is being deleted empty? It deletes what is in it, and lets it go then.
package namespace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/runner"
)

const (
	workers = 4
	// recheck is how soon a namespace is looked at again while its contents go.
	recheck = 500 * time.Millisecond
)

// Controller empties namespaces.
type Controller struct {
	kube       kubernetes.Interface
	metadata   metadata.Interface
	namespaces corelisters.NamespaceLister
	synced     cache.InformerSynced
	runner     *runner.Runner[string]
}

// New makes the controller.
func New(kube kubernetes.Interface, meta metadata.Interface, native kubeinformers.SharedInformerFactory) (*Controller, error) {
	namespaces := native.Core().V1().Namespaces()
	c := &Controller{kube: kube, metadata: meta, namespaces: namespaces.Lister(), synced: namespaces.Informer().HasSynced}
	c.runner = runner.New("namespace", c.reconcile)
	changed := func(obj any) {
		if ns, ok := obj.(*corev1.Namespace); ok && !ns.DeletionTimestamp.IsZero() {
			c.runner.Enqueue(ns.Name)
		}
	}
	_, err := namespaces.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }})
	return c, err
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced)
}

func (c *Controller) reconcile(ctx context.Context, name string) (time.Duration, error) {
	ns, err := c.namespaces.Get(name)
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil || ns.DeletionTimestamp.IsZero() || !slices.Contains(ns.Spec.Finalizers, corev1.FinalizerKubernetes) {
		return 0, err
	}
	left, err := c.empty(ctx, name)
	if err != nil {
		return 0, err
	}
	if left > 0 {
		return recheck, nil
	}
	updated := ns.DeepCopy()
	updated.Spec.Finalizers = slices.DeleteFunc(updated.Spec.Finalizers, func(f corev1.FinalizerName) bool { return f == corev1.FinalizerKubernetes })
	_, err = c.kube.CoreV1().Namespaces().Finalize(ctx, updated, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	return 0, err
}

// empty deletes everything in a namespace and counts what is still there.
func (c *Controller) empty(ctx context.Context, name string) (left int, err error) {
	resources, err := c.contents()
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, resource := range resources {
		client := c.metadata.Resource(resource).Namespace(name)
		list, err := client.List(ctx, metav1.ListOptions{})
		if err != nil {
			errs = append(errs, fmt.Errorf("list %s in namespace %s: %w", resource.Resource, name, err))
			continue
		}
		if len(list.Items) == 0 {
			continue
		}
		left += len(list.Items)
		if err := client.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			errs = append(errs, fmt.Errorf("delete %s in namespace %s: %w", resource.Resource, name, err))
		}
	}
	return left, errors.Join(errs...)
}

// contents are the resources that live in namespaces and can be deleted, as the server says. What has several doors is
// there once, by its native one: Drover's own group is the last.
func (c *Controller) contents() ([]schema.GroupVersionResource, error) {
	lists, err := c.kube.Discovery().ServerPreferredNamespacedResources()
	if err != nil {
		return nil, fmt.Errorf("discover what a namespace can hold: %w", err)
	}
	lists = discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "deletecollection"}}, lists)
	found, err := discovery.GroupVersionResources(lists)
	if err != nil {
		return nil, err
	}
	out := make([]schema.GroupVersionResource, 0, len(found))
	for resource := range found {
		out = append(out, resource)
	}
	own := func(r schema.GroupVersionResource) string { return fmt.Sprint(r.Group == v1alpha1.GroupName) }
	slices.SortFunc(out, func(a, b schema.GroupVersionResource) int {
		return slices.Compare([]string{a.Resource, own(a), a.Group}, []string{b.Resource, own(b), b.Group})
	})
	return slices.CompactFunc(out, func(a, b schema.GroupVersionResource) bool { return a.Resource == b.Resource }), nil
}
