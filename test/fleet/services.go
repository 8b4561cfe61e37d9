// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"sync/atomic"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

// endpointsPerSlice is the most endpoints of one EndpointSlice, as in Kubernetes.
const endpointsPerSlice = 100

// balancer gives addresses to Services and Ingresses of one cluster, out of 100.64.0.0/10: 1024 to each cluster.
type balancer struct {
	cluster int
	given   atomic.Uint32
}

func (b *balancer) next() string {
	n := uint32(b.cluster)<<10 | b.given.Add(1)&(1<<10-1)
	return netip.AddrFrom4([4]byte{100, 64 | byte(n>>16), byte(n >> 8), byte(n)}).String()
}

// pending says how long something made at a time waits for its address still.
func (c *Cluster) pending(made metav1.Time) time.Duration {
	return max(0, time.Until(made.Add(c.fleet.options.ReadyDelay)))
}

// expose gives a Service of type LoadBalancer an address, and keeps the EndpointSlices of any Service.
func (s *simulation) expose(ctx context.Context, t task) (time.Duration, error) {
	service, ok := t.cluster.space.Get("services", t.namespace, t.name).(*corev1.Service)
	if !ok || !service.DeletionTimestamp.IsZero() {
		return 0, nil
	}
	if err := s.keepSlices(ctx, t.cluster, service); err != nil {
		return 0, err
	}
	balanced := service.Spec.Type == corev1.ServiceTypeLoadBalancer
	if balanced == (len(service.Status.LoadBalancer.Ingress) > 0) {
		return 0, nil
	}
	if after := t.cluster.pending(service.CreationTimestamp); balanced && after > 0 {
		return after, nil
	}
	return 0, update(ctx, s.server.stores["services"], t.name, func(service *corev1.Service) {
		service.Status.LoadBalancer.Ingress = nil
		if balanced {
			service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: t.cluster.balancer.next()}}
		}
	})
}

// route gives an Ingress an address.
func (s *simulation) route(ctx context.Context, t task) (time.Duration, error) {
	ingress, ok := t.cluster.space.Get("ingresses", t.namespace, t.name).(*networkingv1.Ingress)
	if !ok || len(ingress.Status.LoadBalancer.Ingress) > 0 {
		return 0, nil
	}
	if after := t.cluster.pending(ingress.CreationTimestamp); after > 0 {
		return after, nil
	}
	return 0, update(ctx, s.server.stores["ingresses"], t.name, func(ingress *networkingv1.Ingress) {
		ingress.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: t.cluster.balancer.next()}}
	})
}

// reselect has the Services looked at that select a Deployment; where it is gone, all in its namespace.
func (s *simulation) reselect(t task) error {
	d, there := t.cluster.space.Get("deployments", t.namespace, t.name).(*appsv1.Deployment)
	for _, obj := range t.cluster.space.List("services", inNamespace(t.namespace)) {
		service := obj.(*corev1.Service)
		if !there || selects(service, d) {
			s.queue.Add(task{cluster: t.cluster, chore: expose, resource: "services", namespace: t.namespace, name: service.Name})
		}
	}
	return nil
}

func inNamespace(name string) func(runtime.Object) bool {
	return func(obj runtime.Object) bool { return obj.(metav1.Object).GetNamespace() == name }
}

func selects(service *corev1.Service, d *appsv1.Deployment) bool {
	return len(service.Spec.Selector) > 0 && labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels))
}

// keepSlices makes the EndpointSlices of a Service what they should be.
func (s *simulation) keepSlices(ctx context.Context, c *Cluster, service *corev1.Service) error {
	ready := 0
	for _, obj := range c.space.List("deployments", inNamespace(service.Namespace)) {
		if d := obj.(*appsv1.Deployment); selects(service, d) {
			ready += int(d.Status.ReadyReplicas)
		}
	}
	store, wanted := s.server.stores["endpointslices"], slicesOf(service, ready)
	for _, want := range wanted {
		if c.space.Get("endpointslices", want.Namespace, want.Name) == nil {
			if err := c.create(ctx, store, want); err != nil {
				return err
			}
			continue
		}
		err := update(ctx, store, want.Name, func(is *discoveryv1.EndpointSlice) {
			if !apiequality.Semantic.DeepEqual(is.Endpoints, want.Endpoints) || !maps.Equal(is.Labels, want.Labels) {
				is.Generation++
			}
			is.Labels, is.Endpoints, is.Ports = want.Labels, want.Endpoints, want.Ports
		})
		if err != nil {
			return err
		}
	}
	for i := len(wanted); c.space.Get("endpointslices", service.Namespace, sliceName(service, i)) != nil; i++ {
		if err := remove(ctx, store, sliceName(service, i), nil); err != nil {
			return err
		}
	}
	return nil
}

func sliceName(service *corev1.Service, i int) string { return fmt.Sprintf("%s-%d", service.Name, i) }

// slicesOf are the EndpointSlices of a Service with so many ready endpoints. A Service without a selector has none.
func slicesOf(service *corev1.Service, ready int) []*discoveryv1.EndpointSlice {
	if len(service.Spec.Selector) == 0 {
		return nil
	}
	out := []*discoveryv1.EndpointSlice{}
	for i := 0; i == 0 || i*endpointsPerSlice < ready; i++ {
		slice := &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: service.Namespace, Name: sliceName(service, i), Labels: maps.Clone(service.Labels),
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(service, corev1.SchemeGroupVersion.WithKind("Service"))},
			},
			AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{},
		}
		metav1.SetMetaDataLabel(&slice.ObjectMeta, discoveryv1.LabelServiceName, service.Name)
		metav1.SetMetaDataLabel(&slice.ObjectMeta, discoveryv1.LabelManagedBy, "endpointslice-controller.k8s.io")
		for _, p := range service.Spec.Ports {
			slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: ptr.To(p.Name), Port: ptr.To(p.TargetPort.IntVal), Protocol: ptr.To(p.Protocol)})
		}
		for n := i * endpointsPerSlice; n < min(ready, (i+1)*endpointsPerSlice); n++ {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses:  []string{netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}).String()},
				Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true), Serving: ptr.To(true), Terminating: ptr.To(false)},
			})
		}
		out = append(out, slice)
	}
	return out
}
