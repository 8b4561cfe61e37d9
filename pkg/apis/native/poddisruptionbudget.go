// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"slices"
	"strconv"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var podDisruptionBudgets = func() kind.Kind {
	k := ident(policyv1.SchemeGroupVersion, "PodDisruptionBudget", "poddisruptionbudgets", "poddisruptionbudget", "pdb")
	k.New = func() runtime.Object { return &policyv1.PodDisruptionBudget{} }
	k.NewList = func() runtime.Object { return &policyv1.PodDisruptionBudgetList{} }
	k.Status = kind.Of(func(b *policyv1.PodDisruptionBudget) any { return &b.Status })
	k.Spec = kind.Of(func(b *policyv1.PodDisruptionBudget) any { return &b.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Validate = kind.OfBoth(validatePodDisruptionBudget)
	bound := func(of func(policyv1.PodDisruptionBudgetSpec) *intstr.IntOrString) func(runtime.Object) any {
		return kind.Of(func(b *policyv1.PodDisruptionBudget) any {
			if value := of(b.Spec); value != nil {
				return value.String()
			}
			return "N/A"
		})
	}
	k.Columns = []kind.Column{
		{Name: "Min Available", Type: "string", Description: "The fewest pods that must be available, in each cluster.", Value: bound(func(s policyv1.PodDisruptionBudgetSpec) *intstr.IntOrString { return s.MinAvailable })},
		{Name: "Max Unavailable", Type: "string", Description: "The most pods that may be unavailable, in each cluster.", Value: bound(func(s policyv1.PodDisruptionBudgetSpec) *intstr.IntOrString { return s.MaxUnavailable })},
		{Name: "Allowed Disruptions", Type: "integer", Description: "Pods that may be evicted now, over all clusters.", Value: kind.Of(func(b *policyv1.PodDisruptionBudget) any {
			return int64(b.Status.DisruptionsAllowed)
		})},
	}
	return k
}()

var evictionPolicies = []policyv1.UnhealthyPodEvictionPolicyType{policyv1.AlwaysAllow, policyv1.IfHealthyBudget}

func validatePodDisruptionBudget(b, _ *policyv1.PodDisruptionBudget) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	if b.Spec.MinAvailable != nil && b.Spec.MaxUnavailable != nil {
		errs = append(errs, field.Invalid(spec, field.OmitValueType{}, "minAvailable and maxUnavailable cannot be both set"))
	}
	errs = append(errs, validatePodCount(b.Spec.MinAvailable, spec.Child("minAvailable"))...)
	errs = append(errs, validatePodCount(b.Spec.MaxUnavailable, spec.Child("maxUnavailable"))...)
	if b.Spec.Selector != nil {
		errs = append(errs, validateSelector(b.Spec.Selector, spec.Child("selector"))...)
	}
	if policy := b.Spec.UnhealthyPodEvictionPolicy; policy != nil && !slices.Contains(evictionPolicies, *policy) {
		errs = append(errs, field.NotSupported(spec.Child("unhealthyPodEvictionPolicy"), *policy, evictionPolicies))
	}
	return errs
}

// validatePodCount is for a number of pods, or a share of them up to 100%.
func validatePodCount(count *intstr.IntOrString, path *field.Path) field.ErrorList {
	if count == nil {
		return nil
	}
	if count.Type == intstr.Int {
		return apivalidation.ValidateNonnegativeField(int64(count.IntVal), path)
	}
	var errs field.ErrorList
	for _, msg := range validation.IsValidPercent(count.StrVal) {
		errs = append(errs, field.Invalid(path, count.StrVal, msg))
	}
	if share, err := strconv.Atoi(strings.TrimSuffix(count.StrVal, "%")); err == nil && len(errs) == 0 && share > 100 {
		errs = append(errs, field.Invalid(path, count.StrVal, "must not be greater than 100%"))
	}
	return errs
}
