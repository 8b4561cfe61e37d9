// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var ingresses = func() kind.Kind {
	k := ident(networkingv1.SchemeGroupVersion, "Ingress", "ingresses", "ingress", "ing")
	k.New = func() runtime.Object { return &networkingv1.Ingress{} }
	k.NewList = func() runtime.Object { return &networkingv1.IngressList{} }
	k.Status = kind.Of(func(i *networkingv1.Ingress) any { return &i.Status })
	k.Spec = kind.Of(func(i *networkingv1.Ingress) any { return &i.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Validate = kind.OfBoth(validateIngress)
	k.Columns = []kind.Column{
		{Name: "Class", Type: "string", Description: "IngressClass that serves the Ingress in each cluster.", Value: kind.Of(func(i *networkingv1.Ingress) any {
			if i.Spec.IngressClassName == nil {
				return "<none>"
			}
			return *i.Spec.IngressClassName
		})},
		{Name: "Hosts", Type: "string", Description: "Hosts the Ingress serves.", Value: kind.Of(func(i *networkingv1.Ingress) any { return ingressHosts(i) })},
		{Name: "Address", Type: "string", Description: "Addresses of the Ingress in all clusters.", Value: kind.Of(func(i *networkingv1.Ingress) any {
			var out []string
			for _, in := range i.Status.LoadBalancer.Ingress {
				out = append(out, in.IP+in.Hostname)
			}
			return strings.Join(out, ",")
		})},
		{Name: "Ports", Type: "string", Description: "Ports of TLS configurations that open.", Value: kind.Of(func(i *networkingv1.Ingress) any {
			if len(i.Spec.TLS) > 0 {
				return "80, 443"
			}
			return "80"
		})},
		{Name: "Clusters", Type: "string", Description: "Clusters the Ingress is in.", Clusters: true},
	}
	return k
}()

func ingressHosts(i *networkingv1.Ingress) string {
	var hosts []string
	for _, rule := range i.Spec.Rules {
		if rule.Host != "" {
			hosts = append(hosts, rule.Host)
		}
	}
	if len(hosts) == 0 {
		return "*"
	}
	return strings.Join(hosts, ",")
}

func validateIngress(i, _ *networkingv1.Ingress) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	if len(i.Spec.Rules) == 0 && i.Spec.DefaultBackend == nil {
		errs = append(errs, field.Invalid(spec, i.Spec.Rules, "either `defaultBackend` or `rules` must be specified"))
	}
	if i.Spec.DefaultBackend != nil {
		errs = append(errs, validateIngressBackend(i.Spec.DefaultBackend, spec.Child("defaultBackend"))...)
	}
	for n, rule := range i.Spec.Rules {
		errs = append(errs, validateIngressRule(rule, spec.Child("rules").Index(n))...)
	}
	return errs
}

func validateIngressRule(rule networkingv1.IngressRule, at *field.Path) field.ErrorList {
	errs := validateIngressHost(rule.Host, at.Child("host"))
	if rule.HTTP == nil {
		return errs
	}
	paths := at.Child("http", "paths")
	if len(rule.HTTP.Paths) == 0 {
		errs = append(errs, field.Required(paths, ""))
	}
	types := []networkingv1.PathType{networkingv1.PathTypeExact, networkingv1.PathTypeImplementationSpecific, networkingv1.PathTypePrefix}
	for n := range rule.HTTP.Paths {
		path, at := &rule.HTTP.Paths[n], paths.Index(n)
		switch {
		case path.PathType == nil:
			errs = append(errs, field.Required(at.Child("pathType"), "pathType must be specified"))
		case !slices.Contains(types, *path.PathType):
			errs = append(errs, field.NotSupported(at.Child("pathType"), *path.PathType, types))
		case *path.PathType != networkingv1.PathTypeImplementationSpecific && !strings.HasPrefix(path.Path, "/"):
			errs = append(errs, field.Invalid(at.Child("path"), path.Path, "must be an absolute path"))
		}
		errs = append(errs, validateIngressBackend(&path.Backend, at.Child("backend"))...)
	}
	return errs
}

func validateIngressHost(host string, at *field.Path) field.ErrorList {
	if host == "" {
		return nil
	}
	check := validation.IsDNS1123Subdomain
	if strings.Contains(host, "*") {
		check = validation.IsWildcardDNS1123Subdomain
	}
	var errs field.ErrorList
	for _, msg := range check(host) {
		errs = append(errs, field.Invalid(at, host, msg))
	}
	return errs
}

func validateIngressBackend(b *networkingv1.IngressBackend, at *field.Path) field.ErrorList {
	switch {
	case b.Service != nil && b.Resource != nil:
		return field.ErrorList{field.Invalid(at, "", "cannot set both resource and service backends")}
	case b.Resource != nil:
		return nil
	case b.Service == nil:
		return field.ErrorList{field.Required(at, "must specify a service or a resource")}
	}
	var errs field.ErrorList
	if b.Service.Name == "" {
		errs = append(errs, field.Required(at.Child("service", "name"), ""))
	}
	port := at.Child("service", "port")
	switch {
	case b.Service.Port.Name == "" && b.Service.Port.Number == 0:
		errs = append(errs, field.Required(port, "port name or number is required"))
	case b.Service.Port.Name != "" && b.Service.Port.Number != 0:
		errs = append(errs, field.Invalid(port, b.Service.Port.Name, "cannot set both port name & port number"))
	case b.Service.Port.Number != 0:
		for _, msg := range validation.IsValidPortNum(int(b.Service.Port.Number)) {
			errs = append(errs, field.Invalid(port.Child("number"), b.Service.Port.Number, msg))
		}
	}
	return errs
}
