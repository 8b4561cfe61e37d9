// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"encoding/json"
	"maps"
	"slices"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

// autoscalerDoor is autoscaling/v1, which some versions of kubectl autoscale write. It knows of one metric, the utilization
// of CPU; what else there is goes through it in an annotation, so that nothing is lost either way.
var autoscalerDoor = kind.Door{GroupVersion: autoscalingv1.SchemeGroupVersion, ShortNames: []string{"hpa"}, Categories: []string{"all"}}

// annotationBeyondV1 has what autoscaling/v1 has no fields for. It is there in objects of that version only.
const annotationBeyondV1 = v1alpha1.GroupName + "/beyond-autoscaling-v1"

type beyondV1 struct {
	Metrics        []autoscalingv2.MetricSpec                       `json:"metrics,omitempty"`
	Behavior       *autoscalingv2.HorizontalPodAutoscalerBehavior   `json:"behavior,omitempty"`
	CurrentMetrics []autoscalingv2.MetricStatus                     `json:"currentMetrics,omitempty"`
	Conditions     []autoscalingv2.HorizontalPodAutoscalerCondition `json:"conditions,omitempty"`
}

// setHorizontalPodAutoscalerV1Defaults sets what setHorizontalPodAutoscalerDefaults does, in the fields of the other version.
func setHorizontalPodAutoscalerV1Defaults(h *autoscalingv1.HorizontalPodAutoscaler) {
	setReplicasDefault(&h.Spec.MinReplicas)
	if _, more := h.Annotations[annotationBeyondV1]; !more && h.Spec.TargetCPUUtilizationPercentage == nil {
		h.Spec.TargetCPUUtilizationPercentage = ptr.To[int32](defaultUtilization)
	}
}

func toAutoscalerV1(in *autoscalingv2.HorizontalPodAutoscaler, out *autoscalingv1.HorizontalPodAutoscaler) {
	*out = autoscalingv1.HorizontalPodAutoscaler{
		ObjectMeta: in.ObjectMeta,
		Spec: autoscalingv1.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv1.CrossVersionObjectReference(in.Spec.ScaleTargetRef),
			MinReplicas:    in.Spec.MinReplicas, MaxReplicas: in.Spec.MaxReplicas,
		},
		Status: autoscalingv1.HorizontalPodAutoscalerStatus{
			ObservedGeneration: in.Status.ObservedGeneration, LastScaleTime: in.Status.LastScaleTime,
			CurrentReplicas: in.Status.CurrentReplicas, DesiredReplicas: in.Status.DesiredReplicas,
		},
	}
	if i := slices.IndexFunc(in.Spec.Metrics, isCPUUtilization); i >= 0 {
		out.Spec.TargetCPUUtilizationPercentage = in.Spec.Metrics[i].Resource.Target.AverageUtilization
	}
	for _, m := range in.Status.CurrentMetrics {
		if m.Resource != nil && m.Resource.Name == corev1.ResourceCPU {
			out.Status.CurrentCPUUtilizationPercentage = m.Resource.Current.AverageUtilization
		}
	}
	beyond := beyondV1{Behavior: in.Spec.Behavior, CurrentMetrics: in.Status.CurrentMetrics, Conditions: in.Status.Conditions}
	if !apiequality.Semantic.DeepEqual(in.Spec.Metrics, cpuMetrics(out.Spec.TargetCPUUtilizationPercentage)) {
		beyond.Metrics = in.Spec.Metrics
	}
	if apiequality.Semantic.DeepEqual(beyond, beyondV1{}) {
		return
	}
	if text, err := json.Marshal(beyond); err == nil { // plain values always can be
		out.Annotations = maps.Clone(out.Annotations)
		if out.Annotations == nil {
			out.Annotations = map[string]string{}
		}
		out.Annotations[annotationBeyondV1] = string(text)
	}
}

func toAutoscaler(in *autoscalingv1.HorizontalPodAutoscaler, out *autoscalingv2.HorizontalPodAutoscaler) {
	*out = autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: in.ObjectMeta,
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference(in.Spec.ScaleTargetRef),
			MinReplicas:    in.Spec.MinReplicas, MaxReplicas: in.Spec.MaxReplicas,
		},
		Status: autoscalingv2.HorizontalPodAutoscalerStatus{
			ObservedGeneration: in.Status.ObservedGeneration, LastScaleTime: in.Status.LastScaleTime,
			CurrentReplicas: in.Status.CurrentReplicas, DesiredReplicas: in.Status.DesiredReplicas,
		},
	}
	var beyond beyondV1
	if text, ok := in.Annotations[annotationBeyondV1]; ok {
		_ = json.Unmarshal([]byte(text), &beyond) // what somebody else wrote there is not ours to read
		out.Annotations = maps.Clone(in.Annotations)
		delete(out.Annotations, annotationBeyondV1)
		if len(out.Annotations) == 0 {
			out.Annotations = nil
		}
	}
	out.Spec.Behavior, out.Status.CurrentMetrics, out.Status.Conditions = beyond.Behavior, beyond.CurrentMetrics, beyond.Conditions
	out.Spec.Metrics = withCPUUtilization(beyond.Metrics, in.Spec.TargetCPUUtilizationPercentage)
	if in.Status.CurrentCPUUtilizationPercentage != nil && len(out.Status.CurrentMetrics) == 0 {
		out.Status.CurrentMetrics = []autoscalingv2.MetricStatus{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricStatus{
			Name: corev1.ResourceCPU, Current: autoscalingv2.MetricValueStatus{AverageUtilization: in.Status.CurrentCPUUtilizationPercentage},
		}}}
	}
}

// withCPUUtilization are the metrics with that utilization of CPU, or without any.
func withCPUUtilization(metrics []autoscalingv2.MetricSpec, percent *int32) []autoscalingv2.MetricSpec {
	i := slices.IndexFunc(metrics, isCPUUtilization)
	switch {
	case i < 0:
		return append(cpuMetrics(percent), metrics...)
	case percent == nil:
		return slices.Delete(metrics, i, i+1)
	}
	metrics[i].Resource.Target.AverageUtilization = percent
	return metrics
}

func isCPUUtilization(m autoscalingv2.MetricSpec) bool {
	return m.Type == autoscalingv2.ResourceMetricSourceType && m.Resource != nil && m.Resource.Name == corev1.ResourceCPU && m.Resource.Target.AverageUtilization != nil
}

// cpuMetrics is the one metric that both versions know.
func cpuMetrics(percent *int32) []autoscalingv2.MetricSpec {
	if percent == nil {
		return nil
	}
	return []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
		Name:   corev1.ResourceCPU,
		Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: percent},
	}}}
}

func addAutoscalerDefaults(scheme *runtime.Scheme) {
	scheme.AddTypeDefaultingFunc(&autoscalingv1.HorizontalPodAutoscaler{}, func(obj any) {
		setHorizontalPodAutoscalerV1Defaults(obj.(*autoscalingv1.HorizontalPodAutoscaler))
	})
}
