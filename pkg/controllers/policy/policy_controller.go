// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package policy answers: what is each PlacementPolicy in force for? It tells the policies that are overruled.
package policy

import (
	"context"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/controllers/workload"
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
	client    versioned.Interface
	policies  listers.PlacementPolicyLister
	workloads *workload.Listers
	synced    []cache.InformerSynced
	now       func() time.Time
	runner    *runner.Runner[string] // a namespace: its policies are looked at together
}

// New makes the controller.
func New(client versioned.Interface, own externalversions.SharedInformerFactory, native kubeinformers.SharedInformerFactory) (*Controller, error) {
	policies := own.Federation().V1alpha1().PlacementPolicies()
	workloads, err := workload.NewListers(native)
	if err != nil {
		return nil, err
	}
	c := &Controller{
		client: client, policies: policies.Lister(), workloads: workloads, now: time.Now,
		synced: append(workloads.HasSynced(), policies.Informer().HasSynced),
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
	return c, workloads.Watch(func(key workload.Key, old, obj workload.Object) {
		if key.Kind.Placed() && (old == nil || obj == nil || !apiequality.Semantic.DeepEqual(old.GetLabels(), obj.GetLabels())) {
			c.runner.EnqueueAfter(key.Namespace, coalesce)
		}
	})
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
	placed := map[workload.Key]labels.Set{}
	c.workloads.EachIn(namespace, (*workload.Kind).Placed, func(key workload.Key, obj workload.Object) { placed[key] = obj.GetLabels() })
	for name, next := range statuses(policies, placed, c.now()) {
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
