// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/kind"
)

// templateColumns are what -o wide shows of the pods that a kind makes.
func templateColumns[T runtime.Object](template func(T) *corev1.PodTemplateSpec) []kind.Column {
	containers := func(of func(corev1.Container) string) func(runtime.Object) any {
		return kind.Of(func(obj T) any {
			list := template(obj).Spec.Containers
			out := make([]string, 0, len(list))
			for _, c := range list {
				out = append(out, of(c))
			}
			return strings.Join(out, ",")
		})
	}
	return []kind.Column{
		{Name: "Containers", Type: "string", Wide: true, Description: "Names of the containers in the template.", Value: containers(func(c corev1.Container) string { return c.Name })},
		{Name: "Images", Type: "string", Wide: true, Description: "Images of the containers in the template.", Value: containers(func(c corev1.Container) string { return c.Image })},
	}
}

func setPodTemplateDefaults(template *corev1.PodTemplateSpec) {
	for _, containers := range [][]corev1.Container{template.Spec.InitContainers, template.Spec.Containers} {
		for i := range containers {
			for j := range containers[i].Ports {
				if port := &containers[i].Ports[j]; port.Protocol == "" {
					port.Protocol = corev1.ProtocolTCP // part of the key that ports are merged by
				}
			}
		}
	}
}

func validatePodTemplate(template *corev1.PodTemplateSpec, path *field.Path) field.ErrorList {
	errs := metav1validation.ValidateLabels(template.Labels, path.Child("metadata", "labels"))
	errs = append(errs, apivalidation.ValidateAnnotations(template.Annotations, path.Child("metadata", "annotations"))...)
	spec := path.Child("spec")
	if len(template.Spec.Containers) == 0 {
		errs = append(errs, field.Required(spec.Child("containers"), ""))
	}
	seen := map[string]bool{}
	errs = append(errs, validateContainers(template.Spec.InitContainers, seen, spec.Child("initContainers"))...)
	return append(errs, validateContainers(template.Spec.Containers, seen, spec.Child("containers"))...)
}

// validateServingTemplate checks the template of pods that are to run for ever, as those of all kinds but Jobs are.
func validateServingTemplate(template *corev1.PodTemplateSpec, kindName string, path *field.Path) field.ErrorList {
	errs := validatePodTemplate(template, path)
	spec := path.Child("spec")
	if policy := template.Spec.RestartPolicy; policy != "" && policy != corev1.RestartPolicyAlways {
		errs = append(errs, field.NotSupported(spec.Child("restartPolicy"), policy, []corev1.RestartPolicy{corev1.RestartPolicyAlways}))
	}
	if template.Spec.ActiveDeadlineSeconds != nil {
		errs = append(errs, field.Forbidden(spec.Child("activeDeadlineSeconds"), fmt.Sprintf("activeDeadlineSeconds in %s is not Supported", kindName)))
	}
	return errs
}

func validateContainers(list []corev1.Container, seen map[string]bool, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, c := range list {
		at := path.Index(i)
		switch {
		case c.Name == "":
			errs = append(errs, field.Required(at.Child("name"), ""))
		case seen[c.Name]:
			errs = append(errs, field.Duplicate(at.Child("name"), c.Name))
		default:
			for _, msg := range validation.IsDNS1123Label(c.Name) {
				errs = append(errs, field.Invalid(at.Child("name"), c.Name, msg))
			}
		}
		seen[c.Name] = true
		if strings.TrimSpace(c.Image) == "" {
			errs = append(errs, field.Required(at.Child("image"), ""))
		}
	}
	return errs
}
