// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/kind"
)

// podColumns are what -o wide shows of the pods of a kind, and of which pods those are.
func podColumns[T runtime.Object](template func(T) *corev1.PodTemplateSpec, selector func(T) *metav1.LabelSelector) []kind.Column {
	return append(templateColumns(template), selectorColumn(selector))
}

func selectorColumn[T runtime.Object](selector func(T) *metav1.LabelSelector) kind.Column {
	return kind.Column{Name: "Selector", Type: "string", Wide: true, Description: "Labels of the pods that belong to the object.", Value: kind.Of(func(obj T) any {
		return metav1.FormatLabelSelector(selector(obj))
	})}
}

// scale is the scale subresource of a kind with replicas and a selector of their pods.
func scale[T runtime.Object](replicas func(T) **int32, status func(T) int32, selector func(T) *metav1.LabelSelector) *kind.Scale {
	return &kind.Scale{
		Replicas: kind.Of(replicas),
		Status: func(obj runtime.Object) (int32, string, error) {
			parsed, err := metav1.LabelSelectorAsSelector(selector(obj.(T)))
			if err != nil {
				return 0, "", err
			}
			return status(obj.(T)), parsed.String(), nil
		},
	}
}

func setReplicasDefault(replicas **int32) {
	if *replicas == nil {
		*replicas = ptr.To[int32](1)
	}
}

// historyLimit is how many revisions are kept that are not in force, where nothing else is said.
const historyLimit = 10

func setHistoryLimitDefault(limit **int32) {
	if *limit == nil {
		*limit = ptr.To[int32](historyLimit)
	}
}

// validateTemplateSelector checks that a workload has a selector, and that it finds the pods made of its template.
func validateTemplateSelector(selector *metav1.LabelSelector, template map[string]string, kindName string, spec *field.Path) field.ErrorList {
	path := spec.Child("selector")
	if selector == nil {
		return append(field.ErrorList{field.Required(path, "")}, validateTemplateMatches(nil, template, spec)...)
	}
	errs := validateSelector(selector, path)
	if len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		errs = append(errs, field.Invalid(path, selector, "empty selector is invalid for "+strings.ToLower(kindName)))
	}
	if len(errs) > 0 {
		return errs
	}
	return validateTemplateMatches(selector, template, spec)
}

func validateTemplateMatches(selector *metav1.LabelSelector, template map[string]string, spec *field.Path) field.ErrorList {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return field.ErrorList{field.Invalid(spec.Child("selector"), selector, "invalid label selector")}
	}
	if !parsed.Matches(labels.Set(template)) {
		return field.ErrorList{field.Invalid(spec.Child("template", "metadata", "labels"), template, "`selector` does not match template `labels`")}
	}
	return nil
}

func validateSelector(selector *metav1.LabelSelector, path *field.Path) field.ErrorList {
	return metav1validation.ValidateLabelSelector(selector, metav1validation.LabelSelectorValidationOptions{}, path)
}

// validateUnchanged is for fields that stay as they were created. An empty value is as good as none.
func validateUnchanged(value, old any, path *field.Path) field.ErrorList {
	if apiequality.Semantic.DeepEqual(value, old) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value, apivalidation.FieldImmutableErrorMsg)}
}
