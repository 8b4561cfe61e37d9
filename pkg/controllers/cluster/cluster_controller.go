// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster answers: how is each joined cluster? It connects members as their Clusters say, probes them, keeps
// their credentials fresh, and cleans up in a member that leaves.
package cluster

import (
	"context"
	"errors"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/runner"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

const (
	// probeInterval is how often a cluster is asked how it is, retryInterval how soon again when it did not answer. That is
	// doubled each time, up to lastRetry.
	probeInterval = 10 * time.Second
	retryInterval = 2 * time.Second
	lastRetry     = 30 * time.Second
	// suspectInterval is how soon at the earliest a cluster is asked again that does not answer something else.
	suspectInterval = time.Second
	// measureInterval is how often nodes and pods are counted.
	measureInterval = 30 * time.Second
	// busyInterval is how often both are done while workloads wait for room in the cluster, or were just placed there.
	busyInterval = 5 * time.Second
	// measureShare bounds the time that counting takes of all time, to one in so many.
	measureShare = 20
	// settle is how long changes of placements are gathered before a Cluster's replicas are written.
	settle = 500 * time.Millisecond
	// workers bounds how many clusters may hang at once without delaying the probes of the others.
	workers = 64
)

// Controller keeps Clusters' status true.
type Controller struct {
	client   versioned.Interface
	kube     kubernetes.Interface
	events   record.EventRecorder
	identity string
	set      *members.Set
	now      func() time.Time
	// degradedPercent of the fleet lost at once is the fleet's loss.
	degradedPercent int

	clusters   listers.ClusterLister
	placements listers.PlacementLister
	secrets    corelisters.SecretLister
	synced     []cache.InformerSynced
	runner     *runner.Runner[string]

	mu   sync.Mutex
	seen map[string]observation
}

// New makes the controller. The identity is the federation's. If so many per cent of the fleet are lost at once, nothing is
// moved away from them.
func New(client versioned.Interface, kube kubernetes.Interface, own externalversions.SharedInformerFactory, native kubeinformers.SharedInformerFactory, set *members.Set, events record.EventRecorder, identity string, degradedPercent int) (*Controller, error) {
	clusters := own.Federation().V1alpha1().Clusters()
	placements := own.Federation().V1alpha1().Placements()
	secrets := native.Core().V1().Secrets()
	c := &Controller{
		client: client, kube: kube, events: events, identity: identity, set: set, now: time.Now, degradedPercent: degradedPercent,
		clusters: clusters.Lister(), placements: placements.Lister(), secrets: secrets.Lister(),
		synced: []cache.InformerSynced{clusters.Informer().HasSynced, placements.Informer().HasSynced, secrets.Informer().HasSynced},
		seen:   map[string]observation{},
	}
	c.runner = runner.New("cluster", c.reconcile)
	if _, err := clusters.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(obj any) { c.runner.Enqueue(obj.(*v1alpha1.Cluster).Name) },
		UpdateFunc: func(old, obj any) {
			was, is := old.(*v1alpha1.Cluster), obj.(*v1alpha1.Cluster)
			if was.Generation != is.Generation || !was.DeletionTimestamp.Equal(is.DeletionTimestamp) || !apiequality.Semantic.DeepEqual(was.Annotations, is.Annotations) {
				c.runner.Enqueue(is.Name)
			}
		},
		DeleteFunc: func(obj any) {
			if name, err := cache.DeletionHandlingMetaNamespaceKeyFunc(obj); err == nil {
				c.runner.Enqueue(name)
			}
		},
	}); err != nil {
		return nil, err
	}
	if _, err := secrets.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: c.secretChanged, UpdateFunc: func(_, obj any) { c.secretChanged(obj) }, DeleteFunc: c.secretChanged,
	}); err != nil {
		return nil, err
	}
	if _, err := placements.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: c.placementChanged, UpdateFunc: func(old, obj any) {
			if old.(*v1alpha1.Placement).Generation != obj.(*v1alpha1.Placement).Generation {
				c.placementChanged(old)
				c.placementChanged(obj)
			}
		}, DeleteFunc: c.placementChanged,
	}); err != nil {
		return nil, err
	}
	set.Listen(members.Listener{Connected: c.runner.Enqueue, Suspected: c.suspect})
	return c, nil
}

// Run works until the context ends.
func (c *Controller) Run(ctx context.Context) {
	c.runner.RunSynced(ctx, workers, c.synced...)
}

func (c *Controller) secretChanged(obj any) {
	secret, ok := obj.(*corev1.Secret)
	if !ok {
		return
	}
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return
	}
	for _, cluster := range clusters {
		if ref := cluster.Spec.CredentialsSecret; ref.Name == secret.Name && ref.Namespace == secret.Namespace {
			c.runner.Enqueue(cluster.Name)
		}
	}
}

func (c *Controller) placementChanged(obj any) {
	if placement, ok := obj.(*v1alpha1.Placement); ok {
		for _, assigned := range placement.Spec.Clusters {
			c.notePlaced(assigned.Name)
			c.runner.EnqueueAfter(assigned.Name, settle)
		}
	}
}

// observation is what was last found out about a cluster.
type observation struct {
	health    members.Health
	resources members.Resources
	err       error
	failures  int // probes in a row that failed
	probed    time.Time
	measured  time.Time
	measuring time.Duration // how long that took
	placed    time.Time     // when what is placed there last changed
	suspected time.Time     // when it last did not answer something else
	// trouble is the reason of what is wrong though it answers; empty if nothing is.
	trouble, troubleMessage string
	crowded                 bool      // workloads wait for room
	connecting              time.Time // since when it answers and is not read yet; zero if it is
	generation              int64
}

// busy says whether the room in the cluster is asked for, or may have changed since it was measured.
func (o observation) busy() bool {
	return o.crowded || o.placed.After(o.measured.Add(-busyInterval)) // pods take a while to be made and to find a node
}

// interval is how soon the cluster is asked again.
func (o observation) interval() time.Duration {
	switch {
	case o.err != nil:
		return min(lastRetry, retryInterval<<min(max(0, o.failures-1), 8))
	case o.suspected.After(o.probed):
		return suspectInterval + settle
	case o.busy() || o.trouble != "":
		return busyInterval
	}
	return probeInterval
}

func (o observation) measureIsDue(now time.Time) bool {
	since := now.Sub(o.measured)
	return since >= measureInterval || o.busy() && since >= max(busyInterval-settle, measureShare*o.measuring)
}

func (c *Controller) reconcile(ctx context.Context, name string) (time.Duration, error) {
	cluster, err := c.clusters.Get(name)
	if apierrors.IsNotFound(err) {
		c.set.Disconnect(name)
		c.forget(name)
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if !cluster.DeletionTimestamp.IsZero() {
		return c.leave(ctx, cluster)
	}
	replicas, crowded, err := c.load(name)
	if err != nil {
		return 0, err
	}
	seen := c.observe(ctx, cluster, crowded)
	next := nextStatus(cluster, seen, replicas, c.now())
	if err := c.judge(cluster, &next); err != nil {
		return 0, err
	}
	return seen.interval(), c.writeStatus(ctx, cluster, next)
}

// observe connects the cluster and finds out how it is, if it is time to.
func (c *Controller) observe(ctx context.Context, cluster *v1alpha1.Cluster, crowded bool) observation {
	seen := c.last(cluster.Name)
	seen.crowded = crowded
	member, err := c.connect(cluster)
	if err != nil {
		seen.err, seen.probed = err, c.now()
		c.remember(cluster.Name, seen)
		return seen
	}
	connected := member.Synced() && errors.Is(seen.err, errConnecting)
	if c.now().Sub(seen.probed) < seen.interval()-settle && seen.generation == cluster.Generation && !connected {
		return seen
	}
	seen.health, seen.err = member.Probe(ctx)
	seen.probed, seen.generation = c.now(), cluster.Generation
	if seen.failures++; seen.err == nil {
		seen.failures = 0
	}
	c.holdOrResume(member, &seen)
	if seen.err == nil && !member.Synced() {
		seen.err = errConnecting
		if seen.connecting.IsZero() {
			seen.connecting = seen.probed
		}
	} else {
		seen.connecting = time.Time{}
	}
	if seen.err == nil && seen.measureIsDue(c.now()) {
		began := c.now()
		resources, err := member.Measure(ctx)
		seen.measured = c.now()
		if seen.measuring = seen.measured.Sub(began); err == nil {
			seen.resources = resources
		} else {
			// It answers, so it is ready; what was counted last stands.
			klog.FromContext(ctx).Info("The nodes and pods of a cluster could not be counted", "cluster", cluster.Name, "error", err)
		}
	}
	if seen.err == nil {
		if err := c.renewToken(ctx, cluster, member); err != nil {
			c.events.Eventf(cluster, corev1.EventTypeWarning, "TokenNotRenewed", "the token for the cluster could not be renewed, will be tried again: %v", err)
		}
	}
	c.remember(cluster.Name, seen)
	return seen
}

// holdOrResume keeps all work from a cluster that is lost, and has everything brought up to date in one that is back.
func (c *Controller) holdOrResume(member *members.Member, seen *observation) {
	if seen.err != nil {
		if seen.failures > 1 {
			member.Hold()
		}
		return
	}
	was := seen.trouble
	seen.trouble, seen.troubleMessage = member.Trouble(seen.probed)
	if member.Resume() || was != "" && seen.trouble == "" {
		c.set.Found(member.Name)
	}
}

// connect makes the cluster a member with the credentials of its Secret.
func (c *Controller) connect(cluster *v1alpha1.Cluster) (*members.Member, error) {
	ref := cluster.Spec.CredentialsSecret
	secret, err := c.secrets.Secrets(ref.Namespace).Get(ref.Name)
	if err != nil {
		c.set.Disconnect(cluster.Name)
		return nil, &credentialsError{reason: v1alpha1.ReasonCredentialsMissing, err: err}
	}
	credentials, err := members.CredentialsFrom(secret)
	if err == nil {
		var member *members.Member
		if member, err = c.set.Connect(cluster, credentials); err == nil {
			return member, nil
		}
	}
	c.set.Disconnect(cluster.Name)
	return nil, &credentialsError{reason: v1alpha1.ReasonCredentialsInvalid, err: err}
}

// judge says whether it is rather the fleet that is lost than the cluster.
func (c *Controller) judge(cluster *v1alpha1.Cluster, next *v1alpha1.ClusterStatus) error {
	clusters, err := c.clusters.List(labels.Everything())
	if err != nil {
		return err
	}
	is := cluster.DeepCopy()
	is.Status = *next
	degraded := 0
	for i := range clusters {
		if clusters[i].Name == is.Name {
			clusters[i] = is
		} else if meta.IsStatusConditionTrue(clusters[i].Status.Conditions, v1alpha1.ConditionFleetDegraded) {
			degraded++
		}
	}
	lost, of := lostTogether(is, clusters)
	setFleetDegraded(&next.Conditions, cluster.Generation, lost, of, c.degradedPercent, c.now())
	if meta.IsStatusConditionTrue(next.Conditions, v1alpha1.ConditionFleetDegraded) {
		degraded++
	}
	fleetDegraded.Set(float64(degraded))
	return nil
}

// load is how many replicas are placed on a cluster, and whether workloads would place more there if it had room.
func (c *Controller) load(name string) (replicas int32, crowded bool, err error) {
	placements, err := c.placements.List(labels.Everything())
	if err != nil {
		return 0, false, err
	}
	for _, p := range placements {
		for _, assigned := range p.Spec.Clusters {
			if assigned.Name == name && assigned.Replicas != nil {
				replicas += *assigned.Replicas
			}
		}
		crowded = crowded || decision.WantsRoom(&p.Spec, name)
	}
	return replicas, crowded, nil
}

func (c *Controller) writeStatus(ctx context.Context, cluster *v1alpha1.Cluster, status v1alpha1.ClusterStatus) error {
	if apiequality.Semantic.DeepEqual(status, cluster.Status) {
		return nil
	}
	was := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady)
	is := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	if was == nil || was.Status != is.Status {
		kind := corev1.EventTypeNormal
		if is.Status != metav1.ConditionTrue && is.Reason != v1alpha1.ReasonConnecting {
			kind = corev1.EventTypeWarning
		}
		c.events.Event(cluster, kind, is.Reason, is.Message)
	}
	updated := cluster.DeepCopy()
	updated.Status = status
	_, err := c.client.FederationV1alpha1().Clusters().UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

func (c *Controller) last(name string) observation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen[name]
}

func (c *Controller) remember(name string, o observation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o.placed, o.suspected = c.seen[name].placed, c.seen[name].suspected
	c.seen[name] = o
}

func (c *Controller) notePlaced(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := c.seen[name]
	o.placed = c.now()
	c.seen[name] = o
}

// suspect has a cluster asked how it is that does not answer something else.
func (c *Controller) suspect(name string) {
	c.mu.Lock()
	o := c.seen[name]
	o.suspected = c.now()
	c.seen[name] = o
	c.mu.Unlock()
	c.runner.EnqueueAfter(name, max(0, suspectInterval-c.now().Sub(o.probed)))
}

func (c *Controller) forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.seen, name)
}
