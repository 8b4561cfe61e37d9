// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/members"
)

// Service goes where the workloads run whose pods it selects.
var Service = &Kind{
	GroupVersionKind: corev1.SchemeGroupVersion.WithKind("Service"),
	Resource:         members.Services,
	Behind: func(obj runtime.Object, kind *Kind, other runtime.Object) bool {
		selector := obj.(*corev1.Service).Spec.Selector
		return len(selector) > 0 && makesPods(kind, other, labels.SelectorFromSet(selector))
	},
	Wants:      kind.Of(func(s *corev1.Service) []string { return labelsTerm(s.Spec.Selector) }),
	Everywhere: kind.Of(func(s *corev1.Service) bool { return len(s.Spec.Selector) == 0 }),
	Localize: func(obj runtime.Object, _ *v1alpha1.PlacementSpec, _ string) {
		dropAllocated(&obj.(*corev1.Service).Spec)
	},
	Report: reportBy(func(s *corev1.Service, into *v1alpha1.ClusterPlacementStatus) {
		for _, in := range s.Status.LoadBalancer.Ingress {
			into.Addresses = append(into.Addresses, v1alpha1.Address{IP: in.IP, Hostname: in.Hostname, Ports: in.Ports})
		}
	}),
	Serves: func(c *v1alpha1.ClusterPlacementStatus) bool { return len(c.Addresses) > 0 || c.ReadyEndpoints > 0 },
	Sum: sumBy(func(s *corev1.Service, r Reports) {
		s.Status.LoadBalancer.Ingress = nil
		for _, c := range r.Clusters {
			for _, a := range c.Addresses {
				s.Status.LoadBalancer.Ingress = append(s.Status.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: a.IP, Hostname: a.Hostname, Ports: a.Ports})
			}
		}
	}),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*corev1.Service] {
		return kube.CoreV1().Services(namespace)
	}),
}

// makesPods says whether an object of a kind makes pods that are selected.
func makesPods(kind *Kind, obj runtime.Object, selected labels.Selector) bool {
	return kind.Template != nil && selected.Matches(labels.Set(kind.Template(obj).Labels))
}

// dropAllocated removes from a Service what each cluster allocates for itself.
func dropAllocated(spec *corev1.ServiceSpec) {
	if spec.ClusterIP != corev1.ClusterIPNone {
		spec.ClusterIP, spec.ClusterIPs = "", nil
	}
	spec.HealthCheckNodePort = 0
}
