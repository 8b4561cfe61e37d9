// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package feed

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/dns/routing"
	"drover.dev/drover/pkg/dns/snapshot"
	"drover.dev/drover/pkg/generated/clientset/versioned"
)

// Snapshot is the picture of a federation at a time, of its objects alone: what a name server knows of who has yet to
// prove himself after a failure is not in it.
func Snapshot(objects Objects, zones []snapshot.Zone, at time.Time) (*snapshot.Snapshot, error) {
	clusters := clustersOf(objects)
	s := &snapshot.Snapshot{Version: at.Unix(), Time: takenAt(clusters, at), Zones: zones, Clusters: clusters}
	names := namesOf(clusters)
	for _, key := range keysOf(objects) {
		if service, ok := serviceOf(objects, key, names); ok {
			settle(&service, nil, s.Time, routing.DefaultDamping)
			s.Services = append(s.Services, service)
		}
	}
	s.Complete()
	return s, s.Validate()
}

// Listed are the objects of a federation, or of one of its namespaces, as they were at one time.
type Listed struct {
	clusters   []v1alpha1.Cluster
	services   []corev1.Service
	ingresses  []networkingv1.Ingress
	placements []v1alpha1.Placement
	policies   []v1alpha1.TrafficPolicy
}

// List lists the objects of a namespace; without one, all.
func List(ctx context.Context, own versioned.Interface, kube kubernetes.Interface, namespace string) (*Listed, error) {
	options := metav1.ListOptions{}
	ours := own.FederationV1alpha1()
	clusters, err := ours.Clusters().List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("list clusters: %w", err)
	}
	services, err := kube.CoreV1().Services(namespace).List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("list services: %w", err)
	}
	ingresses, err := kube.NetworkingV1().Ingresses(namespace).List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("list ingresses: %w", err)
	}
	placements, err := ours.Placements(namespace).List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("list placements: %w", err)
	}
	policies, err := ours.TrafficPolicies(namespace).List(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("list trafficpolicies: %w", err)
	}
	return &Listed{clusters.Items, services.Items, ingresses.Items, placements.Items, policies.Items}, nil
}

// Clusters are all that are joined.
func (l *Listed) Clusters() []*v1alpha1.Cluster { return in(l.clusters, "") }

// Services are those of a namespace; without one, all.
func (l *Listed) Services(namespace string) []*corev1.Service { return in(l.services, namespace) }

// Ingresses are those of a namespace; without one, all.
func (l *Listed) Ingresses(namespace string) []*networkingv1.Ingress {
	return in(l.ingresses, namespace)
}

// Service is one of them; nil if it is not there.
func (l *Listed) Service(namespace, name string) *corev1.Service {
	return one(l.services, namespace, name)
}

// Ingress is one of them; nil if it is not there.
func (l *Listed) Ingress(namespace, name string) *networkingv1.Ingress {
	return one(l.ingresses, namespace, name)
}

// Placement is one of them; nil if it is not there.
func (l *Listed) Placement(namespace, name string) *v1alpha1.Placement {
	return one(l.placements, namespace, name)
}

// TrafficPolicies are those of a namespace.
func (l *Listed) TrafficPolicies(namespace string) []*v1alpha1.TrafficPolicy {
	return in(l.policies, namespace)
}

// object is a pointer to a T that has metadata.
type object[T any] interface {
	*T
	metav1.Object
}

func in[T any, P object[T]](list []T, namespace string) (out []P) {
	for i := range list {
		if p := P(&list[i]); namespace == "" || p.GetNamespace() == namespace {
			out = append(out, p)
		}
	}
	return out
}

func one[T any, P object[T]](list []T, namespace, name string) P {
	for _, p := range in[T, P](list, namespace) {
		if p.GetName() == name {
			return p
		}
	}
	return nil
}
