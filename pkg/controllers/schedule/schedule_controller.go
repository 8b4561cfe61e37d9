// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package schedule answers: where does each workload run, and why? It writes one Placement a workload, the only
// hand-over from deciding to doing, and touches no cluster.
package schedule

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
)

// workers plan at once. Planning takes no time; what takes time is the write of the Placement.
const workers = 16

// Controller writes Placements.
type Controller struct {
	client versioned.Interface
	events record.EventRecorder
	now    func() time.Time

	workloads  *workload.Listers
	policies   listers.PlacementPolicyLister
	clusters   listers.ClusterLister
	placements listers.PlacementLister
	migrations listers.MigrationLister
	traffic    listers.TrafficPolicyLister
	revisions  map[schema.GroupVersionResource]cache.SharedIndexInformer
	synced     []cache.InformerSynced
	runner     *runner.Runner[workload.Key]

	deciding sync.Mutex // from looking at what is reserved to reserving
	reserved *reservations
	moves    *moves
}

// New makes the controller.
func New(client versioned.Interface, own externalversions.SharedInformerFactory, native kubeinformers.SharedInformerFactory, events record.EventRecorder) (*Controller, error) {
	policies, clusters, placements := own.Federation().V1alpha1().PlacementPolicies(), own.Federation().V1alpha1().Clusters(), own.Federation().V1alpha1().Placements()
	migrations := own.Federation().V1alpha1().Migrations()
	traffic := own.Federation().V1alpha1().TrafficPolicies()
	workloads, err := workload.NewListers(native)
	if err != nil {
		return nil, err
	}
	c := &Controller{
		client: client, events: events, now: time.Now,
		workloads: workloads,
		policies:  policies.Lister(), clusters: clusters.Lister(), placements: placements.Lister(), traffic: traffic.Lister(),
		migrations: migrations.Lister(), reserved: newReservations(), moves: newMoves(),
	}
	apps := native.Apps().V1()
	c.revisions = map[schema.GroupVersionResource]cache.SharedIndexInformer{
		workload.ReplicaSet.Resource: apps.ReplicaSets().Informer(), controllerRevisions: apps.ControllerRevisions().Informer(),
	}
	c.synced = append(c.workloads.HasSynced(), apps.ControllerRevisions().Informer().HasSynced, policies.Informer().HasSynced, clusters.Informer().HasSynced, placements.Informer().HasSynced,
		migrations.Informer().HasSynced, traffic.Informer().HasSynced)
	c.runner = runner.New("schedule", c.reconcile)
	if err := c.workloads.Watch(c.workloadChanged); err != nil {
		return nil, err
	}
	for informer, handler := range map[cache.SharedIndexInformer]cache.ResourceEventHandlerFuncs{
		policies.Informer(): {AddFunc: func(obj any) { c.policyChanged(nil, obj) }, DeleteFunc: func(obj any) { c.policyChanged(obj, nil) }, UpdateFunc: func(old, obj any) {
			if old.(*v1alpha1.PlacementPolicy).Generation != obj.(*v1alpha1.PlacementPolicy).Generation {
				c.policyChanged(old, obj)
			}
		}},
		clusters.Informer():   {AddFunc: func(obj any) { c.clusterChanged(nil, obj) }, DeleteFunc: func(obj any) { c.clusterChanged(obj, nil) }, UpdateFunc: c.clusterChanged},
		migrations.Informer(): {AddFunc: func(obj any) { c.migrationChanged(nil, obj) }, DeleteFunc: func(obj any) { c.migrationChanged(obj, nil) }, UpdateFunc: c.migrationChanged},
		placements.Informer(): {AddFunc: c.placementChanged, DeleteFunc: c.placementChanged, UpdateFunc: func(old, obj any) {
			was, is := old.(*v1alpha1.Placement), obj.(*v1alpha1.Placement)
			if was.Generation != is.Generation || decision.Gone(was, is) {
				c.placementChanged(obj)
			} else if key, ok := workload.KeyOf(is); ok && decision.Reports(was, is) {
				c.runner.Enqueue(key)
			}
			c.nameChanged(is)
		}},
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced...)
}

func (c *Controller) workloadChanged(key workload.Key, old, obj workload.Object) {
	if old != nil && obj != nil && old.GetGeneration() == obj.GetGeneration() &&
		apiequality.Semantic.DeepEqual(old.GetLabels(), obj.GetLabels()) && old.GetDeletionTimestamp().Equal(obj.GetDeletionTimestamp()) &&
		key.Kind.IsFinished(old) == key.Kind.IsFinished(obj) {
		return
	}
	c.runner.Enqueue(key)
	// What follows a workload goes where it goes; a change of its Placement tells them. That they belong together may
	// change without that.
	for _, o := range []workload.Object{old, obj} {
		if o == nil {
			continue
		}
		c.enqueueFollowers(key.Kind, o)
		switch key.Kind {
		case workload.HorizontalPodAutoscaler, workload.PodDisruptionBudget: // what it scales is divided by its bounds, or moves by them
			for _, scaled := range c.workloads.Behind(key.Kind, o) {
				c.runner.Enqueue(scaled)
			}
		}
	}
}

func (c *Controller) enqueueFollowers(kind *workload.Kind, obj workload.Object) {
	for _, follower := range c.workloads.Followers(kind, obj) {
		c.runner.Enqueue(follower)
	}
}

// placementChanged has the followers of a workload follow.
func (c *Controller) placementChanged(obj any) {
	p := last[*v1alpha1.Placement](obj)
	if p == nil {
		return
	}
	key, ok := workload.KeyOf(p)
	if !ok {
		return
	}
	// Also the workload itself: a Placement that was changed by hand, or deleted, is put right.
	c.runner.Enqueue(key)
	if key.Kind.Placed() {
		c.enqueueNeighbours(key)
	}
	if obj, err := c.workloads.Get(key); err == nil && obj != nil {
		c.enqueueFollowers(key.Kind, obj)
	}
}

// policyChanged has the workloads decided anew that a policy selects, or selected.
func (c *Controller) policyChanged(old, obj any) {
	was, is := last[*v1alpha1.PlacementPolicy](old), last[*v1alpha1.PlacementPolicy](obj)
	either := cmp.Or(is, was)
	if either == nil {
		return
	}
	c.workloads.EachIn(either.Namespace, (*workload.Kind).Placed, func(key workload.Key, obj workload.Object) {
		if set := labels.Set(obj.GetLabels()); decision.Selects(was, set) || decision.Selects(is, set) {
			c.runner.Enqueue(key)
		}
	})
}

// migrationChanged has the workloads decided anew that a migration moves, if it has them moved another way.
func (c *Controller) migrationChanged(old, obj any) {
	was, is := last[*v1alpha1.Migration](old), last[*v1alpha1.Migration](obj)
	either := cmp.Or(is, was)
	if either == nil || was != nil && is != nil && was.Status.Phase == is.Status.Phase && was.Status.Weight == is.Status.Weight && was.Status.Traffic == is.Status.Traffic {
		return
	}
	c.workloads.Each(func(key workload.Key) {
		if !key.Kind.Placed() {
			return
		}
		if obj, err := c.workloads.Get(key); err == nil && obj != nil && decision.Migrates(either, key.Namespace, obj.GetLabels()) {
			c.runner.Enqueue(key)
		}
	})
}

// clusterChanged has the workloads decided anew that the change can touch.
func (c *Controller) clusterChanged(old, obj any) {
	was, is := last[*v1alpha1.Cluster](old), last[*v1alpha1.Cluster](obj)
	if was == nil && is == nil {
		return
	}
	change := decision.ChangeOf(was, is)
	if !change.Any() {
		return
	}
	placements, err := c.placements.List(labels.Everything())
	if err != nil {
		return
	}
	for _, p := range placements {
		if !change.Touches(&p.Spec) {
			continue
		}
		if key, ok := workload.KeyOf(p); ok {
			c.runner.Resync(key)
		}
	}
}

// last is the object of an informer's event, or the last that was seen of one that is gone; nil if there was none.
func last[T any](obj any) (out T) {
	if gone, ok := obj.(cache.DeletedFinalStateUnknown); ok {
		obj = gone.Obj
	}
	out, _ = obj.(T)
	return out
}

func (c *Controller) reconcile(ctx context.Context, key workload.Key) (time.Duration, error) {
	obj, err := c.workloads.Get(key)
	if err != nil {
		return 0, err
	}
	current, err := c.placements.Placements(key.Namespace).Get(key.PlacementName())
	if workload.IgnoreNotFound(err) != nil {
		return 0, err
	}
	if obj == nil || !obj.GetDeletionTimestamp().IsZero() {
		c.reserved.forget(key.String())
		c.moves.forget(key.String())
	}
	if obj == nil {
		// The workload is kept by a finalizer until no cluster has it, so nobody needs its Placement any more.
		if current == nil {
			return 0, nil
		}
		return 0, workload.IgnoreNotFound(c.client.FederationV1alpha1().Placements(key.Namespace).Delete(ctx, current.Name,
			metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(current.UID))}))
	}
	if !obj.GetDeletionTimestamp().IsZero() {
		return 0, nil // it ends where it is
	}
	next, again, err := c.decideAndReserve(key, obj, current)
	if err != nil {
		return 0, err
	}
	next.Workload = key.Reference(string(obj.GetUID()))
	if err := c.write(ctx, key, obj, current, next); err != nil {
		return 0, err
	}
	c.count(key, obj, current, &next)
	return again, nil
}

// count counts the moves that a decision begins or ends.
func (c *Controller) count(key workload.Key, obj workload.Object, current *v1alpha1.Placement, next *v1alpha1.PlacementSpec) {
	if !key.Kind.Placed() {
		return
	}
	policy, err := c.policies.PlacementPolicies(key.Namespace).Get(next.Policy)
	if err != nil {
		policy = nil // there is none
	}
	status := &v1alpha1.PlacementStatus{}
	if current != nil {
		status = &current.Status
	}
	c.moves.decided(key.String(), decision.CurrentOf(current, string(obj.GetUID())), next, status, decision.Floor(next, policy), c.now())
}

// decideAndReserve decides, and counts what a cluster is given before the next decision looks at what room there is.
func (c *Controller) decideAndReserve(key workload.Key, obj workload.Object, placement *v1alpha1.Placement) (v1alpha1.PlacementSpec, time.Duration, error) {
	if !key.Kind.Placed() {
		return c.follow(key.Kind, obj, placement)
	}
	c.deciding.Lock()
	defer c.deciding.Unlock()
	next, again, err := decision.Place(caches{c}, key.Kind, obj, c.now())
	if err != nil {
		return next, again, err
	}
	was := decision.CurrentOf(placement, string(obj.GetUID()))
	if was == nil {
		was = &v1alpha1.PlacementSpec{}
	}
	if err := c.keepTemplates(key, obj, was, &next); err != nil {
		return next, again, err
	}
	if !decision.SameClusters(was.Clusters, next.Clusters) && !key.Kind.IsFixed(obj) {
		c.reserved.reserve(key.String(), decision.Requests(key.Kind.Template(obj)), was, &next, c.now())
	}
	return next, again, nil
}

// follow decides where an object goes of a kind that no policy places.
func (c *Controller) follow(kind *workload.Kind, obj workload.Object, placement *v1alpha1.Placement) (v1alpha1.PlacementSpec, time.Duration, error) {
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return v1alpha1.PlacementSpec{}, 0, err
	}
	current := decision.CurrentOf(placement, string(obj.GetUID()))
	var behind []*v1alpha1.Placement
	for _, key := range c.workloads.Behind(kind, obj) {
		if p, err := c.placements.Placements(key.Namespace).Get(key.PlacementName()); err == nil {
			behind = append(behind, p)
		}
	}
	everywhere := kind.Everywhere != nil && kind.Everywhere(obj)
	next := decision.Follow(obj.GetGeneration(), kind.Kind, behind, everywhere, clusters, current, c.now())
	if kind.Bound != nil {
		if number := kind.Bound(obj); number != nil {
			decision.DivideBudget(&next, *number, behind)
		}
	}
	next.Revision = decision.Revision(placement, &next)
	return next, 0, nil
}

// caches is the federation as this controller's informers last saw it.
type caches struct{ *Controller }

func (c caches) Clusters() ([]*v1alpha1.Cluster, error) { return c.clusters.List(labels.Everything()) }

func (c caches) Policies(namespace string) ([]*v1alpha1.PlacementPolicy, error) {
	return c.policies.PlacementPolicies(namespace).List(labels.Everything())
}

func (c caches) Placement(namespace, name string) (*v1alpha1.Placement, error) {
	p, err := c.placements.Placements(namespace).Get(name)
	return p, workload.IgnoreNotFound(err)
}

func (c caches) Workload(key workload.Key) (workload.Object, error) { return c.workloads.Get(key) }

func (c caches) Autoscalers(namespace string) (out []*autoscalingv2.HorizontalPodAutoscaler, err error) {
	isOne := func(kind *workload.Kind) bool { return kind == workload.HorizontalPodAutoscaler }
	c.workloads.EachIn(namespace, isOne, func(_ workload.Key, obj workload.Object) {
		out = append(out, obj.(*autoscalingv2.HorizontalPodAutoscaler))
	})
	return out, nil
}

func (c caches) Migrations() ([]*v1alpha1.Migration, error) {
	return c.migrations.List(labels.Everything())
}

func (c caches) Reserved(workload string, now time.Time) map[string]decision.Reservation {
	return c.reserved.of(workload, now)
}

// enqueueNeighbours has the workloads decided anew whose policies name another one.
func (c *Controller) enqueueNeighbours(key workload.Key) {
	policies, err := c.policies.PlacementPolicies(key.Namespace).List(labels.Everything())
	if err != nil {
		return
	}
	for _, p := range policies {
		if slices.ContainsFunc(p.Spec.WorkloadAffinity, func(a v1alpha1.WorkloadAffinity) bool {
			return a.Workload.Kind == key.Kind.Kind && a.Workload.Name == key.Name
		}) {
			c.policyChanged(nil, p)
		}
	}
}

// write records a decision, if it says anything new.
func (c *Controller) write(ctx context.Context, key workload.Key, obj workload.Object, current *v1alpha1.Placement, next v1alpha1.PlacementSpec) error {
	placements := c.client.FederationV1alpha1().Placements(key.Namespace)
	was := v1alpha1.PlacementSpec{}
	if current != nil {
		was = current.Spec
	}
	if current != nil && apiequality.Semantic.DeepEqual(was, next) {
		return nil
	}
	if next.Problem != "" && (next.Problem != was.Problem || next.Unplaced != was.Unplaced) && next.Problem != v1alpha1.ReasonNoBackends {
		c.events.Event(obj, corev1.EventTypeWarning, next.Problem, next.ProblemMessage)
	}
	for _, o := range next.Omissions {
		if !slices.ContainsFunc(was.Omissions, func(before v1alpha1.PlacementOmission) bool { return before.Code == o.Code }) {
			c.events.Event(obj, corev1.EventTypeWarning, o.Code, o.Message)
		}
	}
	if d := decision.Newest(next.History); d.Revision > decision.Newest(was.History).Revision && d.Code != v1alpha1.DecidedCreated {
		c.events.Event(obj, corev1.EventTypeNormal, d.Code, d.Reason)
	}
	for _, limit := range next.Limits {
		if !slices.ContainsFunc(was.Limits, func(l v1alpha1.ClusterLimit) bool { return l.Name == limit.Name && l.Since.Equal(&limit.Since) }) {
			c.events.Eventf(obj, corev1.EventTypeWarning, v1alpha1.ReasonOverflow, "cluster %s runs %d replicas: pods beyond that found no node, and go to other clusters", limit.Name, limit.Replicas)
		}
	}
	if current == nil {
		_, err := placements.Create(ctx, &v1alpha1.Placement{
			ObjectMeta: metav1.ObjectMeta{
				Name: key.PlacementName(), Namespace: key.Namespace,
				OwnerReferences: []metav1.OwnerReference{{APIVersion: next.Workload.APIVersion, Kind: next.Workload.Kind, Name: key.Name, UID: obj.GetUID(), Controller: ptr.To(true)}},
			},
			Spec: next,
		}, metav1.CreateOptions{FieldValidation: metav1.FieldValidationIgnore})
		if apierrors.IsAlreadyExists(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return nil // not seen yet, and looked at when it is; or its end is near, as is the workload's
		}
		return err
	}
	updated := current.DeepCopy()
	updated.Spec = next
	if len(updated.OwnerReferences) == 1 {
		updated.OwnerReferences[0].UID = obj.GetUID()
	}
	_, err := placements.Update(ctx, updated, metav1.UpdateOptions{FieldValidation: metav1.FieldValidationIgnore})
	return err
}
