// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var networkPolicies = func() kind.Kind {
	k := ident(networkingv1.SchemeGroupVersion, "NetworkPolicy", "networkpolicies", "networkpolicy", "netpol")
	k.New = func() runtime.Object { return &networkingv1.NetworkPolicy{} }
	k.NewList = func() runtime.Object { return &networkingv1.NetworkPolicyList{} }
	k.Spec = kind.Of(func(p *networkingv1.NetworkPolicy) any { return &p.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Default = kind.On(setNetworkPolicyDefaults)
	k.Validate = kind.OfBoth(validateNetworkPolicy)
	k.Columns = []kind.Column{
		{Name: "Pod-Selector", Type: "string", Description: "Labels of the pods the policy is for.", Value: kind.Of(func(p *networkingv1.NetworkPolicy) any {
			return metav1.FormatLabelSelector(&p.Spec.PodSelector)
		})},
	}
	return k
}()

// setNetworkPolicyDefaults says what a policy without types is for: kubectl describe prints it.
func setNetworkPolicyDefaults(p *networkingv1.NetworkPolicy) {
	if len(p.Spec.PolicyTypes) > 0 {
		return
	}
	p.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	if len(p.Spec.Egress) > 0 {
		p.Spec.PolicyTypes = append(p.Spec.PolicyTypes, networkingv1.PolicyTypeEgress)
	}
}

var policyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeEgress, networkingv1.PolicyTypeIngress}

func validateNetworkPolicy(p, _ *networkingv1.NetworkPolicy) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateSelector(&p.Spec.PodSelector, spec.Child("podSelector"))
	for i, rule := range p.Spec.Ingress {
		at := spec.Child("ingress").Index(i)
		errs = append(errs, validatePolicyPorts(rule.Ports, at.Child("ports"))...)
		errs = append(errs, validatePolicyPeers(rule.From, at.Child("from"))...)
	}
	for i, rule := range p.Spec.Egress {
		at := spec.Child("egress").Index(i)
		errs = append(errs, validatePolicyPorts(rule.Ports, at.Child("ports"))...)
		errs = append(errs, validatePolicyPeers(rule.To, at.Child("to"))...)
	}
	types := spec.Child("policyTypes")
	if len(p.Spec.PolicyTypes) > len(policyTypes) {
		return append(errs, field.Invalid(types, p.Spec.PolicyTypes, "may not specify more than two policyTypes"))
	}
	for i, name := range p.Spec.PolicyTypes {
		if !slices.Contains(policyTypes, name) {
			errs = append(errs, field.NotSupported(types.Index(i), name, policyTypes))
		}
	}
	return errs
}

func validatePolicyPorts(ports []networkingv1.NetworkPolicyPort, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range ports {
		p, at := &ports[i], path.Index(i)
		if p.Protocol != nil && !slices.Contains(protocols, *p.Protocol) {
			errs = append(errs, field.NotSupported(at.Child("protocol"), *p.Protocol, protocols))
		}
		if p.Port != nil {
			errs = append(errs, validatePortOrName(*p.Port, at.Child("port"))...)
		}
		if p.EndPort == nil {
			continue
		}
		switch end := at.Child("endPort"); {
		case p.Port == nil:
			errs = append(errs, field.Invalid(end, *p.EndPort, "may not be specified when `port` is not specified"))
		case p.Port.Type == intstr.String:
			errs = append(errs, field.Invalid(end, *p.EndPort, "may not be specified when `port` is non-numeric"))
		case *p.EndPort < p.Port.IntVal:
			errs = append(errs, field.Invalid(end, *p.EndPort, "must be greater than or equal to `port`"))
		default:
			errs = append(errs, validatePort(*p.EndPort, end)...)
		}
	}
	return errs
}

// validatePortOrName takes a port's number, or the name that a container gives it.
func validatePortOrName(port intstr.IntOrString, path *field.Path) field.ErrorList {
	if port.Type == intstr.Int {
		return validatePort(port.IntVal, path)
	}
	var errs field.ErrorList
	for _, msg := range validation.IsValidPortName(port.StrVal) {
		errs = append(errs, field.Invalid(path, port.StrVal, msg))
	}
	return errs
}

func validatePort(port int32, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, msg := range validation.IsValidPortNum(int(port)) {
		errs = append(errs, field.Invalid(path, port, msg))
	}
	return errs
}

func validatePolicyPeers(peers []networkingv1.NetworkPolicyPeer, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, peer := range peers {
		at := path.Index(i)
		if peer.PodSelector != nil {
			errs = append(errs, validateSelector(peer.PodSelector, at.Child("podSelector"))...)
		}
		if peer.NamespaceSelector != nil {
			errs = append(errs, validateSelector(peer.NamespaceSelector, at.Child("namespaceSelector"))...)
		}
		selects := peer.PodSelector != nil || peer.NamespaceSelector != nil
		switch {
		case peer.IPBlock == nil && !selects:
			errs = append(errs, field.Required(at, "must specify a peer"))
		case peer.IPBlock != nil && selects:
			errs = append(errs, field.Forbidden(at, "may not specify both ipBlock and another peer"))
		case peer.IPBlock != nil:
			errs = append(errs, validateIPBlock(peer.IPBlock, at.Child("ipBlock"))...)
		}
	}
	return errs
}

func validateIPBlock(b *networkingv1.IPBlock, path *field.Path) field.ErrorList {
	if b.CIDR == "" {
		return field.ErrorList{field.Required(path.Child("cidr"), "")}
	}
	errs := validateCIDR(b.CIDR, path.Child("cidr"))
	whole, err := netip.ParsePrefix(b.CIDR)
	if err != nil {
		return errs
	}
	for i, except := range b.Except {
		at := path.Child("except").Index(i)
		errs = append(errs, validateCIDR(except, at)...)
		part, err := netip.ParsePrefix(except)
		if err == nil && (!whole.Contains(part.Addr()) || part.Bits() <= whole.Bits()) {
			errs = append(errs, field.Invalid(at, except, "must be a strict subset of `cidr`"))
		}
	}
	return errs
}

// validateCIDR takes what clusters have always taken, such as bits set beyond the mask.
func validateCIDR(cidr string, path *field.Path) field.ErrorList {
	return validation.IsValidCIDRForLegacyField(path, cidr, false, nil)
}
