// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/dns/snapshot"
)

// Objects finds the objects of a federation. What is not there is nil.
type Objects interface {
	Clusters() []*v1alpha1.Cluster
	// Services and Ingresses are those of a namespace; without one, all.
	Services(namespace string) []*corev1.Service
	Ingresses(namespace string) []*networkingv1.Ingress
	Service(namespace, name string) *corev1.Service
	Ingress(namespace, name string) *networkingv1.Ingress
	Placement(namespace, name string) *v1alpha1.Placement
	TrafficPolicies(namespace string) []*v1alpha1.TrafficPolicy
}

// clustersOf are the clusters of a federation as in a snapshot, complete.
func clustersOf(objects Objects) []snapshot.Cluster {
	var out []snapshot.Cluster
	for _, c := range objects.Clusters() {
		cluster := Cluster(c)
		cluster.Complete()
		out = append(out, cluster)
	}
	return out
}

// keysOf are those of all services that there may be.
func keysOf(objects Objects) []snapshot.Key {
	var keys []snapshot.Key
	for _, s := range objects.Services(metav1.NamespaceAll) {
		keys = append(keys, snapshot.Key{Namespace: s.Namespace, Name: s.Name})
	}
	for _, i := range objects.Ingresses(metav1.NamespaceAll) {
		keys = append(keys, snapshot.Key{Namespace: i.Namespace, Name: i.Name, Hosts: true})
	}
	return keys
}

// serviceOf is a service as in a snapshot, with the health that is reported; false if there is none. It has no backends
// in clusters that are not known.
func serviceOf(objects Objects, key snapshot.Key, clusters sets.Set[string]) (s snapshot.Service, ok bool) {
	policies := objects.TrafficPolicies(key.Namespace)
	placement := func(kind, name string) *v1alpha1.Placement {
		return objects.Placement(key.Namespace, v1alpha1.PlacementName(kind, name))
	}
	if key.Hosts {
		ingress := objects.Ingress(key.Namespace, key.Name)
		if ingress == nil {
			return s, false
		}
		s, ok = Ingress(ingress, placement(ingressKind, key.Name), policies, func(service string) *v1alpha1.Placement {
			return placement(serviceKind, service)
		})
	} else {
		service := objects.Service(key.Namespace, key.Name)
		if service == nil {
			return s, false
		}
		s, ok = Service(service, placement(serviceKind, key.Name), policies), true
	}
	s.Backends = slices.DeleteFunc(s.Backends, func(b snapshot.Backend) bool { return !clusters.Has(b.Cluster) })
	if s.Move != nil && !clusters.HasAll(slices.Concat(s.Move.From, s.Move.To)...) {
		s.Move = nil
	}
	return s, ok
}

// namesOf are the names of clusters.
func namesOf(clusters []snapshot.Cluster) sets.Set[string] {
	names := sets.New[string]()
	for i := range clusters {
		names.Insert(clusters[i].Name)
	}
	return names
}
