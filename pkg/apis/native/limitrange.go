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
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var limitRanges = func() kind.Kind {
	k := ident(corev1.SchemeGroupVersion, "LimitRange", "limitranges", "limitrange", "limits")
	k.New = func() runtime.Object { return &corev1.LimitRange{} }
	k.NewList = func() runtime.Object { return &corev1.LimitRangeList{} }
	k.Spec = kind.Of(func(l *corev1.LimitRange) any { return &l.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Validate = kind.OfBoth(validateLimitRange)
	k.CreatedAt = true
	return k
}()

var limitTypes = []corev1.LimitType{corev1.LimitTypePod, corev1.LimitTypeContainer, corev1.LimitTypePersistentVolumeClaim}

func validateLimitRange(l, _ *corev1.LimitRange) field.ErrorList {
	var errs field.ErrorList
	seen := map[corev1.LimitType]bool{}
	for i := range l.Spec.Limits {
		item, at := &l.Spec.Limits[i], field.NewPath("spec", "limits").Index(i)
		if seen[item.Type] {
			errs = append(errs, field.Duplicate(at.Child("type"), item.Type))
		}
		seen[item.Type] = true
		errs = append(errs, validateLimitType(item.Type, at.Child("type"))...)
		errs = append(errs, validateLimits(item, at)...)
	}
	return errs
}

func validateLimitType(name corev1.LimitType, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, msg := range validation.IsQualifiedName(string(name)) {
		errs = append(errs, field.Invalid(path, name, msg))
	}
	if len(errs) == 0 && !strings.Contains(string(name), "/") && !slices.Contains(limitTypes, name) {
		errs = append(errs, field.Invalid(path, name, "must be a standard limit type or fully qualified"))
	}
	return errs
}

func validateLimits(item *corev1.LimitRangeItem, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if item.Type == corev1.LimitTypePod {
		for _, list := range []struct {
			name   string
			limits corev1.ResourceList
		}{{"default", item.Default}, {"defaultRequest", item.DefaultRequest}} {
			if len(list.limits) > 0 {
				errs = append(errs, field.Forbidden(path.Child(list.name), "may not be specified when `type` is 'Pod'"))
			}
		}
	}
	if item.Type == corev1.LimitTypePersistentVolumeClaim && item.Min.Storage().IsZero() && item.Max.Storage().IsZero() {
		errs = append(errs, field.Required(path.Child("limits"), "either minimum or maximum storage value is required, but neither was provided"))
	}
	names := sets.New[corev1.ResourceName]()
	for _, list := range []struct {
		name   string
		limits corev1.ResourceList
	}{
		{"min", item.Min}, {"max", item.Max}, {"default", item.Default}, {"defaultRequest", item.DefaultRequest}, {"maxLimitRequestRatio", item.MaxLimitRequestRatio},
	} {
		for _, name := range slices.Sorted(maps.Keys(list.limits)) {
			at := path.Child(list.name).Key(string(name))
			for _, msg := range validation.IsQualifiedName(string(name)) {
				errs = append(errs, field.Invalid(at, name, msg))
			}
			errs = append(errs, validateQuantity(list.limits[name], at)...)
			names.Insert(name)
		}
	}
	for _, name := range sets.List(names) {
		errs = append(errs, validateLimitOrder(item, name, path)...)
	}
	return errs
}

// validateLimitOrder asks that of each resource min ≤ default request ≤ default ≤ max, of those that are given.
func validateLimitOrder(item *corev1.LimitRangeItem, name corev1.ResourceName, path *field.Path) field.ErrorList {
	type limit struct {
		field, words string
		value        resource.Quantity
	}
	var errs field.ErrorList
	var given []limit
	for _, l := range []struct {
		field, words string
		limits       corev1.ResourceList
	}{
		{"min", "min", item.Min}, {"defaultRequest", "default request", item.DefaultRequest}, {"default", "default", item.Default}, {"max", "max", item.Max},
	} {
		if value, ok := l.limits[name]; ok {
			given = append(given, limit{l.field, l.words, value})
		}
	}
	for i, low := range given {
		for _, high := range given[i+1:] {
			if low.value.Cmp(high.value) <= 0 {
				continue
			}
			at := low // the field at fault is the default, where one of the two is
			if low.field == "min" && high.field != "max" {
				at = high
			}
			errs = append(errs, field.Invalid(path.Child(at.field).Key(string(name)), at.value.String(),
				fmt.Sprintf("%s value %s is greater than %s value %s", low.words, low.value.String(), high.words, high.value.String())))
		}
	}
	if ratio, ok := item.MaxLimitRequestRatio[name]; ok && ratio.Cmp(resource.MustParse("1")) < 0 {
		errs = append(errs, field.Invalid(path.Child("maxLimitRequestRatio").Key(string(name)), ratio.String(), fmt.Sprintf("ratio %s is less than 1", ratio.String())))
	}
	return errs
}
