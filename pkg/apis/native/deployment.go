// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var deployments = func() kind.Kind {
	k := ident(appsv1.SchemeGroupVersion, "Deployment", "deployments", "deployment", "deploy")
	k.Categories = []string{"all"}
	k.New = func() runtime.Object { return &appsv1.Deployment{} }
	k.NewList = func() runtime.Object { return &appsv1.DeploymentList{} }
	k.Status = kind.Of(func(d *appsv1.Deployment) any { return &d.Status })
	k.Spec = kind.Of(func(d *appsv1.Deployment) any { return &d.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Validate = kind.OfBoth(validateDeployment)
	k.Scale = &kind.Scale{
		Replicas: func(obj runtime.Object) **int32 { return &obj.(*appsv1.Deployment).Spec.Replicas },
		Status:   deploymentScaleStatus,
	}
	k.Columns = []kind.Column{
		{Name: "Ready", Type: "string", Description: "Ready replicas of those asked for, over all clusters.", Value: kind.Of(func(d *appsv1.Deployment) any {
			return fmt.Sprintf("%d/%d", d.Status.ReadyReplicas, ptr.Deref(d.Spec.Replicas, 0))
		})},
		{Name: "Up-to-date", Type: "integer", Description: "Replicas of the current template.", Value: kind.Of(func(d *appsv1.Deployment) any { return int64(d.Status.UpdatedReplicas) })},
		{Name: "Available", Type: "integer", Description: "Replicas that have been ready for minReadySeconds.", Value: kind.Of(func(d *appsv1.Deployment) any { return int64(d.Status.AvailableReplicas) })},
		{Name: "Clusters", Type: "string", Description: "Replicas placed on each cluster.", Clusters: true},
		{Name: "Containers", Type: "string", Wide: true, Description: "Names of the containers in the template.", Value: kind.Of(func(d *appsv1.Deployment) any {
			return containers(d, func(c corev1.Container) string { return c.Name })
		})},
		{Name: "Images", Type: "string", Wide: true, Description: "Images of the containers in the template.", Value: kind.Of(func(d *appsv1.Deployment) any {
			return containers(d, func(c corev1.Container) string { return c.Image })
		})},
		{Name: "Selector", Type: "string", Wide: true, Description: appsv1.DeploymentSpec{}.SwaggerDoc()["selector"], Value: kind.Of(func(d *appsv1.Deployment) any {
			return metav1.FormatLabelSelector(d.Spec.Selector)
		})},
	}
	return k
}()

func containers(d *appsv1.Deployment, of func(corev1.Container) string) string {
	out := make([]string, 0, len(d.Spec.Template.Spec.Containers))
	for _, c := range d.Spec.Template.Spec.Containers {
		out = append(out, of(c))
	}
	return strings.Join(out, ",")
}

func deploymentScaleStatus(obj runtime.Object) (int32, string, error) {
	d := obj.(*appsv1.Deployment)
	selector, err := metav1.LabelSelectorAsSelector(d.Spec.Selector)
	if err != nil {
		return 0, "", err
	}
	return d.Status.Replicas, selector.String(), nil
}

func setDeploymentDefaults(d *appsv1.Deployment) {
	if d.Spec.Replicas == nil {
		d.Spec.Replicas = ptr.To[int32](1)
	}
	for _, containers := range [][]corev1.Container{d.Spec.Template.Spec.InitContainers, d.Spec.Template.Spec.Containers} {
		for i := range containers {
			for j := range containers[i].Ports {
				if port := &containers[i].Ports[j]; port.Protocol == "" {
					port.Protocol = corev1.ProtocolTCP // part of the key that ports are merged by
				}
			}
		}
	}
}

func validateDeployment(d, old *appsv1.Deployment) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(ptr.Deref(d.Spec.Replicas, 0)), spec.Child("replicas"))...)
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(d.Spec.MinReadySeconds), spec.Child("minReadySeconds"))...)
	errs = append(errs, validateTemplateSelector(d.Spec.Selector, d.Spec.Template.Labels, spec)...)
	errs = append(errs, validatePodTemplate(&d.Spec.Template, spec.Child("template"))...)
	if old != nil && !apiequality.Semantic.DeepEqual(d.Spec.Selector, old.Spec.Selector) {
		errs = append(errs, field.Invalid(spec.Child("selector"), d.Spec.Selector, apivalidation.FieldImmutableErrorMsg))
	}
	return errs
}

func validateTemplateSelector(selector *metav1.LabelSelector, template map[string]string, spec *field.Path) field.ErrorList {
	path := spec.Child("selector")
	if selector == nil {
		return field.ErrorList{field.Required(path, "")}
	}
	errs := metav1validation.ValidateLabelSelector(selector, metav1validation.LabelSelectorValidationOptions{}, path)
	if len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		errs = append(errs, field.Invalid(path, selector, "empty selector is invalid for deployment"))
	}
	if len(errs) > 0 {
		return errs
	}
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return append(errs, field.Invalid(path, selector, "invalid label selector"))
	}
	if !parsed.Matches(labels.Set(template)) {
		errs = append(errs, field.Invalid(spec.Child("template", "metadata", "labels"), template,
			"`selector` does not match template `labels`"))
	}
	return errs
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
