// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"slices"
	"strconv"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

// defaultUtilization is the percentage of the requested CPU that is aimed at where no metric is named, as in Kubernetes.
const defaultUtilization = 80

var horizontalPodAutoscalers = func() kind.Kind {
	k := ident(autoscalingv2.SchemeGroupVersion, "HorizontalPodAutoscaler", "horizontalpodautoscalers", "horizontalpodautoscaler", "hpa")
	k.Categories = []string{"all"}
	k.Doors = []kind.Door{autoscalerDoor}
	k.New = func() runtime.Object { return &autoscalingv2.HorizontalPodAutoscaler{} }
	k.NewList = func() runtime.Object { return &autoscalingv2.HorizontalPodAutoscalerList{} }
	k.Status = kind.Of(func(h *autoscalingv2.HorizontalPodAutoscaler) any { return &h.Status })
	k.Spec = kind.Of(func(h *autoscalingv2.HorizontalPodAutoscaler) any { return &h.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Default = kind.On(setHorizontalPodAutoscalerDefaults)
	k.Validate = kind.OfBoth(validateHorizontalPodAutoscaler)
	k.Columns = []kind.Column{
		{Name: "Reference", Type: "string", Description: "What is scaled.", Value: kind.Of(func(h *autoscalingv2.HorizontalPodAutoscaler) any {
			return h.Spec.ScaleTargetRef.Kind + "/" + h.Spec.ScaleTargetRef.Name
		})},
		{Name: "Targets", Type: "string", Description: "Each metric, and what it is to be.", Value: kind.Of(func(h *autoscalingv2.HorizontalPodAutoscaler) any { return metricTargets(h) })},
		{Name: "MinPods", Type: "string", Description: "The fewest replicas to scale to.", Value: kind.Of(func(h *autoscalingv2.HorizontalPodAutoscaler) any {
			if h.Spec.MinReplicas == nil {
				return "<unset>"
			}
			return strconv.Itoa(int(*h.Spec.MinReplicas))
		})},
		{Name: "MaxPods", Type: "string", Description: "The most replicas to scale to.", Value: kind.Of(func(h *autoscalingv2.HorizontalPodAutoscaler) any { return int64(h.Spec.MaxReplicas) })},
		{Name: "Replicas", Type: "string", Description: "Replicas there are, over all clusters.", Value: kind.Of(func(h *autoscalingv2.HorizontalPodAutoscaler) any { return int64(h.Status.CurrentReplicas) })},
		{Name: "Clusters", Type: "string", Description: "Clusters the autoscaler works on.", Clusters: true},
	}
	return k
}()

func setHorizontalPodAutoscalerDefaults(h *autoscalingv2.HorizontalPodAutoscaler) {
	setReplicasDefault(&h.Spec.MinReplicas)
	if len(h.Spec.Metrics) == 0 {
		h.Spec.Metrics = []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
			Name:   corev1.ResourceCPU,
			Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: ptr.To[int32](defaultUtilization)},
		}}}
	}
}

func validateHorizontalPodAutoscaler(h, _ *autoscalingv2.HorizontalPodAutoscaler) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateScaleTarget(h.Spec.ScaleTargetRef, spec.Child("scaleTargetRef"))
	if h.Spec.MinReplicas != nil && *h.Spec.MinReplicas < 1 {
		errs = append(errs, field.Invalid(spec.Child("minReplicas"), *h.Spec.MinReplicas, "must be greater than or equal to 1"))
	}
	most := spec.Child("maxReplicas")
	if h.Spec.MaxReplicas < ptr.Deref(h.Spec.MinReplicas, 1) {
		errs = append(errs, field.Invalid(most, h.Spec.MaxReplicas, "must be greater than or equal to `minReplicas`"))
	}
	switch {
	case h.Spec.MaxReplicas == 0:
		errs = append(errs, field.Required(most, ""))
	case h.Spec.MaxReplicas < 0:
		errs = append(errs, field.Invalid(most, h.Spec.MaxReplicas, "must be greater than or equal to 1"))
	}
	for i := range h.Spec.Metrics {
		errs = append(errs, validateMetric(&h.Spec.Metrics[i], spec.Child("metrics").Index(i))...)
	}
	return errs
}

func validateScaleTarget(ref autoscalingv2.CrossVersionObjectReference, path *field.Path) field.ErrorList {
	errs := validatePathSegment(ref.Kind, path.Child("kind"))
	errs = append(errs, validatePathSegment(ref.Name, path.Child("name"))...)
	switch gv, err := schema.ParseGroupVersion(ref.APIVersion); {
	case err != nil:
		errs = append(errs, field.Invalid(path.Child("apiVersion"), ref.APIVersion, err.Error()))
	case gv.Group == "" && ref.Kind != "ReplicationController":
		errs = append(errs, field.Invalid(path.Child("apiVersion"), ref.APIVersion, "apiVersion must specify API group"))
	}
	return errs
}

// validatePathSegment is for names that become part of a URL. They must not be empty.
func validatePathSegment(name string, path *field.Path) field.ErrorList {
	if name == "" {
		return field.ErrorList{field.Required(path, "")}
	}
	var errs field.ErrorList
	for _, msg := range content.IsPathSegmentName(name) {
		errs = append(errs, field.Invalid(path, name, msg))
	}
	return errs
}

var metricTypes = []autoscalingv2.MetricSourceType{
	autoscalingv2.ContainerResourceMetricSourceType, autoscalingv2.ExternalMetricSourceType, autoscalingv2.ObjectMetricSourceType,
	autoscalingv2.PodsMetricSourceType, autoscalingv2.ResourceMetricSourceType,
}

// validateMetric asks that a metric has the one source that its type names.
func validateMetric(m *autoscalingv2.MetricSpec, path *field.Path) field.ErrorList {
	if m.Type == "" {
		return field.ErrorList{field.Required(path.Child("type"), "must specify a metric source type")}
	}
	if !slices.Contains(metricTypes, m.Type) {
		return field.ErrorList{field.NotSupported(path.Child("type"), m.Type, metricTypes)}
	}
	var errs field.ErrorList
	for _, source := range []struct {
		of    autoscalingv2.MetricSourceType
		field string
		given bool
	}{
		{autoscalingv2.ObjectMetricSourceType, "object", m.Object != nil},
		{autoscalingv2.ExternalMetricSourceType, "external", m.External != nil},
		{autoscalingv2.PodsMetricSourceType, "pods", m.Pods != nil},
		{autoscalingv2.ResourceMetricSourceType, "resource", m.Resource != nil},
		{autoscalingv2.ContainerResourceMetricSourceType, "containerResource", m.ContainerResource != nil},
	} {
		switch {
		case source.of == m.Type && !source.given:
			errs = append(errs, field.Required(path.Child(source.field), "must populate information for the given metric source"))
		case source.of != m.Type && source.given:
			errs = append(errs, field.Forbidden(path.Child(source.field), "must populate the given metric source only"))
		}
	}
	return errs
}
