// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/kind"
)

// maxIngressController is the most characters in the name of a class's controller.
const maxIngressController = 250

var ingressClasses = func() kind.Kind {
	k := ident(networkingv1.SchemeGroupVersion, "IngressClass", "ingressclasses", "ingressclass")
	k.Namespaced = false
	k.New = func() runtime.Object { return &networkingv1.IngressClass{} }
	k.NewList = func() runtime.Object { return &networkingv1.IngressClassList{} }
	k.Spec = kind.Of(func(c *networkingv1.IngressClass) any { return &c.Spec })
	k.Validate = kind.OfBoth(validateIngressClass)
	k.Title = kind.Of(func(c *networkingv1.IngressClass) string {
		if c.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true" {
			return c.Name + " (default)"
		}
		return c.Name
	})
	k.Columns = []kind.Column{
		{Name: "Controller", Type: "string", Description: "Who serves the Ingresses of the class.", Value: kind.Of(func(c *networkingv1.IngressClass) any { return c.Spec.Controller })},
		{Name: "Parameters", Type: "string", Description: "Object with further settings of the class.", Value: kind.Of(func(c *networkingv1.IngressClass) any {
			p := c.Spec.Parameters
			switch {
			case p == nil:
				return "<none>"
			case p.APIGroup == nil:
				return p.Kind + "/" + p.Name
			}
			return p.Kind + "." + *p.APIGroup + "/" + p.Name
		})},
	}
	return k
}()

var parameterScopes = []string{networkingv1.IngressClassParametersReferenceScopeCluster, networkingv1.IngressClassParametersReferenceScopeNamespace}

func validateIngressClass(c, old *networkingv1.IngressClass) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validation.IsDomainPrefixedPath(spec.Child("controller"), c.Spec.Controller)
	if len(c.Spec.Controller) > maxIngressController {
		errs = append(errs, field.TooLong(spec.Child("controller"), "", maxIngressController))
	}
	if c.Spec.Parameters != nil {
		errs = append(errs, validateIngressClassParameters(c.Spec.Parameters, spec.Child("parameters"))...)
	}
	if old != nil {
		errs = append(errs, validateUnchanged(c.Spec.Controller, old.Spec.Controller, spec.Child("controller"))...)
	}
	return errs
}

func validateIngressClassParameters(p *networkingv1.IngressClassParametersReference, path *field.Path) field.ErrorList {
	errs := validatePathSegment(p.Kind, path.Child("kind"))
	errs = append(errs, validatePathSegment(p.Name, path.Child("name"))...)
	if p.APIGroup != nil {
		for _, msg := range validation.IsDNS1123Subdomain(*p.APIGroup) {
			errs = append(errs, field.Invalid(path.Child("apiGroup"), *p.APIGroup, msg))
		}
	}
	namespaced := networkingv1.IngressClassParametersReferenceScopeNamespace
	switch scope := ptr.Deref(p.Scope, networkingv1.IngressClassParametersReferenceScopeCluster); {
	case !slices.Contains(parameterScopes, scope):
		errs = append(errs, field.NotSupported(path.Child("scope"), scope, parameterScopes))
	case scope == namespaced && p.Namespace == nil:
		errs = append(errs, field.Required(path.Child("namespace"), "`parameters.scope` is set to 'Namespace'"))
	case scope != namespaced && p.Namespace != nil:
		errs = append(errs, field.Forbidden(path.Child("namespace"), "`parameters.scope` is set to 'Cluster'"))
	}
	return errs
}
