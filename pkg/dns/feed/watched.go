// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"
	"sync"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	listers "drover.dev/drover/pkg/generated/listers/federation/v1alpha1"
)

// watched are the objects of a federation as they are followed.
type watched struct {
	clusters   *reflected[v1alpha1.Cluster]
	placements *reflected[v1alpha1.Placement]
	policies   *reflected[v1alpha1.TrafficPolicy]
	services   *reflected[corev1.Service]
	ingresses  *reflected[networkingv1.Ingress]

	running sync.WaitGroup
}

func newWatched(own versioned.Interface, kube kubernetes.Interface) *watched {
	ours := own.FederationV1alpha1()
	return &watched{
		clusters:   newReflected[v1alpha1.Cluster](own, ours.Clusters()),
		placements: newReflected[v1alpha1.Placement](own, ours.Placements(metav1.NamespaceAll)),
		policies:   newReflected[v1alpha1.TrafficPolicy](own, ours.TrafficPolicies(metav1.NamespaceAll)),
		services:   newReflected[corev1.Service](kube, kube.CoreV1().Services(metav1.NamespaceAll)),
		ingresses:  newReflected[networkingv1.Ingress](kube, kube.NetworkingV1().Ingresses(metav1.NamespaceAll)),
	}
}

// handlers are what is told of changes of objects, the old one first; nil where there is no old, or no new one.
type handlers struct {
	cluster   func(old, obj *v1alpha1.Cluster)
	service   func(old, obj *corev1.Service)
	ingress   func(old, obj *networkingv1.Ingress)
	placement func(old, obj *v1alpha1.Placement)
	policy    func(old, obj *v1alpha1.TrafficPolicy)
}

// tell has handlers told of all changes. It must be called before run.
func (w *watched) tell(h handlers) {
	w.clusters.changed, w.placements.changed, w.policies.changed = h.cluster, h.placement, h.policy
	w.services.changed, w.ingresses.changed = h.service, h.ingress
}

// run follows the federation, and waits until all there is was seen; false if the context ended before.
func (w *watched) run(ctx context.Context) bool {
	all := []interface {
		run(ctx context.Context)
		hasSynced() <-chan struct{}
	}{w.clusters, w.placements, w.policies, w.services, w.ingresses}
	for _, each := range all {
		w.running.Go(func() { each.run(ctx) })
	}
	for _, each := range all {
		select {
		case <-ctx.Done():
			return false
		case <-each.hasSynced():
		}
	}
	return true
}

// shutdown waits until nothing is followed any more; the context of run must have ended.
func (w *watched) shutdown() { w.running.Wait() }

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
	list, _ := listers.NewClusterLister(w.clusters).List(labels.Everything())
	return list
}

func (w *watched) Services(namespace string) []*corev1.Service {
	list, _ := corelisters.NewServiceLister(w.services).Services(namespace).List(labels.Everything())
	return list
}

func (w *watched) Ingresses(namespace string) []*networkingv1.Ingress {
	list, _ := networkinglisters.NewIngressLister(w.ingresses).Ingresses(namespace).List(labels.Everything())
	return list
}

func (w *watched) Service(namespace, name string) *corev1.Service {
	service, _ := corelisters.NewServiceLister(w.services).Services(namespace).Get(name)
	return service
}

func (w *watched) Ingress(namespace, name string) *networkingv1.Ingress {
	ingress, _ := networkinglisters.NewIngressLister(w.ingresses).Ingresses(namespace).Get(name)
	return ingress
}

func (w *watched) Placement(namespace, name string) *v1alpha1.Placement {
	placement, _ := listers.NewPlacementLister(w.placements).Placements(namespace).Get(name)
	return placement
}

func (w *watched) TrafficPolicies(namespace string) []*v1alpha1.TrafficPolicy {
	list, _ := listers.NewTrafficPolicyLister(w.policies).TrafficPolicies(namespace).List(labels.Everything())
	return list
}
