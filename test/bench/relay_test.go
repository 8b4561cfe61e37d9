//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

// relay is the second bound: the least that goes from a federation to clusters. It watches the Deployments of a federation
// that has no controllers, and writes each as it is to every cluster. It decides nothing, and looks at nothing there.
type relay struct {
	federated
	clusters []*cluster
	informer cache.SharedIndexInformer
}

// newRelay makes a relay, and has it work until the context ends.
func newRelay(ctx context.Context, kube kubernetes.Interface, clusters []*cluster) (*relay, error) {
	r := &relay{
		federated: federated{deployments: kube.AppsV1().Deployments(metav1.NamespaceDefault), shares: 1},
		clusters:  clusters, informer: deploymentInformer(kube, systemLabel),
	}
	for _, c := range clusters {
		l := &link{to: c, from: r.informer.GetStore(), queue: newQueue(), written: map[string]int32{}}
		if err := enqueueChanges(r.informer, l.queue); err != nil {
			return nil, err
		}
		work(ctx, l.queue, l.bring)
	}
	return r, run(ctx, r.informer)
}

func (r *relay) name() string { return "relay" }

func (r *relay) change(ctx context.Context, names []string) error {
	return parallel(ctx, len(names), func(ctx context.Context, i int) error {
		return setReplicas(ctx, r.deployments, names[i], 2*replicas)
	})
}

// remove first takes off the finalizer that Drover's API server gives every workload: there is no controller to do it.
func (r *relay) remove(ctx context.Context, names []string) error {
	if err := parallel(ctx, len(names), func(ctx context.Context, i int) error {
		_, err := r.deployments.Patch(ctx, names[i], types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
		return err
	}); err != nil {
		return err
	}
	return r.federated.remove(ctx, names)
}

// link leads from the federation to one cluster.
type link struct {
	to    *cluster
	from  cache.Store
	queue queue

	mu      sync.Mutex
	written map[string]int32 // replicas, by name
}

// bring makes the cluster's Deployment of a name what the federation's is.
func (l *link) bring(ctx context.Context, name string) error {
	client := l.to.client.AppsV1().Deployments(metav1.NamespaceDefault)
	obj, exists, err := l.from.GetByKey(metav1.NamespaceDefault + "/" + name)
	if err != nil {
		return err
	}
	l.mu.Lock()
	written, known := l.written[name]
	l.mu.Unlock()
	if !exists {
		if err := client.Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.written, name)
		return nil
	}
	d := obj.(*appsv1.Deployment)
	wanted := *d.Spec.Replicas
	if known && written == wanted {
		return nil
	}
	if known {
		err = setReplicas(ctx, client, name, wanted)
	} else if _, err = client.Create(ctx, plain(d), metav1.CreateOptions{}); apierrors.IsAlreadyExists(err) {
		err = setReplicas(ctx, client, name, wanted) // an answer was lost
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written[name] = wanted
	return nil
}

// plain is a Deployment without what the federation's API server wrote into it.
func plain(d *appsv1.Deployment) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: d.Name, Labels: d.Labels}, Spec: d.Spec}
}

// queue holds names of Deployments.
type queue workqueue.TypedRateLimitingInterface[string]

func newQueue() queue {
	return workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](retryInterval, retryInterval))
}

// enqueueChanges puts the name of every Deployment that changes into a queue.
func enqueueChanges(informer cache.SharedIndexInformer, q queue) error {
	enqueue := func(obj any) {
		if name, err := cache.DeletionHandlingObjectToName(obj); err == nil {
			q.Add(name.Name)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: enqueue, UpdateFunc: func(_, obj any) { enqueue(obj) }, DeleteFunc: enqueue,
	})
	return err
}

// work has a queue worked off until the context ends. What fails is tried again.
func work(ctx context.Context, q queue, do func(ctx context.Context, name string) error) {
	context.AfterFunc(ctx, q.ShutDown)
	next := func() bool {
		name, over := q.Get()
		if over {
			return false
		}
		defer q.Done(name)
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		if err := do(ctx, name); err != nil {
			q.AddRateLimited(name)
		}
		return true
	}
	for range workers {
		go func() {
			for next() {
			}
		}()
	}
}
