// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var resourceQuotas = func() kind.Kind {
	k := ident(corev1.SchemeGroupVersion, "ResourceQuota", "resourcequotas", "resourcequota", "quota")
	k.New = func() runtime.Object { return &corev1.ResourceQuota{} }
	k.NewList = func() runtime.Object { return &corev1.ResourceQuotaList{} }
	k.Status = kind.Of(func(q *corev1.ResourceQuota) any { return &q.Status })
	k.Spec = kind.Of(func(q *corev1.ResourceQuota) any { return &q.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Validate = kind.OfBoth(validateResourceQuota)
	k.Columns = []kind.Column{
		{Name: "Request", Type: "string", Description: "Used and allowed of each resource, but for limits, over all clusters.", Value: kind.Of(func(q *corev1.ResourceQuota) any { return quotaUse(q, false) })},
		{Name: "Limit", Type: "string", Description: "Used and allowed of each limit, over all clusters.", Value: kind.Of(func(q *corev1.ResourceQuota) any { return quotaUse(q, true) })},
	}
	return k
}()

// quotaUse prints how much of a quota is used: of limits, or of all else.
func quotaUse(q *corev1.ResourceQuota, limits bool) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(q.Status.Hard)) {
		if strings.HasPrefix(string(name), "limits.") != limits {
			continue
		}
		used, hard := q.Status.Used[name], q.Status.Hard[name]
		out = append(out, fmt.Sprintf("%s: %s/%s", name, used.String(), hard.String()))
	}
	return strings.Join(out, ", ")
}

// countedResources are those that there can be no half of.
var countedResources = sets.New(
	corev1.ResourcePods, corev1.ResourceQuotas, corev1.ResourceServices, corev1.ResourceReplicationControllers, corev1.ResourceSecrets, corev1.ResourceConfigMaps,
	corev1.ResourcePersistentVolumeClaims, corev1.ResourceServicesNodePorts, corev1.ResourceServicesLoadBalancers,
)

// quotaResources can be limited by a quota under a name without a domain.
var quotaResources = countedResources.Union(sets.New(
	corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage,
	corev1.ResourceRequestsCPU, corev1.ResourceRequestsMemory, corev1.ResourceRequestsStorage, corev1.ResourceRequestsEphemeralStorage,
	corev1.ResourceLimitsCPU, corev1.ResourceLimitsMemory, corev1.ResourceLimitsEphemeralStorage,
))

func validateResourceQuota(q, old *corev1.ResourceQuota) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	for _, name := range slices.Sorted(maps.Keys(q.Spec.Hard)) {
		at := spec.Child("hard").Key(string(name))
		errs = append(errs, validateQuotaResource(name, at)...)
		errs = append(errs, validateQuantity(q.Spec.Hard[name], at)...)
		if value := q.Spec.Hard[name]; countedResources.Has(name) && value.MilliValue()%1000 != 0 {
			errs = append(errs, field.Invalid(at, value.String(), "must be an integer"))
		}
	}
	errs = append(errs, validateScopes(q.Spec.Scopes, spec.Child("scopes"))...)
	if q.Spec.ScopeSelector != nil {
		for i, requirement := range q.Spec.ScopeSelector.MatchExpressions {
			errs = append(errs, validateScopeRequirement(requirement, spec.Child("scopeSelector", "matchExpressions").Index(i))...)
		}
	}
	if old != nil && !sets.New(q.Spec.Scopes...).Equal(sets.New(old.Spec.Scopes...)) {
		errs = append(errs, field.Invalid(spec.Child("scopes"), q.Spec.Scopes, apivalidation.FieldImmutableErrorMsg))
	}
	return errs
}

func validateQuotaResource(name corev1.ResourceName, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, msg := range validation.IsQualifiedName(string(name)) {
		errs = append(errs, field.Invalid(path, name, msg))
	}
	hugePages := strings.HasPrefix(strings.TrimPrefix(string(name), "requests."), corev1.ResourceHugePagesPrefix)
	if len(errs) == 0 && !strings.Contains(string(name), "/") && !hugePages && !quotaResources.Has(name) {
		errs = append(errs, field.Invalid(path, name, "must be a standard resource for quota"))
	}
	return errs
}

func validateQuantity(value resource.Quantity, path *field.Path) field.ErrorList {
	if value.Sign() < 0 {
		return field.ErrorList{field.Invalid(path, value.String(), apivalidation.IsNegativeErrorMsg)}
	}
	return nil
}

// quotaScopes are what a quota can be for a part of. Those that say yes or no may only be asked to exist.
var quotaScopes = map[corev1.ResourceQuotaScope]struct{ yesOrNo bool }{
	corev1.ResourceQuotaScopeBestEffort: {true}, corev1.ResourceQuotaScopeNotBestEffort: {true},
	corev1.ResourceQuotaScopeTerminating: {true}, corev1.ResourceQuotaScopeNotTerminating: {true},
	corev1.ResourceQuotaScopeCrossNamespacePodAffinity: {true},
	corev1.ResourceQuotaScopePriorityClass:             {}, corev1.ResourceQuotaScopeVolumeAttributesClass: {},
}

func validateScopes(scopes []corev1.ResourceQuotaScope, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, scope := range scopes {
		if _, known := quotaScopes[scope]; !known {
			errs = append(errs, field.Invalid(path.Index(i), scope, "unsupported scope"))
		}
	}
	given := sets.New(scopes...)
	if given.HasAll(corev1.ResourceQuotaScopeBestEffort, corev1.ResourceQuotaScopeNotBestEffort) ||
		given.HasAll(corev1.ResourceQuotaScopeTerminating, corev1.ResourceQuotaScopeNotTerminating) {
		errs = append(errs, field.Invalid(path, scopes, "conflicting scopes"))
	}
	return errs
}

func validateScopeRequirement(r corev1.ScopedResourceSelectorRequirement, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	scope, known := quotaScopes[r.ScopeName]
	if !known {
		errs = append(errs, field.Invalid(path.Child("scopeName"), r.ScopeName, "unsupported scope"))
	}
	switch r.Operator {
	case corev1.ScopeSelectorOpIn, corev1.ScopeSelectorOpNotIn:
		if len(r.Values) == 0 {
			errs = append(errs, field.Required(path.Child("values"), "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"))
		}
	case corev1.ScopeSelectorOpExists, corev1.ScopeSelectorOpDoesNotExist:
		if len(r.Values) > 0 {
			errs = append(errs, field.Invalid(path.Child("values"), r.Values, "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"))
		}
	default:
		return append(errs, field.Invalid(path.Child("operator"), r.Operator, "not a valid selector operator"))
	}
	if scope.yesOrNo && r.Operator != corev1.ScopeSelectorOpExists {
		errs = append(errs, field.Invalid(path.Child("operator"), r.Operator, fmt.Sprintf("must be 'Exists' when scope is %s", r.ScopeName)))
	}
	return errs
}
