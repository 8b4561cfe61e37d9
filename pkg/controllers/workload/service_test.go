// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestAddressesAreGathered(t *testing.T) {
	clusters := []v1alpha1.ClusterPlacementStatus{
		{Name: "east", Addresses: []v1alpha1.Address{{IP: "10.0.0.1", Ports: []corev1.PortStatus{{Port: 80, Protocol: "TCP"}}}}},
		{Name: "eu"},
		{Name: "west", Addresses: []v1alpha1.Address{{Hostname: "west.example.com"}}},
	}
	reports := Reports{Placement: &v1alpha1.PlacementSpec{}, Clusters: clusters, Now: now}
	service := &corev1.Service{Status: corev1.ServiceStatus{Conditions: []metav1.Condition{{Type: "Mine"}}}}
	Service.Sum(service, reports)
	want := corev1.ServiceStatus{
		Conditions: []metav1.Condition{{Type: "Mine"}},
		LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{
			{IP: "10.0.0.1", Ports: []corev1.PortStatus{{Port: 80, Protocol: "TCP"}}}, {Hostname: "west.example.com"},
		}},
	}
	if diff := cmp.Diff(want, service.Status); diff != "" {
		t.Errorf("Service (-want +got):\n%s", diff)
	}
	wantIngress := networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{
		{IP: "10.0.0.1", Ports: []networkingv1.IngressPortStatus{{Port: 80, Protocol: "TCP"}}}, {Hostname: "west.example.com"},
	}}}
	ingress := &networkingv1.Ingress{}
	Ingress.Sum(ingress, reports)
	if diff := cmp.Diff(wantIngress, ingress.Status); diff != "" {
		t.Errorf("Ingress (-want +got):\n%s", diff)
	}
}
