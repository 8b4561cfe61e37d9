// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package owed answers: what is still to be deleted in clusters that cannot be reached? It writes that down with the
// Cluster before the federation forgets the objects, and does it when the cluster is back.
package owed

import (
	"context"
	"slices"
	"sync"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// workers bounds how many clusters are seen to at once: one that hangs again delays no other.
const workers = 16

// settleTimeout is how long one cluster may take. What is left then comes in turn again.
const settleTimeout = time.Minute

// Controller keeps what Clusters are owed.
type Controller struct {
	client   versioned.Interface
	identity string
	set      *members.Set
	clusters listers.ClusterLister
	synced   cache.InformerSynced
	runner   *runner.Runner[string]
	inUse    func(cluster string, d v1alpha1.OwedDeletion) bool

	mu      sync.Mutex
	pending map[string][]v1alpha1.OwedDeletion // by cluster, what is not written down yet
}

// New makes the controller. The identity is the federation's.
func New(client versioned.Interface, own externalversions.SharedInformerFactory, set *members.Set, identity string) (*Controller, error) {
	clusters := own.Federation().V1alpha1().Clusters()
	c := &Controller{
		client: client, identity: identity, set: set, clusters: clusters.Lister(), synced: clusters.Informer().HasSynced,
		inUse:   func(string, v1alpha1.OwedDeletion) bool { return false },
		pending: map[string][]v1alpha1.OwedDeletion{},
	}
	c.runner = runner.New("owed", c.reconcile)
	changed := func(obj any) {
		if cluster := obj.(*v1alpha1.Cluster); owes(cluster) && isReady(cluster) {
			c.runner.Enqueue(cluster.Name)
		}
	}
	_, err := clusters.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }})
	set.Listen(members.Listener{Connected: c.runner.Enqueue})
	return c, err
}

// Keep sets what says whether a cluster has a use again for an object that it was to let go: it stays managed then. It must
// be set before the controller runs.
func (c *Controller) Keep(inUse func(cluster string, d v1alpha1.OwedDeletion) bool) { c.inUse = inUse }

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced)
}

// Owe says whether a Cluster, as given, remembers deletions. If it does not, they are written down soon: the Cluster changes
// then, unless it is full.
func (c *Controller) Owe(cluster *v1alpha1.Cluster, deletions ...v1alpha1.OwedDeletion) bool {
	missing := slices.DeleteFunc(slices.Clone(deletions), func(d v1alpha1.OwedDeletion) bool { return remembers(&cluster.Status, d) })
	if len(missing) == 0 {
		return true
	}
	c.note(cluster.Name, missing)
	c.runner.Enqueue(cluster.Name)
	return false
}

func (c *Controller) reconcile(ctx context.Context, name string) (time.Duration, error) {
	pending := c.take(name)
	cluster, err := c.clusters.Get(name)
	if err != nil {
		return 0, workload.IgnoreNotFound(err)
	}
	if !cluster.DeletionTimestamp.IsZero() {
		return 0, nil // what it is owed is done as it leaves
	}
	if isReady(cluster) { // what is pending is not owed any more, but done
		return 0, c.settle(ctx, cluster)
	}
	updated := cluster.DeepCopy()
	add(&updated.Status, pending)
	if err := c.write(ctx, cluster, updated); err != nil {
		c.note(name, pending)
		return 0, err
	}
	return 0, nil
}

// settle does what a cluster is owed that can be reached.
func (c *Controller) settle(ctx context.Context, cluster *v1alpha1.Cluster) error {
	m := c.set.Get(cluster.Name)
	if !owes(cluster) || m == nil || !m.Synced() {
		return nil // if it is only not connected yet, this is called again when it is
	}
	due := slices.DeleteFunc(slices.Clone(cluster.Status.Owed), func(d v1alpha1.OwedDeletion) bool {
		return isOrphan(d) && c.inUse(cluster.Name, d)
	})
	patient, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	left, failed := m.SettleAll(patient, c.identity, due)
	updated := cluster.DeepCopy()
	updated.Status.Owed = left
	updated.Status.OwedMore = cluster.Status.OwedMore && len(left) > 0
	if err := c.write(ctx, cluster, updated); err != nil {
		return err
	}
	klog.FromContext(ctx).Info("Did what a cluster was owed", "cluster", cluster.Name, "done", len(cluster.Status.Owed)-len(left), "left", len(left))
	return failed
}

func (c *Controller) write(ctx context.Context, cluster, updated *v1alpha1.Cluster) error {
	if apiequality.Semantic.DeepEqual(updated.Status, cluster.Status) {
		return nil
	}
	_, err := c.client.FederationV1alpha1().Clusters().UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	return workload.IgnoreNotFound(err)
}

func (c *Controller) note(cluster string, deletions []v1alpha1.OwedDeletion) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range deletions {
		if !slices.Contains(c.pending[cluster], d) {
			c.pending[cluster] = append(c.pending[cluster], d)
		}
	}
}

func (c *Controller) take(cluster string) []v1alpha1.OwedDeletion {
	c.mu.Lock()
	defer c.mu.Unlock()
	pending := c.pending[cluster]
	delete(c.pending, cluster)
	return pending
}

func owes(cluster *v1alpha1.Cluster) bool {
	return len(cluster.Status.Owed) > 0 || cluster.Status.OwedMore
}

func isReady(cluster *v1alpha1.Cluster) bool {
	return meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady)
}
