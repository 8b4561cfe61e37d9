// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package status answers: how is each workload, over all clusters? It writes what the members report into the
// Placement's status and, summed up, into the status of the workload itself. It decides nothing.
package status

import (
	"context"
	"slices"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/burst"
	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/sync"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// workers write at once.
const workers = 16

// Controller writes statuses.
type Controller struct {
	client   versioned.Interface
	kube     kubernetes.Interface
	identity string
	set      *members.Set
	outcomes *sync.Outcomes
	now      func() time.Time

	workloads  *workload.Listers
	placements listers.PlacementLister
	clusters   listers.ClusterLister
	synced     []cache.InformerSynced
	runner     *runner.Runner[workload.Key]
	pace       pace
}

// New makes the controller.
func New(client versioned.Interface, kube kubernetes.Interface, own externalversions.SharedInformerFactory, native kubeinformers.SharedInformerFactory, set *members.Set, outcomes *sync.Outcomes, decided *burst.Burst, identity string) (*Controller, error) {
	placements, clusters := own.Federation().V1alpha1().Placements(), own.Federation().V1alpha1().Clusters()
	workloads, err := workload.NewListers(native)
	if err != nil {
		return nil, err
	}
	c := &Controller{
		client: client, kube: kube, identity: identity, set: set, outcomes: outcomes, now: time.Now,
		workloads: workloads, placements: placements.Lister(), clusters: clusters.Lister(), pace: pace{burst: decided},
	}
	c.synced = append(c.workloads.HasSynced(), placements.Informer().HasSynced, clusters.Informer().HasSynced)
	c.runner = runner.New("status", c.reconcile)
	outcomes.OnChange(c.soon)
	set.Listen(members.Listener{Changed: c.memberChanged, Connected: c.connectionChanged, Disconnected: c.connectionChanged})
	if err := c.workloads.Watch(func(key workload.Key, old, obj workload.Object) {
		if obj != nil && (old == nil || old.GetGeneration() != obj.GetGeneration()) {
			c.pace.decided(key, c.now())
		}
		// Else most likely our own write. What was decided since, on a cache that had not seen it yet, may have been that
		// nothing is to be written.
		c.soon(key)
	}); err != nil {
		return nil, err
	}
	if _, err := placements.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { c.placementChanged(obj.(*v1alpha1.Placement), true) },
		UpdateFunc: func(old, obj any) {
			is := obj.(*v1alpha1.Placement)
			c.placementChanged(is, old.(*v1alpha1.Placement).Generation != is.Generation)
		},
	}); err != nil {
		return nil, err
	}
	_, err = clusters.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{UpdateFunc: func(old, obj any) {
		if is := obj.(*v1alpha1.Cluster); reachable(old.(*v1alpha1.Cluster)) != reachable(is) {
			c.connectionChanged(is.Name)
		}
	}})
	return c, err
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced...)
}

// soon has a status written as soon as its turn is.
func (c *Controller) soon(key workload.Key) {
	c.runner.EnqueueAfter(key, c.pace.soon(key, c.isUrgent(key), c.now()))
}

// isUrgent says whether something else waits for a status: name servers, or the next step of a move.
func (c *Controller) isUrgent(key workload.Key) bool {
	if key.Kind == workload.Service || key.Kind == workload.Ingress {
		return true
	}
	placement, err := c.placements.Placements(key.Namespace).Get(key.PlacementName())
	return err == nil && decision.Moves(&placement.Spec)
}

func (c *Controller) placementChanged(placement *v1alpha1.Placement, decided bool) {
	key, ok := workload.KeyOf(placement)
	if !ok {
		return
	}
	if decided {
		c.pace.decided(key, c.now())
	}
	c.soon(key)
}

func (c *Controller) memberChanged(_ string, resource schema.GroupVersionResource, obj metav1.Object) {
	switch resource {
	case members.EndpointSlices:
		c.soon(workload.Key{Kind: workload.Service, Namespace: obj.GetNamespace(), Name: obj.GetLabels()[discoveryv1.LabelServiceName]})
		return
	case members.Pods:
		for _, owner := range members.Owners(obj) {
			if kind := workload.KindFor(schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind)); kind != nil {
				c.soon(workload.Key{Kind: kind, Namespace: obj.GetNamespace(), Name: owner.Name})
			}
		}
		return
	}
	if key, ok := workload.KeyIn(resource, obj); ok {
		c.soon(key)
	}
}

// connectionChanged has everything on a cluster reported anew.
func (c *Controller) connectionChanged(cluster string) {
	placements, err := c.placements.List(labels.Everything())
	if err != nil {
		return
	}
	for _, p := range placements {
		if key, ok := workload.KeyOf(p); ok && (workload.Share(&p.Spec, cluster) != nil || lastOf(p, cluster) != nil) {
			c.soon(key)
		}
	}
}

func (c *Controller) reconcile(ctx context.Context, key workload.Key) (time.Duration, error) {
	if wait := c.pace.begin(key, c.isUrgent(key), c.now()); wait > 0 {
		return wait, nil
	}
	obj, err := c.workloads.Get(key)
	if err != nil {
		return 0, err
	}
	if obj == nil {
		c.pace.forget(key)
		return 0, nil
	}
	placement, err := c.placements.Placements(key.Namespace).Get(key.PlacementName())
	if err != nil {
		return 0, workload.IgnoreNotFound(err)
	}
	if c.beingRead(placement) {
		return 0, nil // what was reported last stands; when it is read, this is called again
	}
	if c.pace.isReplaced(key, placement.ResourceVersion) {
		return 0, nil // the cache is behind what was written last; when it is not, this is called again
	}
	return 0, workload.IgnoreNotFound(c.write(ctx, key, obj, placement, c.gather(key, placement)))
}

// write writes what has changed. The status of the workload goes first: it is what people wait for.
func (c *Controller) write(ctx context.Context, key workload.Key, obj workload.Object, placement *v1alpha1.Placement, reports []v1alpha1.ClusterPlacementStatus) error {
	next := placementStatus(key.Kind, obj, placement, reports, c.now())
	summed := c.sum(key.Kind, obj, placement, next.Clusters)
	changed := !apiequality.Semantic.DeepEqual(next, placement.Status)
	if summed == nil && !changed {
		return nil
	}
	if summed != nil {
		if err := key.Kind.UpdateStatus(ctx, c.kube, summed); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	updated := placement.DeepCopy()
	updated.Status = next
	written, err := c.client.FederationV1alpha1().Placements(key.Namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationIgnore})
	if err == nil && written.ResourceVersion != placement.ResourceVersion {
		c.pace.wrote(key, placement.ResourceVersion, len(next.Clusters), c.now())
	}
	return err
}

// beingRead says whether a cluster that the workload is on is ready, but what is in it is not known yet: the controllers
// have just started.
func (c *Controller) beingRead(placement *v1alpha1.Placement) bool {
	return slices.ContainsFunc(placement.Spec.Clusters, func(a v1alpha1.ClusterAssignment) bool {
		cluster, err := c.clusters.Get(a.Name)
		if err != nil || !reachable(cluster) {
			return false
		}
		m := c.set.Get(a.Name)
		return m == nil || !m.Synced()
	})
}

// gather asks each cluster that has to do with a workload for its report.
func (c *Controller) gather(key workload.Key, placement *v1alpha1.Placement) []v1alpha1.ClusterPlacementStatus {
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return nil
	}
	var reports []v1alpha1.ClusterPlacementStatus
	for _, cluster := range clusters {
		s := seen{
			kind: key.Kind, cluster: cluster.Name, assigned: workload.Share(&placement.Spec, cluster.Name), last: lastOf(placement, cluster.Name),
			template: workload.TemplateIn(&placement.Spec, cluster.Name), scaled: placement.Spec.Autoscaler != nil, outcome: c.outcomes.Of(cluster.Name, key),
		}
		if m := c.set.Get(cluster.Name); m != nil && m.Synced() {
			s.connected = reachable(cluster)
			if live := m.Get(key.Kind.Resource, key.Namespace, key.Name); live != nil && members.Holds(c.identity, key.Kind.Resource, live) {
				s.live = live
			}
			if key.Kind == workload.Service {
				s.readyEndpoints = m.ReadyEndpoints(key.Namespace, key.Name)
			}
			s.unschedulable, s.unschedulableSince = m.Unschedulable(key.Kind.Kind, key.Namespace, key.Name)
		}
		if r, ok := reportOf(s, placement.Spec.WorkloadGeneration); ok {
			reports = append(reports, r)
		}
	}
	return reports
}

// sum is a workload with the sum of what the clusters report as its status; nil if it has that already.
func (c *Controller) sum(kind *workload.Kind, obj workload.Object, placement *v1alpha1.Placement, clusters []v1alpha1.ClusterPlacementStatus) runtime.Object {
	if kind.Sum == nil {
		return nil
	}
	updated := obj.DeepCopyObject()
	kind.Sum(updated, workload.Reports{Placement: &placement.Spec, Clusters: clusters, Now: c.now()})
	if apiequality.Semantic.DeepEqual(updated, obj) {
		return nil
	}
	return updated
}

// reachable says whether what a cluster's informers hold is what is there now: a connection that hangs tells nothing.
func reachable(cluster *v1alpha1.Cluster) bool {
	return meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady)
}

func lastOf(p *v1alpha1.Placement, cluster string) *v1alpha1.ClusterPlacementStatus {
	for i := range p.Status.Clusters {
		if p.Status.Clusters[i].Name == cluster {
			return &p.Status.Clusters[i]
		}
	}
	return nil
}
