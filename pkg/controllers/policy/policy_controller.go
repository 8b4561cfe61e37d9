// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package policy answers: what is each PlacementPolicy in force for? It tells the policies that are overruled.
package policy

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	kubeinformers "k8s.io/client-go/informers"
	appslisters "k8s.io/client-go/listers/apps/v1"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
)

const (
	workers = 4
	// coalesce is how long changes of workloads are gathered: one apply of many is one look at the policies.
	coalesce = 200 * time.Millisecond
)

// Controller writes PlacementPolicies' status.
type Controller struct {
	client      versioned.Interface
	policies    listers.PlacementPolicyLister
	deployments appslisters.DeploymentLister
	synced      []cache.InformerSynced
	now         func() time.Time
	runner      *runner.Runner[string] // a namespace: its policies are looked at together
}

// New makes the controller.
func New(client versioned.Interface, own externalversions.SharedInformerFactory, native kubeinformers.SharedInformerFactory) (*Controller, error) {
	policies, deployments := own.Federation().V1alpha1().PlacementPolicies(), native.Apps().V1().Deployments()
	c := &Controller{
		client: client, policies: policies.Lister(), deployments: deployments.Lister(), now: time.Now,
		synced: []cache.InformerSynced{policies.Informer().HasSynced, deployments.Informer().HasSynced},
	}
	c.runner = runner.New("policy", c.reconcile)
	changed := func(obj any) {
		if name, err := cache.DeletionHandlingObjectToName(obj); err == nil {
			c.runner.EnqueueAfter(name.Namespace, coalesce)
		}
	}
	if _, err := policies.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, DeleteFunc: changed, UpdateFunc: func(_, obj any) {
		changed(obj) // also after our own write: see that it is what it should be now
	}}); err != nil {
		return nil, err
	}
	_, err := deployments.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, DeleteFunc: changed, UpdateFunc: func(old, obj any) {
		if !apiequality.Semantic.DeepEqual(old.(*appsv1.Deployment).Labels, obj.(*appsv1.Deployment).Labels) {
			changed(obj)
		}
	}})
	return c, err
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced...)
}

func (c *Controller) reconcile(ctx context.Context, namespace string) (time.Duration, error) {
	policies, err := c.policies.PlacementPolicies(namespace).List(labels.Everything())
	if err != nil || len(policies) == 0 {
		return 0, err
	}
	deployments, err := c.deployments.Deployments(namespace).List(labels.Everything())
	if err != nil {
		return 0, err
	}
	for name, next := range statuses(policies, deployments, c.now()) {
		policy, err := c.policies.PlacementPolicies(namespace).Get(name)
		if err != nil || apiequality.Semantic.DeepEqual(policy.Status, next) {
			continue
		}
		updated := policy.DeepCopy()
		updated.Status = next
		_, err = c.client.FederationV1alpha1().PlacementPolicies(namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return 0, err
		}
	}
	return 0, nil
}
