// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var services = func() kind.Kind {
	k := ident(corev1.SchemeGroupVersion, "Service", "services", "service", "svc")
	k.Categories = []string{"all"}
	k.New = func() runtime.Object { return &corev1.Service{} }
	k.NewList = func() runtime.Object { return &corev1.ServiceList{} }
	k.Status = kind.Of(func(s *corev1.Service) any { return &s.Status })
	k.Spec = kind.Of(func(s *corev1.Service) any { return &s.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Default = kind.On(setServiceDefaults)
	k.ValidateName = validation.IsDNS1035Label
	k.Validate = kind.OfBoth(validateService)
	k.Fields = kind.Of(func(s *corev1.Service) fields.Set {
		return fields.Set{"spec.clusterIP": s.Spec.ClusterIP, "spec.type": string(s.Spec.Type)}
	})
	k.Columns = []kind.Column{
		{Name: "Type", Type: "string", Description: "How the Service is exposed in each cluster.", Value: kind.Of(func(s *corev1.Service) any { return string(s.Spec.Type) })},
		{Name: "Cluster-IP", Type: "string", Description: "Each cluster gives the Service an IP of its own.", Value: kind.Of(func(s *corev1.Service) any {
			if s.Spec.ClusterIP == corev1.ClusterIPNone {
				return corev1.ClusterIPNone
			}
			return "<per cluster>"
		})},
		{Name: "External-IP", Type: "string", Description: "Addresses of the Service in all clusters.", Value: kind.Of(func(s *corev1.Service) any { return externalIP(s) })},
		{Name: "Port(s)", Type: "string", Description: "Ports of the Service.", Value: kind.Of(func(s *corev1.Service) any { return servicePorts(s) })},
		{Name: "Clusters", Type: "string", Description: "Clusters the Service is in.", Clusters: true},
		{Name: "Selector", Type: "string", Wide: true, Description: "Labels of the pods behind the Service.", Value: kind.Of(func(s *corev1.Service) any {
			return metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: s.Spec.Selector})
		})},
	}
	return k
}()

func externalIP(s *corev1.Service) string {
	addresses := append([]string{}, s.Spec.ExternalIPs...)
	for _, in := range s.Status.LoadBalancer.Ingress {
		addresses = append(addresses, in.IP+in.Hostname)
	}
	switch {
	case s.Spec.Type == corev1.ServiceTypeExternalName:
		return s.Spec.ExternalName
	case len(addresses) > 0:
		return strings.Join(addresses, ",")
	case s.Spec.Type == corev1.ServiceTypeLoadBalancer:
		return "<pending>"
	default:
		return "<none>"
	}
}

func servicePorts(s *corev1.Service) string {
	out := make([]string, 0, len(s.Spec.Ports))
	for _, p := range s.Spec.Ports {
		if p.NodePort > 0 {
			out = append(out, fmt.Sprintf("%d:%d/%s", p.Port, p.NodePort, p.Protocol))
			continue
		}
		out = append(out, fmt.Sprintf("%d/%s", p.Port, p.Protocol))
	}
	if len(out) == 0 {
		return "<none>"
	}
	return strings.Join(out, ",")
}

func setServiceDefaults(s *corev1.Service) {
	if s.Spec.Type == "" {
		s.Spec.Type = corev1.ServiceTypeClusterIP
	}
	if s.Spec.SessionAffinity == "" {
		s.Spec.SessionAffinity = corev1.ServiceAffinityNone
	}
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		if p.Protocol == "" {
			p.Protocol = corev1.ProtocolTCP
		}
		if p.TargetPort == intstr.FromInt32(0) || p.TargetPort == intstr.FromString("") {
			p.TargetPort = intstr.FromInt32(p.Port)
		}
	}
}

var serviceTypes = []corev1.ServiceType{
	corev1.ServiceTypeClusterIP, corev1.ServiceTypeExternalName, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeNodePort,
}

var protocols = []corev1.Protocol{corev1.ProtocolSCTP, corev1.ProtocolTCP, corev1.ProtocolUDP}

func validateService(s, _ *corev1.Service) field.ErrorList {
	spec := field.NewPath("spec")
	errs := metav1validation.ValidateLabels(s.Spec.Selector, spec.Child("selector"))
	if !slices.Contains(serviceTypes, s.Spec.Type) {
		errs = append(errs, field.NotSupported(spec.Child("type"), s.Spec.Type, serviceTypes))
	}
	if s.Spec.Type == corev1.ServiceTypeExternalName && s.Spec.ExternalName == "" {
		errs = append(errs, field.Required(spec.Child("externalName"), ""))
	}
	if len(s.Spec.Ports) == 0 && s.Spec.ClusterIP != corev1.ClusterIPNone && s.Spec.Type != corev1.ServiceTypeExternalName {
		errs = append(errs, field.Required(spec.Child("ports"), ""))
	}
	return append(errs, validateServicePorts(s.Spec.Ports, spec.Child("ports"))...)
}

func validateServicePorts(ports []corev1.ServicePort, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	names := map[string]bool{}
	numbers := map[string]bool{}
	for i, p := range ports {
		at := path.Index(i)
		if p.Name == "" && len(ports) > 1 {
			errs = append(errs, field.Required(at.Child("name"), ""))
		}
		if p.Name != "" {
			for _, msg := range validation.IsDNS1123Label(p.Name) {
				errs = append(errs, field.Invalid(at.Child("name"), p.Name, msg))
			}
			if names[p.Name] {
				errs = append(errs, field.Duplicate(at.Child("name"), p.Name))
			}
			names[p.Name] = true
		}
		errs = append(errs, validatePort(p.Port, at.Child("port"))...)
		errs = append(errs, validatePortOrName(p.TargetPort, at.Child("targetPort"))...)
		if !slices.Contains(protocols, p.Protocol) {
			errs = append(errs, field.NotSupported(at.Child("protocol"), p.Protocol, protocols))
		}
		key := fmt.Sprintf("%d/%s", p.Port, p.Protocol)
		if numbers[key] {
			errs = append(errs, field.Duplicate(at, key))
		}
		numbers[key] = true
	}
	return errs
}
