// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package autoscale answers: how many replicas do the clusters' autoscalers ask for together? It writes that into the
// workload they scale, as an autoscaler does in any cluster: then the federation shows what there is, and nothing is
// scaled back when the autoscaler is taken away.
package autoscale

import (
	"context"
	"encoding/json"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
)

const (
	workers = 4
	// coalesce is how long the clusters' changes are gathered: each write is a new generation of the workload.
	coalesce = 5 * time.Second
	// fieldManager is who owns the replicas then.
	fieldManager = "drover-autoscale"
)

// Controller writes the replicas of autoscaled workloads.
type Controller struct {
	kube       kubernetes.Interface
	workloads  *workload.Listers
	placements listers.PlacementLister
	synced     []cache.InformerSynced
	runner     *runner.Runner[workload.Key]
}

// New makes the controller.
func New(kube kubernetes.Interface, own externalversions.SharedInformerFactory, native kubeinformers.SharedInformerFactory) (*Controller, error) {
	workloads, err := workload.NewListers(native)
	if err != nil {
		return nil, err
	}
	placements := own.Federation().V1alpha1().Placements()
	c := &Controller{kube: kube, workloads: workloads, placements: placements.Lister()}
	c.synced = append(c.workloads.HasSynced(), placements.Informer().HasSynced)
	c.runner = runner.New("autoscale", c.reconcile)
	changed := func(obj any) {
		if p := obj.(*v1alpha1.Placement); p.Spec.Autoscaler != nil {
			if key, ok := workload.KeyOf(p); ok {
				c.runner.EnqueueAfter(key, coalesce)
			}
		}
	}
	_, err = placements.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }})
	return c, err
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced...)
}

func (c *Controller) reconcile(ctx context.Context, key workload.Key) (time.Duration, error) {
	obj, err := c.workloads.Get(key)
	if err != nil || obj == nil || !obj.GetDeletionTimestamp().IsZero() {
		return 0, err
	}
	placement, err := c.placements.Placements(key.Namespace).Get(key.PlacementName())
	if err != nil {
		return 0, workload.IgnoreNotFound(err)
	}
	wanted := asked(placement)
	if wanted == nil || placement.Spec.Workload.UID != string(obj.GetUID()) || ptr.Equal(wanted, *key.Kind.Replicas(obj)) {
		return 0, nil
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": obj.GetUID()}, "spec": map[string]any{"replicas": wanted}})
	if err != nil {
		return 0, err
	}
	err = c.kube.AppsV1().RESTClient().Patch(types.MergePatchType).Namespace(key.Namespace).Resource(key.Kind.Resource.Resource).Name(key.Name).SubResource("scale").
		VersionedParams(&metav1.PatchOptions{FieldManager: fieldManager}, metav1.ParameterCodec).Body(patch).Do(ctx).Error()
	return 0, workload.IgnoreNotFound(err)
}

// asked is how many replicas the clusters' autoscalers ask for together; nil while that is not known of all of them, or the
// workload is not divided: then each cluster has a number of its own. While it migrates, or moves, it has more than it needs,
// and the number stays what it was.
func asked(p *v1alpha1.Placement) *int32 {
	if p.Spec.Autoscaler == nil || p.Spec.Migration != nil || decision.Moves(&p.Spec) || p.Spec.Replicas == nil || len(p.Spec.Clusters) == 0 {
		return nil
	}
	var sum int32
	for _, a := range p.Spec.Clusters {
		desired := int32(-1)
		for _, report := range p.Status.Clusters {
			// Until its autoscaler has looked at it, a cluster has what it was begun with.
			if report.Name == a.Name && report.DesiredReplicas != nil && *report.DesiredReplicas >= ptr.Deref(a.MinReplicas, 0) {
				desired = *report.DesiredReplicas
			}
		}
		if desired < 0 {
			return nil
		}
		sum += desired
	}
	return &sum
}
