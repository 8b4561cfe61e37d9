// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package traffic answers: are clients led by each TrafficPolicy? It tells the policies that are overruled, or for nothing.
package traffic

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"
	kubeinformers "k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
)

const (
	workers = 2
	// coalesce is how long changes are gathered: one apply of many is one look at the policies.
	coalesce = 200 * time.Millisecond
)

// Controller writes TrafficPolicies' status.
type Controller struct {
	client    versioned.Interface
	policies  listers.TrafficPolicyLister
	clusters  listers.ClusterLister
	services  corelisters.ServiceLister
	ingresses networkinglisters.IngressLister
	synced    []cache.InformerSynced
	now       func() time.Time
	runner    *runner.Runner[string] // a namespace: its policies are looked at together
}

// New makes the controller.
func New(client versioned.Interface, own externalversions.SharedInformerFactory, native kubeinformers.SharedInformerFactory) (*Controller, error) {
	policies, clusters := own.Federation().V1alpha1().TrafficPolicies(), own.Federation().V1alpha1().Clusters()
	services, ingresses := native.Core().V1().Services(), native.Networking().V1().Ingresses()
	c := &Controller{
		client: client, policies: policies.Lister(), clusters: clusters.Lister(), services: services.Lister(), ingresses: ingresses.Lister(), now: time.Now,
		synced: []cache.InformerSynced{policies.Informer().HasSynced, clusters.Informer().HasSynced, services.Informer().HasSynced, ingresses.Informer().HasSynced},
	}
	c.runner = runner.New("traffic", c.reconcile)
	changed := func(obj any) {
		if name, err := cache.DeletionHandlingObjectToName(obj); err == nil {
			c.runner.EnqueueAfter(name.Namespace, coalesce)
		}
	}
	comesAndGoes := cache.ResourceEventHandlerFuncs{AddFunc: changed, DeleteFunc: changed}
	changes := comesAndGoes
	changes.UpdateFunc = func(_, obj any) { changed(obj) } // also after our own write: see that it is what it should be now
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandler{
		policies.Informer(): changes, services.Informer(): comesAndGoes, ingresses.Informer(): comesAndGoes,
		clusters.Informer(): cache.ResourceEventHandlerFuncs{AddFunc: c.allChanged, DeleteFunc: c.allChanged},
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// allChanged looks at every namespace with policies anew: a cluster has come, or is gone.
func (c *Controller) allChanged(any) {
	policies, err := c.policies.List(labels.Everything())
	if err != nil {
		return // it reads memory
	}
	for _, p := range policies {
		c.runner.EnqueueAfter(p.Namespace, coalesce)
	}
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced...)
}

func (c *Controller) reconcile(ctx context.Context, namespace string) (time.Duration, error) {
	policies, err := c.policies.TrafficPolicies(namespace).List(labels.Everything())
	if err != nil || len(policies) == 0 {
		return 0, err
	}
	there, err := c.read(namespace)
	if err != nil {
		return 0, err
	}
	for _, policy := range policies {
		next := statusOf(policy, policies, there, c.now())
		if apiequality.Semantic.DeepEqual(policy.Status, next) {
			continue
		}
		updated := policy.DeepCopy()
		updated.Status = next
		_, err = c.client.FederationV1alpha1().TrafficPolicies(namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return 0, err
		}
	}
	return 0, nil
}

// read finds what policies of a namespace may be for, and lead to.
func (c *Controller) read(namespace string) (picture, error) {
	there := picture{targets: map[string]sets.Set[string]{"Service": {}, "Ingress": {}}, clusters: sets.New[string]()}
	services, err := c.services.Services(namespace).List(labels.Everything())
	if err != nil {
		return there, err
	}
	ingresses, err := c.ingresses.Ingresses(namespace).List(labels.Everything())
	if err != nil {
		return there, err
	}
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return there, err
	}
	insert(there.targets["Service"], services, (*corev1.Service).GetName)
	insert(there.targets["Ingress"], ingresses, (*networkingv1.Ingress).GetName)
	for _, cluster := range clusters {
		there.clusters.Insert(cluster.Name)
	}
	return there, nil
}

func insert[T any](names sets.Set[string], objects []T, name func(T) string) {
	for _, obj := range objects {
		names.Insert(name(obj))
	}
}
