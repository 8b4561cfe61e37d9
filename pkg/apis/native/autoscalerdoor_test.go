// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

var memoryMetric = autoscalingv2.MetricSpec{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
	Name: corev1.ResourceMemory, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: ptr.To(resource.MustParse("1Gi"))},
}}

// scaledBy scales web by some metrics.
func scaledBy(metrics ...autoscalingv2.MetricSpec) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: "web", APIVersion: "apps/v1"},
			MinReplicas:    ptr.To[int32](2), MaxReplicas: 8, Metrics: metrics,
		},
	}
}

// What goes through autoscaling/v1 comes back as it was.
func TestAutoscalerV1LosesNothing(t *testing.T) {
	cpu := cpuMetrics(ptr.To[int32](60))[0]
	behaving := scaledBy(cpu)
	behaving.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: ptr.To[int32](9)}}
	behaving.Annotations = map[string]string{"a": "b"}
	behaving.Status = autoscalingv2.HorizontalPodAutoscalerStatus{
		CurrentReplicas: 3, DesiredReplicas: 4, ObservedGeneration: ptr.To[int64](5),
		Conditions: []autoscalingv2.HorizontalPodAutoscalerCondition{{Type: autoscalingv2.AbleToScale, Status: corev1.ConditionTrue}},
	}
	for name, want := range map[string]*autoscalingv2.HorizontalPodAutoscaler{
		"only CPU": scaledBy(cpu), "no metric": scaledBy(), "only another": scaledBy(memoryMetric),
		"another first": scaledBy(memoryMetric, cpu), "with a behavior": behaving,
	} {
		t.Run(name, func(t *testing.T) {
			var through autoscalingv1.HorizontalPodAutoscaler
			var got autoscalingv2.HorizontalPodAutoscaler
			toAutoscalerV1(want.DeepCopy(), &through)
			toAutoscaler(through.DeepCopy(), &got)
			if diff := cmp.Diff(want, &got); diff != "" {
				t.Errorf("through %+v (-want +got):\n%s", through, diff)
			}
		})
	}
}

// A client of autoscaling/v1 can change the one metric that it knows, and leaves the others alone.
func TestAutoscalerV1ChangesCPU(t *testing.T) {
	for name, tt := range map[string]struct {
		before *autoscalingv2.HorizontalPodAutoscaler
		target *int32
		want   []autoscalingv2.MetricSpec
	}{
		"another value":   {scaledBy(memoryMetric, cpuMetrics(ptr.To[int32](60))[0]), ptr.To[int32](70), []autoscalingv2.MetricSpec{memoryMetric, cpuMetrics(ptr.To[int32](70))[0]}},
		"taken away":      {scaledBy(memoryMetric, cpuMetrics(ptr.To[int32](60))[0]), nil, []autoscalingv2.MetricSpec{memoryMetric}},
		"one more":        {scaledBy(memoryMetric), ptr.To[int32](70), []autoscalingv2.MetricSpec{cpuMetrics(ptr.To[int32](70))[0], memoryMetric}},
		"the only metric": {scaledBy(cpuMetrics(ptr.To[int32](60))...), ptr.To[int32](70), cpuMetrics(ptr.To[int32](70))},
	} {
		t.Run(name, func(t *testing.T) {
			var through autoscalingv1.HorizontalPodAutoscaler
			var got autoscalingv2.HorizontalPodAutoscaler
			toAutoscalerV1(tt.before, &through)
			through.Spec.TargetCPUUtilizationPercentage = tt.target
			toAutoscaler(&through, &got)
			if diff := cmp.Diff(tt.want, got.Spec.Metrics); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
