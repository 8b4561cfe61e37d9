// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sync answers: does each member hold what was decided? It applies workloads, and what they refer to, to the
// members their Placements name, puts drift back, and removes what does not belong there. Each cluster has a queue of
// its own. It owns the finalizers of workloads.
package sync

import (
	"context"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	kubeinformers "k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/owed"
	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// finalizeWorkers release deleted workloads at once.
const finalizeWorkers = 8

// Controller brings members to what was decided.
type Controller struct {
	client   versioned.Interface
	metadata metadata.Interface
	events   record.EventRecorder
	identity string
	set      *members.Set
	outcomes *Outcomes
	owed     *owed.Controller
	now      func() time.Time

	manifests  manifests
	workloads  *workload.Listers
	placements listers.PlacementLister
	clusters   listers.ClusterLister
	namespaces corelisters.NamespaceLister
	references map[schema.GroupVersionResource]cache.SharedIndexInformer
	referring  map[schema.GroupVersionResource]cache.SharedIndexInformer
	synced     []cache.InformerSynced
	finalizer  *runner.Runner[workload.Key]

	mu     sync.Mutex
	ready  context.Context // ends when the controller stops; nil before it runs
	queues map[string]*queue
}

// New makes the controller. The identity is the federation's.
func New(client versioned.Interface, meta metadata.Interface, own externalversions.SharedInformerFactory, native kubeinformers.SharedInformerFactory, set *members.Set, outcomes *Outcomes, owing *owed.Controller, events record.EventRecorder, identity string) (*Controller, error) {
	placements, clusters := own.Federation().V1alpha1().Placements(), own.Federation().V1alpha1().Clusters()
	core := native.Core().V1()
	workloads, err := workload.NewListers(native)
	if err != nil {
		return nil, err
	}
	c := &Controller{
		client: client, metadata: meta, events: events, identity: identity, set: set, outcomes: outcomes, owed: owing, now: time.Now,
		workloads: workloads, placements: placements.Lister(), clusters: clusters.Lister(),
		namespaces: core.Namespaces().Lister(),
		references: map[schema.GroupVersionResource]cache.SharedIndexInformer{
			members.ConfigMaps: core.ConfigMaps().Informer(), members.Secrets: core.Secrets().Informer(), members.ServiceAccounts: core.ServiceAccounts().Informer(),
		},
		queues: map[string]*queue{},
	}
	c.referring = map[schema.GroupVersionResource]cache.SharedIndexInformer{members.ServiceAccounts: c.references[members.ServiceAccounts]}
	for _, kind := range workload.Kinds {
		if kind.Template != nil || kind == workload.Ingress {
			c.referring[kind.Resource] = workloads.Informer(kind)
		}
	}
	c.synced = append(c.workloads.HasSynced(), placements.Informer().HasSynced, clusters.Informer().HasSynced, core.Namespaces().Informer().HasSynced)
	c.finalizer = runner.New("finalize", c.finalize)
	if err := c.watchFederation(placements.Informer(), core.Namespaces().Informer()); err != nil {
		return nil, err
	}
	if _, err := clusters.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		UpdateFunc: func(old, obj any) { c.remembered(old.(*v1alpha1.Cluster), obj.(*v1alpha1.Cluster)) },
	}); err != nil {
		return nil, err
	}
	owing.Keep(c.keeps)
	set.Listen(members.Listener{Connected: c.start, Disconnected: c.stop, Changed: c.memberChanged})
	return c, nil
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	if cache.WaitForCacheSync(ctx.Done(), c.synced...) {
		c.startAll(ctx)
	}
	c.finalizer.RunSynced(ctx, finalizeWorkers, c.synced...)
	c.mu.Lock()
	queues := c.queues
	c.queues = map[string]*queue{}
	c.mu.Unlock()
	for _, q := range queues {
		q.cancel()
	}
	for _, q := range queues {
		q.stop()
	}
}

// startAll gives the clusters their queues that were connected before the controller ran.
func (c *Controller) startAll(ctx context.Context) {
	c.mu.Lock()
	c.ready = ctx
	c.mu.Unlock()
	for _, m := range c.set.List() {
		if m.Synced() {
			c.start(m.Name)
		}
	}
}

// start gives a connected cluster its queue, if it has none, and puts into it all that might be to do there.
func (c *Controller) start(cluster string) {
	c.mu.Lock()
	member := c.set.Get(cluster)
	if c.ready == nil || c.ready.Err() != nil || member == nil {
		c.mu.Unlock()
		return
	}
	q := c.queues[cluster]
	if q == nil {
		q = newQueue(c, member)
		c.queues[cluster] = q
		q.start(c.ready)
	}
	c.mu.Unlock()

	for _, resource := range members.Synced {
		for _, obj := range member.List(resource) {
			q.runner.Resync(item{resource: resource, namespace: obj.GetNamespace(), name: obj.GetName()})
		}
	}
	c.workloads.Each(func(key workload.Key) {
		for _, it := range c.withNeeds(key) {
			q.runner.Resync(it)
		}
	})
}

func (c *Controller) stop(cluster string) {
	c.mu.Lock()
	q := c.queues[cluster]
	delete(c.queues, cluster)
	c.mu.Unlock()
	if q != nil {
		q.stop()
	}
	c.outcomes.forget(cluster)
}

// memberChanged puts back what others changed in a member, and sees deletions through.
func (c *Controller) memberChanged(cluster string, resource schema.GroupVersionResource, obj metav1.Object) {
	if resource == members.EndpointSlices || resource == members.Pods {
		return
	}
	c.add(cluster, item{resource: resource, namespace: obj.GetNamespace(), name: obj.GetName()})
	if resource == members.Namespaces {
		c.namespaceChanged(cluster, obj.GetName())
	}
	if key, ok := workload.KeyIn(resource, obj); ok {
		if federated, err := c.workloads.Get(key); err == nil && federated != nil && !federated.GetDeletionTimestamp().IsZero() {
			c.finalizer.Enqueue(key)
		}
	}
}

// namespaceChanged has what is placed in a namespace made again as soon as the namespace is gone in a member: until then
// the member refuses it, and it is tried more and more rarely.
func (c *Controller) namespaceChanged(cluster, name string) {
	if m := c.set.Get(cluster); m == nil || m.Get(members.Namespaces, "", name) != nil {
		return
	}
	c.workloads.Each(func(key workload.Key) {
		if key.Namespace == name && slices.Contains(c.placedOn(key), cluster) {
			c.enqueue(key, cluster)
		}
	})
}

// watchFederation puts what changes in the federation into the queues of the clusters it concerns.
func (c *Controller) watchFederation(placements, namespaces cache.SharedIndexInformer) error {
	if err := c.workloads.Watch(c.workloadChanged); err != nil {
		return err
	}
	if _, err := placements.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { c.placementChanged(nil, obj) },
		UpdateFunc: func(old, obj any) {
			if old.(*v1alpha1.Placement).Generation != obj.(*v1alpha1.Placement).Generation {
				c.placementChanged(old, obj)
			}
		},
	}); err != nil {
		return err
	}
	for resource, informer := range c.references {
		changed := func(obj any) {
			if name, err := cache.DeletionHandlingObjectToName(obj); err == nil {
				c.referenceChanged(item{resource: resource, namespace: name.Namespace, name: name.Name})
			}
		}
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }, DeleteFunc: changed}); err != nil {
			return err
		}
		c.synced = append(c.synced, informer.HasSynced)
	}
	if _, err := namespaces.AddEventHandler(cache.ResourceEventHandlerFuncs{DeleteFunc: func(obj any) {
		if name, err := cache.DeletionHandlingObjectToName(obj); err == nil {
			c.addWhereSeen(item{resource: members.Namespaces, name: name.Name})
		}
	}}); err != nil {
		return err
	}
	for _, informer := range c.referring {
		if err := addReferenceIndex(informer); err != nil {
			return err
		}
	}
	return nil
}

func (c *Controller) workloadChanged(key workload.Key, old, obj workload.Object) {
	if old != nil && obj != nil && old.GetResourceVersion() == obj.GetResourceVersion() {
		return
	}
	if obj == nil {
		c.manifests.forget(itemOf(key))
	}
	clusters := c.placedOn(key)
	c.enqueue(key, clusters...)
	c.addWhereSeen(itemOf(key))
	for ref := range workload.References(old) {
		c.referenceChanged(item{resource: ref.Resource, namespace: key.Namespace, name: ref.Name})
	}
	if obj != nil && (!obj.GetDeletionTimestamp().IsZero() || key.Kind.Expires != nil) {
		c.finalizer.Enqueue(key)
	}
}

func (c *Controller) placementChanged(old, obj any) {
	placement := obj.(*v1alpha1.Placement)
	key, ok := workload.KeyOf(placement)
	if !ok {
		return
	}
	concerned := sets.New[string]()
	for _, a := range placement.Spec.Clusters {
		concerned.Insert(a.Name)
	}
	if was, ok := old.(*v1alpha1.Placement); ok {
		for _, a := range was.Spec.Clusters {
			concerned.Insert(a.Name)
		}
	}
	c.enqueue(key, concerned.UnsortedList()...)
	c.addWhereSeen(itemOf(key))
	if guard, err := c.workloads.Get(key); key.Kind.Guards && err == nil && guard != nil {
		for _, guarded := range c.workloads.Behind(key.Kind, guard) {
			c.enqueue(guarded, concerned.UnsortedList()...)
		}
	}
}

// referenceChanged puts an object into the queues of the clusters that have it, or may need it.
func (c *Controller) referenceChanged(it item) {
	if c.reference(it) == nil {
		c.manifests.forget(it)
	}
	c.addWhereSeen(it)
	for _, needed := range c.needsOf(c.reference(it), it.namespace) {
		c.addWhereSeen(needed)
	}
	for _, from := range c.referrers(it) {
		if key, ok := from.workload(); ok {
			for _, cluster := range c.placedOn(key) {
				c.add(cluster, it)
			}
			continue
		}
		c.referenceChanged(from)
	}
}

func (c *Controller) placedOn(key workload.Key) []string {
	placement, err := c.placements.Placements(key.Namespace).Get(key.PlacementName())
	if err != nil {
		return nil
	}
	var out []string
	for _, a := range placement.Spec.Clusters {
		out = append(out, a.Name)
	}
	return out
}

// keepsTemplate says whether a cluster keeps a pod template of before, whatever that refers to.
func (c *Controller) keepsTemplate(key workload.Key, cluster string) bool {
	placement, err := c.placements.Placements(key.Namespace).Get(key.PlacementName())
	return err == nil && slices.Contains(workload.Waiting(&placement.Spec), cluster)
}

// enqueue puts a workload, and what it refers to, into the queues of clusters.
func (c *Controller) enqueue(key workload.Key, clusters ...string) {
	items := c.withNeeds(key)
	for _, cluster := range clusters {
		for _, it := range items {
			c.add(cluster, it)
		}
	}
}

// withNeeds are a workload and what it refers to.
func (c *Controller) withNeeds(key workload.Key) []item {
	obj, err := c.workloads.Get(key)
	if err != nil {
		return nil
	}
	return append([]item{itemOf(key)}, c.needsOf(obj, key.Namespace)...)
}

func (c *Controller) add(cluster string, it item) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q := c.queues[cluster]; q != nil {
		q.runner.Enqueue(it)
	}
}

// addWhereSeen puts an object into the queues of the clusters that are known to have it.
func (c *Controller) addWhereSeen(it item) {
	for _, m := range c.set.List() {
		if m.Get(it.resource, it.namespace, it.name) != nil {
			c.add(m.Name, it)
		}
	}
}
