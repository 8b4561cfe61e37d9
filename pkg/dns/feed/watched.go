// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	kubeinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/generated/informers/externalversions"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
)

// watched are the objects of a federation as informers see them.
type watched struct {
	own    externalversions.SharedInformerFactory
	native kubeinformers.SharedInformerFactory

	services   corelisters.ServiceLister
	ingresses  networkinglisters.IngressLister
	placements listers.PlacementLister
	policies   listers.TrafficPolicyLister
	clusters   listers.ClusterLister
	synced     []cache.InformerSynced
}

func newWatched(own versioned.Interface, kube kubernetes.Interface) *watched {
	w := &watched{
		own:    externalversions.NewSharedInformerFactoryWithOptions(own, 0, externalversions.WithTransform(trim)),
		native: kubeinformers.NewSharedInformerFactoryWithOptions(kube, 0, kubeinformers.WithTransform(trim)),
	}
	ours := w.own.Federation().V1alpha1()
	w.services, w.ingresses = w.native.Core().V1().Services().Lister(), w.native.Networking().V1().Ingresses().Lister()
	w.placements, w.policies, w.clusters = ours.Placements().Lister(), ours.TrafficPolicies().Lister(), ours.Clusters().Lister()
	return w
}

// handlers are what is told of changes of objects, the old one first; nil where there is no old, or no new one.
type handlers struct {
	cluster   func(old, obj *v1alpha1.Cluster)
	service   func(old, obj *corev1.Service)
	ingress   func(old, obj *networkingv1.Ingress)
	placement func(old, obj *v1alpha1.Placement)
	policy    func(old, obj *v1alpha1.TrafficPolicy)
}

// tell has handlers told of all changes.
func (w *watched) tell(h handlers) error {
	ours := w.own.Federation().V1alpha1()
	for _, each := range []struct {
		informer cache.SharedIndexInformer
		handler  cache.ResourceEventHandler
	}{
		{ours.Clusters().Informer(), handler(h.cluster)},
		{ours.Placements().Informer(), handler(h.placement)},
		{ours.TrafficPolicies().Informer(), handler(h.policy)},
		{w.native.Core().V1().Services().Informer(), handler(h.service)},
		{w.native.Networking().V1().Ingresses().Informer(), handler(h.ingress)},
	} {
		registration, err := each.informer.AddEventHandler(each.handler)
		if err != nil {
			return err
		}
		w.synced = append(w.synced, registration.HasSynced)
	}
	return nil
}

func handler[T any](changed func(old, obj *T)) cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(obj any) { changed(nil, obj.(*T)) },
		UpdateFunc: func(old, obj any) { changed(old.(*T), obj.(*T)) },
		DeleteFunc: func(obj any) {
			if unknown, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = unknown.Obj
			}
			changed(obj.(*T), nil)
		},
	}
}

// run starts the informers, and waits until they have seen all there is; false if the context ended before.
func (w *watched) run(ctx context.Context) bool {
	w.own.StartWithContext(ctx)
	w.native.StartWithContext(ctx)
	return cache.WaitForCacheSync(ctx.Done(), w.synced...)
}

func (w *watched) shutdown() {
	w.own.Shutdown()
	w.native.Shutdown()
}

// trim leaves out what is large and not needed: of Placements of other kinds that is nearly all.
func trim(obj any) (any, error) {
	if object, err := meta.Accessor(obj); err == nil {
		object.SetManagedFields(nil)
		object.SetAnnotations(nil)
	}
	if p, ok := obj.(*v1alpha1.Placement); ok && p.Spec.Workload.Kind != serviceKind && p.Spec.Workload.Kind != ingressKind {
		p.Spec = v1alpha1.PlacementSpec{Workload: p.Spec.Workload}
		p.Status = v1alpha1.PlacementStatus{}
	}
	return obj, nil
}

// A lister of a cache has one error, that something is not there.

func (w *watched) Clusters() []*v1alpha1.Cluster {
	list, _ := w.clusters.List(labels.Everything())
	return list
}

func (w *watched) Services(namespace string) []*corev1.Service {
	list, _ := w.services.Services(namespace).List(labels.Everything())
	return list
}

func (w *watched) Ingresses(namespace string) []*networkingv1.Ingress {
	list, _ := w.ingresses.Ingresses(namespace).List(labels.Everything())
	return list
}

func (w *watched) Service(namespace, name string) *corev1.Service {
	service, _ := w.services.Services(namespace).Get(name)
	return service
}

func (w *watched) Ingress(namespace, name string) *networkingv1.Ingress {
	ingress, _ := w.ingresses.Ingresses(namespace).Get(name)
	return ingress
}

func (w *watched) Placement(namespace, name string) *v1alpha1.Placement {
	placement, _ := w.placements.Placements(namespace).Get(name)
	return placement
}

func (w *watched) TrafficPolicies(namespace string) []*v1alpha1.TrafficPolicy {
	list, _ := w.policies.TrafficPolicies(namespace).List(labels.Everything())
	return list
}
