// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package drain answers: whose turn is it to leave a cluster that is drained namespace by namespace? It writes that into the
// Cluster's status, which is what deciding goes by, and moves nothing itself.
package drain

import (
	"context"
	"slices"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
)

const (
	workers = 2
	// coalesce is how long changes of Placements are gathered: they come in numbers, and each look is one at all.
	coalesce = 200 * time.Millisecond
)

// Controller writes how far drains are.
type Controller struct {
	client     versioned.Interface
	clusters   listers.ClusterLister
	placements listers.PlacementLister
	policies   listers.PlacementPolicyLister
	synced     []cache.InformerSynced
	runner     *runner.Runner[string]
}

// New makes the controller.
func New(client versioned.Interface, own externalversions.SharedInformerFactory) (*Controller, error) {
	clusters, placements, policies := own.Federation().V1alpha1().Clusters(), own.Federation().V1alpha1().Placements(), own.Federation().V1alpha1().PlacementPolicies()
	c := &Controller{
		client: client, clusters: clusters.Lister(), placements: placements.Lister(), policies: policies.Lister(),
		synced: []cache.InformerSynced{clusters.Informer().HasSynced, placements.Informer().HasSynced, policies.Informer().HasSynced},
	}
	c.runner = runner.New("drain", c.reconcile)
	changed := func(obj any) {
		if cluster := obj.(*v1alpha1.Cluster); decision.Stages(cluster) || cluster.Status.Drain != nil {
			c.runner.Enqueue(cluster.Name)
		}
	}
	if _, err := clusters.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }}); err != nil {
		return nil, err
	}
	_, err := placements.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: c.placementChanged, UpdateFunc: func(old, obj any) {
			c.placementChanged(old)
			c.placementChanged(obj)
		}, DeleteFunc: c.placementChanged,
	})
	return c, err
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced...)
}

// placementChanged looks again at the clusters that a workload is on, if they are drained.
func (c *Controller) placementChanged(obj any) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	p, ok := obj.(*v1alpha1.Placement)
	if !ok {
		return
	}
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return // it reads memory
	}
	for _, cluster := range clusters { // few are drained at a time, and Placements change all the time
		if decision.Stages(cluster) && isOn(p, cluster.Name) {
			c.runner.EnqueueAfter(cluster.Name, coalesce)
		}
	}
}

// isOn says whether a workload is placed on a cluster, or reported from there.
func isOn(p *v1alpha1.Placement, cluster string) bool {
	return workload.Share(&p.Spec, cluster) != nil || slices.ContainsFunc(p.Status.Clusters, func(r v1alpha1.ClusterPlacementStatus) bool { return r.Name == cluster })
}

func (c *Controller) reconcile(ctx context.Context, name string) (time.Duration, error) {
	cluster, err := c.clusters.Get(name)
	if err != nil {
		return 0, workload.IgnoreNotFound(err)
	}
	var status *v1alpha1.ClusterDrainStatus
	if decision.Stages(cluster) {
		leaves, err := c.leaving(name)
		if err != nil {
			return 0, err
		}
		status = next(leaves, cluster.Status.Drain, cluster.Spec.Drain.ParallelNamespaces)
	}
	if apiequality.Semantic.DeepEqual(status, cluster.Status.Drain) {
		return 0, nil
	}
	updated := cluster.DeepCopy()
	updated.Status.Drain = status
	_, err = c.client.FederationV1alpha1().Clusters().UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return 0, nil
	}
	return 0, err
}

// leaving are the namespaces that have something on a cluster, and whether any of that can leave now: what finds no room
// elsewhere waits for that, and is waited for by nobody.
func (c *Controller) leaving(cluster string) (map[string]bool, error) {
	placements, err := c.placements.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	leaves := map[string]bool{}
	for _, p := range placements {
		if !workload.RunsOn(p, cluster) {
			continue
		}
		policy, err := c.policies.PlacementPolicies(p.Namespace).Get(p.Spec.Policy)
		if workload.IgnoreNotFound(err) != nil {
			return nil, err
		}
		leaves[p.Namespace] = leaves[p.Namespace] || p.Spec.Unplaced == 0 && decision.StaysInDrain(&p.Spec, policy) == "" && decision.RunsOut(&p.Spec, cluster) == ""
	}
	return leaves, nil
}
