// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

func TestNetworkPolicy(t *testing.T) {
	port := func(port string, end int32) networkingv1.NetworkPolicyPort {
		out := networkingv1.NetworkPolicyPort{}
		if port != "" {
			out.Port = ptr.To(intstr.Parse(port))
		}
		if end != 0 {
			out.EndPort = &end
		}
		return out
	}
	block := func(cidr string, except ...string) networkingv1.NetworkPolicyPeer {
		return networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: cidr, Except: except}}
	}
	both := block("10.0.0.0/8")
	both.PodSelector = webSelector()
	const ports, from = "spec.ingress[0].ports[0].", "spec.ingress[0].from[0]"
	for _, tt := range []struct {
		name string
		port networkingv1.NetworkPolicyPort
		from networkingv1.NetworkPolicyPeer
		want []string
	}{
		{"a range of ports", port("80", 90), block("10.0.0.0/8", "10.1.0.0/16"), nil},
		{"a port by name", port("http", 0), networkingv1.NetworkPolicyPeer{NamespaceSelector: webSelector(), PodSelector: webSelector()}, nil},
		{"all ports", port("", 0), block("fd00::/8", "fd00:1::/32"), nil},
		{"bits beyond the mask", port("", 0), block("10.0.0.1/8", "10.1.0.1/16"), nil},
		{"a port out of range", port("70000", 0), block("10.0.0.0/8"), []string{ports + "port: Invalid value: 70000"}},
		{"a name that is none", port("no port", 0), block("10.0.0.0/8"), []string{ports + `port: Invalid value: "no port"`}},
		{"an end of nothing", port("", 90), block("10.0.0.0/8"), []string{ports + "endPort: Invalid value: 90: may not be specified when `port` is not specified"}},
		{"an end of a name", port("http", 90), block("10.0.0.0/8"), []string{ports + "endPort: Invalid value: 90: may not be specified when `port` is non-numeric"}},
		{"an end before the start", port("80", 79), block("10.0.0.0/8"), []string{ports + "endPort: Invalid value: 79: must be greater than or equal to `port`"}},
		{"an end out of range", port("80", 70000), block("10.0.0.0/8"), []string{ports + "endPort: Invalid value: 70000"}},
		{"a protocol that is none", networkingv1.NetworkPolicyPort{Protocol: ptr.To(corev1.Protocol("ICMP"))}, block("10.0.0.0/8"), []string{ports + `protocol: Unsupported value: "ICMP"`}},
		{"nobody", port("80", 0), networkingv1.NetworkPolicyPeer{}, []string{from + ": Required value: must specify a peer"}},
		{"addresses and pods", port("80", 0), both, []string{from + ": Forbidden: may not specify both ipBlock and another peer"}},
		{"no addresses", port("80", 0), block(""), []string{from + ".ipBlock.cidr: Required value"}},
		{"addresses that are none", port("80", 0), block("10.0.0.0"), []string{from + `.ipBlock.cidr: Invalid value: "10.0.0.0"`}},
		{"an exception from without", port("80", 0), block("10.0.0.0/8", "11.0.0.0/16"), []string{from + `.ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset`}},
		{"an exception of all", port("80", 0), block("10.0.0.0/8", "10.0.0.0/8"), []string{from + ".ipBlock.except[0]: Invalid value"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rule := networkingv1.NetworkPolicyIngressRule{Ports: []networkingv1.NetworkPolicyPort{tt.port}, From: []networkingv1.NetworkPolicyPeer{tt.from}}
			p := &networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{Ingress: []networkingv1.NetworkPolicyIngressRule{rule}}}
			expect(t, validateNetworkPolicy(defaulted(p), nil), tt.want...)
		})
	}
	egress := networkingv1.NetworkPolicySpec{Egress: []networkingv1.NetworkPolicyEgressRule{{To: []networkingv1.NetworkPolicyPeer{{}}}}}
	p := defaulted(&networkingv1.NetworkPolicy{Spec: egress})
	expect(t, validateNetworkPolicy(p, nil), "spec.egress[0].to[0]: Required value")
	if len(p.Spec.PolicyTypes) != 2 {
		t.Errorf("with rules for what goes out it is for %v by default", p.Spec.PolicyTypes)
	}
	expect(t, validateNetworkPolicy(&networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{"In"}}}, nil), `spec.policyTypes[0]: Unsupported value: "In"`)
	expect(t, validateNetworkPolicy(&networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{"Ingress", "Egress", "Ingress"}}}, nil), "spec.policyTypes: Invalid value")
}

func TestIngressClass(t *testing.T) {
	const at = "spec.parameters."
	for _, tt := range []struct {
		name       string
		parameters *networkingv1.IngressClassParametersReference
		want       []string
	}{
		{"none", nil, nil},
		{"of the cluster", &networkingv1.IngressClassParametersReference{Kind: "Settings", Name: "a", APIGroup: ptr.To("example.com")}, nil},
		{"of a namespace", &networkingv1.IngressClassParametersReference{Kind: "Settings", Name: "a", Scope: ptr.To("Namespace"), Namespace: ptr.To("default")}, nil},
		{"empty", &networkingv1.IngressClassParametersReference{}, []string{at + "kind: Required value", at + "name: Required value"}},
		{"of no group", &networkingv1.IngressClassParametersReference{Kind: "Settings", Name: "a", APIGroup: ptr.To("A B")}, []string{at + `apiGroup: Invalid value: "A B"`}},
		{"of no scope", &networkingv1.IngressClassParametersReference{Kind: "Settings", Name: "a", Scope: ptr.To("Some")}, []string{at + `scope: Unsupported value: "Some"`}},
		{"of no namespace", &networkingv1.IngressClassParametersReference{Kind: "Settings", Name: "a", Scope: ptr.To("Namespace")}, []string{at + "namespace: Required value"}},
		{"of both", &networkingv1.IngressClassParametersReference{Kind: "Settings", Name: "a", Namespace: ptr.To("default")}, []string{at + "namespace: Forbidden"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &networkingv1.IngressClass{Spec: networkingv1.IngressClassSpec{Controller: "example.com/ingress", Parameters: tt.parameters}}
			expect(t, validateIngressClass(c, c), tt.want...)
		})
	}
	class := func(controller string) *networkingv1.IngressClass {
		return &networkingv1.IngressClass{Spec: networkingv1.IngressClassSpec{Controller: controller}}
	}
	expect(t, validateIngressClass(class("nginx"), nil), `spec.controller: Invalid value: "nginx": must be a domain-prefixed path`)
	expect(t, validateIngressClass(class("example.com/a"), class("example.com/b")), `spec.controller: Invalid value: "example.com/a": field is immutable`)
	title := row(t, "IngressClass").Title
	preferred := &networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "a", Annotations: map[string]string{"ingressclass.kubernetes.io/is-default-class": "true"}}}
	if plain, marked := title(&networkingv1.IngressClass{ObjectMeta: metav1.ObjectMeta{Name: "a"}}), title(preferred); plain != "a" || marked != "a (default)" {
		t.Errorf("printed as %q and %q", plain, marked)
	}
}
