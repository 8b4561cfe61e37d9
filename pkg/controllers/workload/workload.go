// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package workload names the federated objects that have a Placement, and finds them and what belongs to them.
package workload

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// Kinds that have a Placement.
var (
	Deployment = appsv1.SchemeGroupVersion.WithKind("Deployment")
	Service    = corev1.SchemeGroupVersion.WithKind("Service")
	Ingress    = networkingv1.SchemeGroupVersion.WithKind("Ingress")
)

var resources = map[schema.GroupVersionKind]schema.GroupVersionResource{
	Deployment: members.Deployments,
	Service:    members.Services,
	Ingress:    members.Ingresses,
}

// Key names a workload.
type Key struct {
	Kind            schema.GroupVersionKind
	Namespace, Name string
}

// String is the key as people write it, e.g. "deployment/default/web".
func (k Key) String() string {
	return strings.ToLower(k.Kind.Kind) + "/" + k.Namespace + "/" + k.Name
}

// Resource is where the workload is found in a member.
func (k Key) Resource() schema.GroupVersionResource { return resources[k.Kind] }

// PlacementName is the name of the workload's Placement.
func (k Key) PlacementName() string { return v1alpha1.PlacementName(k.Kind.Kind, k.Name) }

// KeyFor names an object of a kind that has Placements.
func KeyFor(kind schema.GroupVersionKind, obj metav1.Object) Key {
	return Key{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}
}

// KeyOf names the workload that a Placement is of; false if it is of a kind unknown here.
func KeyOf(p *v1alpha1.Placement) (Key, bool) {
	kind := schema.FromAPIVersionAndKind(p.Spec.Workload.APIVersion, p.Spec.Workload.Kind)
	_, known := resources[kind]
	return Key{Kind: kind, Namespace: p.Namespace, Name: p.Spec.Workload.Name}, known
}

// KeyIn names the workload of a resource in a member; false if that resource has no Placements.
func KeyIn(resource schema.GroupVersionResource, obj metav1.Object) (Key, bool) {
	for kind, r := range resources {
		if r == resource {
			return Key{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}, true
		}
	}
	return Key{}, false
}

// Object is what every workload is.
type Object interface {
	runtime.Object
	metav1.Object
}

// Listers find workloads as last seen in the federation.
type Listers struct {
	Deployments appslisters.DeploymentLister
	Services    corelisters.ServiceLister
	Ingresses   networkinglisters.IngressLister

	informers map[schema.GroupVersionKind]cache.SharedIndexInformer
}

// NewListers makes the listers of the workloads.
func NewListers(native informers.SharedInformerFactory) *Listers {
	deployments, services, ingresses := native.Apps().V1().Deployments(), native.Core().V1().Services(), native.Networking().V1().Ingresses()
	return &Listers{
		Deployments: deployments.Lister(), Services: services.Lister(), Ingresses: ingresses.Lister(),
		informers: map[schema.GroupVersionKind]cache.SharedIndexInformer{
			Deployment: deployments.Informer(), Service: services.Informer(), Ingress: ingresses.Informer(),
		},
	}
}

// HasSynced are the informers behind the listers.
func (l *Listers) HasSynced() []cache.InformerSynced {
	var out []cache.InformerSynced
	for _, informer := range l.informers {
		out = append(out, informer.HasSynced)
	}
	return out
}

// Watch calls a function for every change of a workload, with the old object where there is one and the new one where
// there is one: (nil, new) when it is added, (old, nil) when it is deleted.
func (l *Listers) Watch(changed func(key Key, old, obj Object)) error {
	for kind, informer := range l.informers {
		call := func(old, obj any) {
			if gone, ok := old.(cache.DeletedFinalStateUnknown); ok {
				old = gone.Obj
			}
			was, _ := old.(Object)
			is, _ := obj.(Object)
			named := is
			if named == nil {
				named = was
			}
			if named != nil {
				changed(Key{Kind: kind, Namespace: named.GetNamespace(), Name: named.GetName()}, was, is)
			}
		}
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(obj any) { call(nil, obj) }, UpdateFunc: call, DeleteFunc: func(obj any) { call(obj, nil) },
		}); err != nil {
			return err
		}
	}
	return nil
}

// Each calls a function with the key of every workload.
func (l *Listers) Each(call func(Key)) {
	for kind, informer := range l.informers {
		for _, item := range informer.GetStore().List() {
			obj := item.(Object)
			call(Key{Kind: kind, Namespace: obj.GetNamespace(), Name: obj.GetName()})
		}
	}
}

// Get finds a workload; nil if there is none. It must not be changed.
func (l *Listers) Get(key Key) (Object, error) {
	informer := l.informers[key.Kind]
	if informer == nil {
		return nil, fmt.Errorf("kind %s has no placements", key.Kind)
	}
	obj, ok, err := informer.GetStore().GetByKey(cache.NewObjectName(key.Namespace, key.Name).String())
	if err != nil || !ok {
		return nil, err
	}
	return obj.(Object), nil
}

// ServicesOf finds the Services of a namespace that select a Deployment's pods.
func (l *Listers) ServicesOf(d *appsv1.Deployment) []*corev1.Service {
	return find(l.Services.Services(d.Namespace), func(s *corev1.Service) bool { return selects(s, d) })
}

// DeploymentsOf finds the Deployments whose pods a Service selects.
func (l *Listers) DeploymentsOf(s *corev1.Service) []*appsv1.Deployment {
	if len(s.Spec.Selector) == 0 {
		return nil
	}
	return find(l.Deployments.Deployments(s.Namespace), func(d *appsv1.Deployment) bool { return selects(s, d) })
}

// IngressesOf finds the Ingresses that send requests to a Service.
func (l *Listers) IngressesOf(namespace, service string) []*networkingv1.Ingress {
	return find(l.Ingresses.Ingresses(namespace), func(i *networkingv1.Ingress) bool { return Backends(i).Has(service) })
}

func selects(s *corev1.Service, d *appsv1.Deployment) bool {
	return len(s.Spec.Selector) > 0 && labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels))
}

func find[T any](lister interface {
	List(labels.Selector) ([]T, error)
}, matches func(T) bool,
) []T {
	all, err := lister.List(labels.Everything())
	if err != nil {
		return nil // a lister on a cache does not fail
	}
	var out []T
	for _, item := range all {
		if matches(item) {
			out = append(out, item)
		}
	}
	return out
}

// IgnoreNotFound is nil for an error that says that something is not there.
func IgnoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
