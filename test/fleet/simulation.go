// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/registry"
	"drover.dev/drover/test/fleet/memory"
)

const (
	// simulators is how many tasks are worked on at once, of all clusters.
	simulators = 4
	// How long a task that failed waits: twice as long each time.
	minBackoff, maxBackoff = 50 * time.Millisecond, 5 * time.Second
)

// chore is what is to be looked after.
type chore int

const (
	rollOut  chore = iota // a Deployment
	expose                // a Service
	route                 // an Ingress
	reselect              // the Services that select a Deployment, or all if it is gone
	empty                 // a namespace that is being deleted
	release               // an object whose dependents are to be deleted or orphaned before it goes
	collect               // what an object owned that is gone: its name is a UID
)

// task names an object in a cluster, and what to do about it. It is a key: the same one is never worked on twice at once.
type task struct {
	cluster                   *Cluster
	chore                     chore
	resource, namespace, name string
}

// simulation is what the controllers of all clusters do. All timers are in one queue: a cluster at rest costs nothing.
type simulation struct {
	server *server
	queue  workqueue.TypedRateLimitingInterface[task]
	done   sync.WaitGroup
}

func newSimulation(s *server) *simulation {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[task](minBackoff, maxBackoff)
	sim := &simulation{server: s, queue: workqueue.NewTypedRateLimitingQueue(limiter)}
	for range simulators {
		sim.done.Go(func() {
			for sim.next() {
			}
		})
	}
	return sim
}

func (s *simulation) stop() {
	s.queue.ShutDown()
	s.done.Wait()
}

func (s *simulation) next() bool {
	t, stopped := s.queue.Get()
	if stopped {
		return false
	}
	defer s.queue.Done(t)
	after, err := s.do(t)
	if err != nil && !apierrors.IsNotFound(err) {
		klog.V(2).ErrorS(err, "Simulated controller failed, will try again", "cluster", t.cluster.Name, "resource", t.resource, "name", t.name)
		s.queue.AddRateLimited(t)
		return true
	}
	s.queue.Forget(t)
	if after > 0 {
		s.queue.AddAfter(t, after)
	}
	return true
}

// do works on a task. It returns after how long to look again; 0 is not.
func (s *simulation) do(t task) (time.Duration, error) {
	ctx := t.cluster.inside(t.namespace)
	switch t.chore {
	case rollOut:
		return s.rollOut(ctx, t)
	case expose:
		return s.expose(ctx, t)
	case route:
		return s.route(ctx, t)
	case reselect:
		return 0, s.reselect(t)
	case empty:
		return 0, s.empty(ctx, t)
	case release:
		return 0, s.release(ctx, t)
	default:
		return 0, s.collect(ctx, t)
	}
}

// observe takes up what a change calls for. It is called while the cluster's space is locked.
func (s *simulation) observe(c *Cluster, w memory.Write) {
	obj := w.New
	if obj == nil {
		obj = w.Old
	}
	m, err := meta.Accessor(obj)
	if err != nil {
		return // all that is stored has metadata
	}
	add := func(does chore, name string) {
		s.queue.Add(task{cluster: c, chore: does, resource: w.Resource, namespace: m.GetNamespace(), name: name})
	}
	if w.New == nil {
		add(collect, string(m.GetUID()))
		if ns := m.GetNamespace(); ns != "" { // it may have been the last in one that is being deleted
			s.queue.Add(task{cluster: c, chore: empty, resource: "namespaces", name: ns})
		}
	} else if !m.GetDeletionTimestamp().IsZero() {
		if slices.ContainsFunc(m.GetFinalizers(), isCollectors) {
			add(release, m.GetName())
		}
		if w.Resource == "namespaces" {
			add(empty, m.GetName())
		}
	}
	switch w.Resource {
	case "deployments":
		if d, ok := w.New.(*appsv1.Deployment); ok && d.Status.ObservedGeneration != d.Generation {
			add(rollOut, m.GetName())
		}
		if endpointsChanged(w) {
			add(reselect, m.GetName())
		}
	case "services":
		if w.New != nil {
			add(expose, m.GetName())
		}
	case "ingresses":
		if w.New != nil {
			add(route, m.GetName())
		}
	}
}

// endpointsChanged says whether a change of a Deployment changes what is behind Services.
func endpointsChanged(w memory.Write) bool {
	if w.Old == nil || w.New == nil {
		return true
	}
	was, is := w.Old.(*appsv1.Deployment), w.New.(*appsv1.Deployment)
	return was.Status.ReadyReplicas != is.Status.ReadyReplicas || !apiequality.Semantic.DeepEqual(was.Spec.Template.Labels, is.Spec.Template.Labels)
}

// create creates an object as a controller of the cluster.
func (c *Cluster) create(ctx context.Context, store rest.Creater, obj runtime.Object) error {
	_, err := store.Create(ctx, obj, rest.ValidateAllObjectFunc, &metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// update changes an object as a controller of the cluster: nobody becomes the owner of the fields.
func update[T runtime.Object](ctx context.Context, store *registry.REST, name string, change func(T)) error {
	key, err := store.KeyFunc(ctx, name)
	if err != nil {
		return err
	}
	err = store.Storage.GuaranteedUpdate(ctx, key, store.New(), false, nil, storage.SimpleUpdate(func(obj runtime.Object) (runtime.Object, error) {
		change(obj.(T))
		return obj, nil
	}), false, nil)
	if storage.IsNotFound(err) {
		return nil
	}
	return err
}

// remove deletes an object as a controller of the cluster.
func remove(ctx context.Context, store rest.GracefulDeleter, name string, uid *metav1.Preconditions) error {
	_, _, err := store.Delete(ctx, name, rest.ValidateAllObjectFunc, &metav1.DeleteOptions{Preconditions: uid})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
