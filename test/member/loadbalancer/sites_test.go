// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package loadbalancer

import (
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var address = netip.MustParseAddr("127.10.0.1")

func TestReadyPods(t *testing.T) {
	endpoint := func(pod string, ready *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{
			Addresses:  []string{"10.244.0.1"},
			Conditions: discoveryv1.EndpointConditions{Ready: ready},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Name: pod},
		}
	}
	slice := func(service string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
		return &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{Namespace: "default", Labels: map[string]string{discoveryv1.LabelServiceName: service}},
			Endpoints:  endpoints,
		}
	}
	got := ReadyPods([]*discoveryv1.EndpointSlice{
		slice("web", endpoint("web-b", new(true)), endpoint("web-c", new(false))),
		slice("web", endpoint("web-a", nil), endpoint("web-b", new(true))),
		slice("external", discoveryv1.Endpoint{Addresses: []string{"192.0.2.1"}}),
		slice("starting", endpoint("starting-a", new(false))),
		slice("", endpoint("nobody's", new(true))),
	})
	want := map[types.NamespacedName][]string{
		service("web"):      {"web-a", "web-b"},
		service("external"): {"192.0.2.1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ready pods (-want +got):\n%s", diff)
	}
}

func TestServiceSites(t *testing.T) {
	web := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web"},
		Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{
			{Port: 80}, {Port: 8443, Protocol: corev1.ProtocolTCP}, {Port: 53, Protocol: corev1.ProtocolUDP},
		}},
	}
	ready := map[types.NamespacedName][]string{service("web"): {"web-a"}}
	for _, test := range []struct {
		name    string
		address netip.Addr
		ready   map[types.NamespacedName][]string
		want    []string
	}{
		{"ready", address, ready, []string{"127.10.0.1:80", "127.10.0.1:8443"}},
		{"no ready pods", address, nil, nil},
		{"no address", netip.Addr{}, ready, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, listeners(ServiceSites(web, test.address, test.ready))); diff != "" {
				t.Errorf("listeners (-want +got):\n%s", diff)
			}
		})
	}
}

func TestIngressSites(t *testing.T) {
	ingress := ingress(rule("a.example.com", path("/", "a")), rule("b.example.com", path("/", "b")))
	for _, test := range []struct {
		name  string
		ready map[types.NamespacedName][]string
		want  []string
	}{
		{"one backend is ready", map[types.NamespacedName][]string{service("b"): {"b-1"}}, []string{"127.10.0.1:443", "127.10.0.1:80"}},
		{"no backend is ready", map[types.NamespacedName][]string{service("c"): {"c-1"}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, listeners(IngressSites(ingress, address, 80, 443, test.ready))); diff != "" {
				t.Errorf("listeners (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMatch(t *testing.T) {
	exact := path("/shop/cart", "cart")
	exact.PathType = new(networkingv1.PathTypeExact)
	object := ingress(
		rule("", path("/", "any")),
		rule("*.example.com", path("/", "wildcard")),
		rule("www.example.com", path("/", "front"), path("/shop", "shop"), path("/shop/cart", "carts"), exact),
	)
	withoutAny := ingress(rule("www.example.com", path("/", "front")))
	withoutAny.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "fallback"}}
	for _, test := range []struct {
		ingress    *networkingv1.Ingress
		host, path string
		want       string
	}{
		{object, "www.example.com", "/", "front"},
		{object, "WWW.example.com:8080", "/about", "front"},
		{object, "www.example.com", "/shop", "shop"},
		{object, "www.example.com", "/shop/", "shop"},
		{object, "www.example.com", "/shopping", "front"},
		{object, "www.example.com", "/shop/cart", "cart"},
		{object, "www.example.com", "/shop/cart/3", "carts"},
		{object, "api.example.com", "/", "wildcard"},
		{object, "a.b.example.com", "/", "any"},
		{object, "example.com", "/", "any"},
		{object, "127.10.0.1", "/", "any"},
		{withoutAny, "www.example.com", "/", "front"},
		{withoutAny, "other.example.com", "/", "fallback"},
	} {
		t.Run(test.host+test.path, func(t *testing.T) {
			route, found := Match(ingressRoutes(test.ingress, nil), test.host, test.path)
			if !found || route.Service.Name != test.want {
				t.Errorf("leads to %q (found %t), want %q", route.Service.Name, found, test.want)
			}
		})
	}
	if route, found := Match(ingressRoutes(ingress(rule("a", path("/x", "x"))), nil), "a", "/y"); found {
		t.Errorf("a path without a rule leads to %q, want none", route.Service.Name)
	}
}

func service(name string) types.NamespacedName {
	return types.NamespacedName{Namespace: "default", Name: name}
}

func ingress(rules ...networkingv1.IngressRule) *networkingv1.Ingress {
	return &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "front"},
		Spec:       networkingv1.IngressSpec{Rules: rules},
	}
}

func rule(host string, paths ...networkingv1.HTTPIngressPath) networkingv1.IngressRule {
	return networkingv1.IngressRule{
		Host:             host,
		IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: paths}},
	}
}

func path(prefix, service string) networkingv1.HTTPIngressPath {
	return networkingv1.HTTPIngressPath{
		Path:     prefix,
		PathType: new(networkingv1.PathTypePrefix),
		Backend:  networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: service}},
	}
}

// listeners returns the addresses of sites, sorted; nil if there are none.
func listeners(sites map[netip.AddrPort]Site) []string {
	var open []string
	for address := range maps.Keys(sites) {
		open = append(open, address.String())
	}
	slices.Sort(open)
	return open
}
