// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package history answers: what was a workload before? It keeps the revisions that kubectl rollout history shows and
// kubectl rollout undo goes back to: of a Deployment as ReplicaSets, of a StatefulSet or DaemonSet as
// ControllerRevisions. They stay in the federation; in a member, the member's controllers keep their own.
package history

import (
	"context"
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/controllers/workload"
)

const (
	workers = 4
	// coalesce is how long changes of a status are gathered: revisions show its numbers, and nobody waits for those.
	coalesce = time.Second
)

// Controller keeps revisions.
type Controller struct {
	kube      kubernetes.Interface
	metadata  metadata.Interface
	workloads *workload.Listers
	records   map[schema.GroupVersionResource]cache.SharedIndexInformer
	kept      map[*workload.Kind]kept
	synced    []cache.InformerSynced
	runner    *runner.Runner[workload.Key]
}

// kept is how the revisions of a kind are kept.
type kept struct {
	// resource that the records are.
	resource schema.GroupVersionResource
	// record brings the records of an object to what they are to be.
	record func(ctx context.Context, obj workload.Object, records []workload.Object) error
}

var (
	replicaSets         = appsv1.SchemeGroupVersion.WithResource("replicasets")
	controllerRevisions = appsv1.SchemeGroupVersion.WithResource("controllerrevisions")
)

// New makes the controller.
func New(kube kubernetes.Interface, meta metadata.Interface, native kubeinformers.SharedInformerFactory) (*Controller, error) {
	workloads, err := workload.NewListers(native)
	if err != nil {
		return nil, err
	}
	apps := native.Apps().V1()
	c := &Controller{kube: kube, metadata: meta, workloads: workloads, records: map[schema.GroupVersionResource]cache.SharedIndexInformer{
		replicaSets: apps.ReplicaSets().Informer(), controllerRevisions: apps.ControllerRevisions().Informer(),
	}}
	c.kept = map[*workload.Kind]kept{
		workload.Deployment:  {resource: replicaSets, record: c.recordDeployment},
		workload.StatefulSet: {resource: controllerRevisions, record: c.recordTemplate},
		workload.DaemonSet:   {resource: controllerRevisions, record: c.recordTemplate},
	}
	c.synced = workloads.HasSynced()
	c.runner = runner.New("history", c.reconcile)
	for _, informer := range c.records {
		c.synced = append(c.synced, informer.HasSynced)
		if err := c.watchRecords(informer); err != nil {
			return nil, err
		}
	}
	return c, workloads.Watch(c.workloadChanged)
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced...)
}

func (c *Controller) workloadChanged(key workload.Key, old, obj workload.Object) {
	switch _, keeps := c.kept[key.Kind]; {
	case !keeps:
	case old != nil && obj != nil && old.GetGeneration() == obj.GetGeneration() && maps.Equal(old.GetAnnotations(), obj.GetAnnotations()) &&
		old.GetDeletionTimestamp().Equal(obj.GetDeletionTimestamp()):
		c.runner.EnqueueAfter(key, coalesce)
	default:
		c.runner.Enqueue(key)
	}
}

// byOwner indexes records by the workload that they are of, whatever its UID.
const byOwner = "drover-owner"

func (c *Controller) watchRecords(informer cache.SharedIndexInformer) error {
	if err := informer.AddIndexers(cache.Indexers{byOwner: func(obj any) ([]string, error) {
		if key, ok := c.ownerOf(obj); ok {
			return []string{key.String()}, nil
		}
		return nil, nil
	}}); err != nil {
		return err
	}
	changed := func(obj any) {
		if key, ok := c.ownerOf(obj); ok {
			c.runner.Enqueue(key)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, DeleteFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }})
	return err
}

// ownerOf names the workload that a record is of; false if it is none of a workload whose revisions are kept.
func (c *Controller) ownerOf(obj any) (workload.Key, bool) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	record, ok := obj.(metav1.Object)
	if !ok {
		return workload.Key{}, false
	}
	owner := metav1.GetControllerOfNoCopy(record)
	if owner == nil {
		return workload.Key{}, false
	}
	kind := workload.KindFor(schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind))
	_, keeps := c.kept[kind]
	return workload.Key{Kind: kind, Namespace: record.GetNamespace(), Name: owner.Name}, keeps
}
