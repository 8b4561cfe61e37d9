// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package migration answers: how far is each Migration, and what is next? It writes their status, which is what deciding
// and the name server go by, and, when one is finished, the policies. It touches no cluster.
package migration

import (
	"context"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
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
	"drover.dev/drover/pkg/members"
)

const (
	workers = 4
	// coalesce is how long reports are gathered: each step changes many.
	coalesce = 200 * time.Millisecond
	// look is how often a migration is looked at that is under way, and its gates are asked.
	look = 2 * time.Second
	// recheck is how often one is looked at that cannot begin.
	recheck = 10 * time.Second
	// recount is how often restarts are counted.
	recount = 10 * time.Second
	// defaultTTL is how long answers are kept where no policy says otherwise.
	defaultTTL = 20 * time.Second
)

// Controller writes Migrations' status.
type Controller struct {
	client versioned.Interface
	events record.EventRecorder
	set    *members.Set
	now    func() time.Time
	prober *prober

	workloads  *workload.Listers
	migrations listers.MigrationLister
	policies   listers.PlacementPolicyLister
	traffic    listers.TrafficPolicyLister
	clusters   listers.ClusterLister
	placements listers.PlacementLister
	synced     []cache.InformerSynced
	runner     *runner.Runner[string]

	mu       sync.Mutex
	restarts map[string]counted // by name of the migration
}

type counted struct {
	restarts int32
	at       time.Time
}

// New makes the controller.
func New(client versioned.Interface, own externalversions.SharedInformerFactory, native kubeinformers.SharedInformerFactory, set *members.Set, events record.EventRecorder) (*Controller, error) {
	ours := own.Federation().V1alpha1()
	workloads, err := workload.NewListers(native)
	if err != nil {
		return nil, err
	}
	c := &Controller{
		client: client, events: events, set: set, now: time.Now, prober: newProber(), workloads: workloads,
		migrations: ours.Migrations().Lister(), policies: ours.PlacementPolicies().Lister(), traffic: ours.TrafficPolicies().Lister(),
		clusters: ours.Clusters().Lister(), placements: ours.Placements().Lister(), restarts: map[string]counted{},
	}
	c.runner = runner.New("migration", c.reconcile)
	c.synced = append(workloads.HasSynced(), ours.Migrations().Informer().HasSynced, ours.PlacementPolicies().Informer().HasSynced,
		ours.TrafficPolicies().Informer().HasSynced, ours.Clusters().Informer().HasSynced, ours.Placements().Informer().HasSynced)
	changed := func(obj any) {
		if name, err := cache.DeletionHandlingObjectToName(obj); err == nil {
			c.runner.Enqueue(name.Name)
		}
	}
	if _, err := ours.Migrations().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: changed, DeleteFunc: changed, UpdateFunc: func(_, obj any) { changed(obj) }}); err != nil {
		return nil, err
	}
	_, err = ours.Placements().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: c.placementChanged, DeleteFunc: c.placementChanged, UpdateFunc: func(_, obj any) { c.placementChanged(obj) }})
	return c, err
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced...)
}

// placementChanged has the migrations looked at that are under way: it may be what one waits for.
func (c *Controller) placementChanged(any) {
	migrations, err := c.migrations.List(labels.Everything())
	if err != nil {
		return
	}
	for _, m := range migrations {
		if m.InForce() {
			c.runner.EnqueueAfter(m.Name, coalesce)
		}
	}
}

func (c *Controller) reconcile(ctx context.Context, name string) (time.Duration, error) {
	m, err := c.migrations.Get(name)
	if err != nil {
		return 0, workload.IgnoreNotFound(err)
	}
	deleted := !m.DeletionTimestamp.IsZero()
	if deleted && (m.Over() || m.Status.Phase == v1alpha1.MigrationRolledBack) {
		return 0, c.letGo(ctx, m)
	}
	if m.Over() {
		return 0, nil
	}
	o, pending, err := c.observe(ctx, m)
	if err != nil {
		return 0, err
	}
	s := next(m, o)
	setConditions(m, &s, o)
	if !apiequality.Semantic.DeepEqual(m.Status, s) {
		updated := m.DeepCopy()
		updated.Status = s
		if _, err := c.client.FederationV1alpha1().Migrations().UpdateStatus(ctx, updated, metav1.UpdateOptions{}); err != nil {
			return 0, workload.IgnoreNotFound(err)
		}
		c.tell(updated, m.Status.Phase)
		return look, nil
	}
	if s.Phase == v1alpha1.MigrationFinishing && o.Problem == nil {
		if err := c.rewrite(ctx, pending); err != nil {
			return 0, err
		}
	}
	if !m.InForce() {
		return recheck, nil
	}
	return look, nil
}

// tell makes an event of a new phase.
func (c *Controller) tell(m *v1alpha1.Migration, before v1alpha1.MigrationPhase) {
	if m.Status.Phase == before {
		return
	}
	kind, message := corev1.EventTypeNormal, Describe(m, &m.Status)
	if f := m.Status.Failure; f != nil && (m.Status.Phase == v1alpha1.MigrationFailed || m.Status.Phase == v1alpha1.MigrationRollingBack) {
		kind, message = corev1.EventTypeWarning, "gate "+f.Gate+" failed: "+f.Message+"; "+message
	}
	c.events.Event(m, kind, string(m.Status.Phase), workload.Shorten(message))
}

// letGo lets a migration be deleted that has nothing more to bring back.
func (c *Controller) letGo(ctx context.Context, m *v1alpha1.Migration) error {
	if !slices.Contains(m.Finalizers, v1alpha1.FinalizerRollback) {
		return nil
	}
	updated := m.DeepCopy()
	updated.Finalizers = slices.DeleteFunc(updated.Finalizers, func(f string) bool { return f == v1alpha1.FinalizerRollback })
	_, err := c.client.FederationV1alpha1().Migrations().Update(ctx, updated, metav1.UpdateOptions{})
	return workload.IgnoreNotFound(err)
}

// observe looks at all that decides what is next.
func (c *Controller) observe(ctx context.Context, m *v1alpha1.Migration) (Observed, Rewrites, error) {
	objects, err := c.objects(m)
	if err != nil {
		return Observed{}, Rewrites{}, err
	}
	policies, err := c.policies.List(labels.Everything())
	if err != nil {
		return Observed{}, Rewrites{}, err
	}
	traffic, err := c.traffic.List(labels.Everything())
	if err != nil {
		return Observed{}, Rewrites{}, err
	}
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return Observed{}, Rewrites{}, err
	}
	migrations, err := c.migrations.List(labels.Everything())
	if err != nil {
		return Observed{}, Rewrites{}, err
	}
	o := observe(m, objects)
	o.Absent = absence(m, clusters)
	pending := rewrites(m, objects, policies, traffic)
	o.Now, o.TTL = c.now(), longestTTL(m, traffic)
	o.Rewritten = len(pending.Placement)+len(pending.Traffic) == 0
	if !m.InForce() || m.Status.Phase == v1alpha1.MigrationFinishing {
		o.Problem = problemOf(m, clusters, migrations, o.Workloads, pending)
	}
	if watched(m) {
		o.Failed = c.prober.ask(ctx, m)
		o.Restarts = c.countRestarts(ctx, m, objects)
	}
	return o, pending, nil
}

// watched says whether gates matter now.
func watched(m *v1alpha1.Migration) bool {
	switch m.Status.Phase {
	case v1alpha1.MigrationMoving, v1alpha1.MigrationSoaking, v1alpha1.MigrationWaiting:
		return m.Status.Traffic > 0 && m.Spec.Goal != v1alpha1.GoalRollback && m.DeletionTimestamp.IsZero()
	}
	return false
}

// longestTTL is how long an answer may be kept that was given before the migration.
func longestTTL(m *v1alpha1.Migration, policies []*v1alpha1.TrafficPolicy) time.Duration {
	longest := defaultTTL
	for _, p := range policies {
		if len(m.Spec.Namespaces) == 0 || slices.Contains(m.Spec.Namespaces, p.Namespace) {
			longest = max(longest, time.Duration(ptr.Deref(p.Spec.TTLSeconds, 0))*time.Second)
		}
	}
	return longest
}

// objects are those that the migration may concern: those of kinds that policies place, which it selects or not, and what
// follows them.
func (c *Controller) objects(m *v1alpha1.Migration) (out []Placed, err error) {
	c.workloads.Each(func(key workload.Key) {
		if len(m.Spec.Namespaces) > 0 && !slices.Contains(m.Spec.Namespaces, key.Namespace) {
			return
		}
		obj, failed := c.workloads.Get(key)
		if failed != nil || obj == nil {
			return
		}
		p := Placed{Key: key, Object: obj}
		placement, failed := c.placements.Placements(key.Namespace).Get(key.PlacementName())
		if workload.IgnoreNotFound(failed) != nil {
			err = failed
			return
		}
		if decision.CurrentOf(placement, string(obj.GetUID())) != nil {
			p.Placement = placement
		}
		out = append(out, p)
	})
	return out, err
}

// rewrite writes what is pending. It is done again until nothing is.
func (c *Controller) rewrite(ctx context.Context, pending Rewrites) error {
	own := c.client.FederationV1alpha1()
	for _, p := range pending.Traffic {
		if _, err := own.TrafficPolicies(p.Namespace).Update(ctx, p, metav1.UpdateOptions{}); workload.IgnoreNotFound(err) != nil {
			return err
		}
	}
	for _, p := range pending.Placement {
		var err error
		if p.ResourceVersion == "" {
			_, err = own.PlacementPolicies(p.Namespace).Create(ctx, p, metav1.CreateOptions{})
		} else {
			_, err = own.PlacementPolicies(p.Namespace).Update(ctx, p, metav1.UpdateOptions{})
		}
		if workload.IgnoreNotFound(err) != nil {
			return err
		}
	}
	return nil
}

// countRestarts counts those of containers on the target, now and then. What is not known says nothing: -1.
func (c *Controller) countRestarts(ctx context.Context, m *v1alpha1.Migration, objects []Placed) int32 {
	c.mu.Lock()
	last, ok := c.restarts[m.Name]
	c.mu.Unlock()
	if ok && c.now().Sub(last.at) < recount {
		return last.restarts
	}
	last = counted{restarts: -1, at: c.now()}
	if member := c.set.Get(m.Spec.To); member != nil {
		if n, err := restartsIn(ctx, member.Client, owners(m, objects)); err == nil {
			last.restarts = n
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restarts[m.Name] = last
	return last.restarts
}
