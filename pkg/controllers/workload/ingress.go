// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/members"
)

// Ingress goes where the Services are that it sends requests to.
var Ingress = &Kind{
	GroupVersionKind: networkingv1.SchemeGroupVersion.WithKind("Ingress"),
	Resource:         members.Ingresses,
	Behind: func(obj runtime.Object, kind *Kind, other runtime.Object) bool {
		s, ok := other.(*corev1.Service)
		return ok && Backends(obj.(*networkingv1.Ingress)).Has(s.Name)
	},
	Wants: kind.Of(func(i *networkingv1.Ingress) (terms []string) {
		for name := range Backends(i) {
			terms = append(terms, nameTerm(Service.Kind, name))
		}
		return terms
	}),
	Everywhere: kind.Of(func(i *networkingv1.Ingress) bool { return Backends(i).Len() == 0 }),
	Report:     reportBy(reportIngress),
	Serves:     Service.Serves,
	Sum:        sumBy(sumIngress),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*networkingv1.Ingress] {
		return kube.NetworkingV1().Ingresses(namespace)
	}),
}

// Backends are the names of the Services that an Ingress sends requests to.
func Backends(i *networkingv1.Ingress) sets.Set[string] {
	out := sets.New[string]()
	add := func(b *networkingv1.IngressBackend) {
		if b != nil && b.Service != nil {
			out.Insert(b.Service.Name)
		}
	}
	add(i.Spec.DefaultBackend)
	for _, rule := range i.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for n := range rule.HTTP.Paths {
			add(&rule.HTTP.Paths[n].Backend)
		}
	}
	return out
}

func reportIngress(i *networkingv1.Ingress, into *v1alpha1.ClusterPlacementStatus) {
	for _, in := range i.Status.LoadBalancer.Ingress {
		a := v1alpha1.Address{IP: in.IP, Hostname: in.Hostname}
		for _, p := range in.Ports {
			a.Ports = append(a.Ports, corev1.PortStatus{Port: p.Port, Protocol: p.Protocol, Error: p.Error})
		}
		into.Addresses = append(into.Addresses, a)
	}
}

// sumIngress gathers the load balancers of all clusters.
func sumIngress(i *networkingv1.Ingress, r Reports) {
	i.Status.LoadBalancer.Ingress = nil
	for _, c := range r.Clusters {
		for _, a := range c.Addresses {
			in := networkingv1.IngressLoadBalancerIngress{IP: a.IP, Hostname: a.Hostname}
			for _, p := range a.Ports {
				in.Ports = append(in.Ports, networkingv1.IngressPortStatus{Port: p.Port, Protocol: p.Protocol, Error: p.Error})
			}
			i.Status.LoadBalancer.Ingress = append(i.Status.LoadBalancer.Ingress, in)
		}
	}
}
