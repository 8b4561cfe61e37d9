// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"slices"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

func autoscaler(change ...func(*autoscalingv2.HorizontalPodAutoscaler)) *autoscalingv2.HorizontalPodAutoscaler {
	h := &autoscalingv2.HorizontalPodAutoscaler{Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}, MaxReplicas: 3,
	}}
	for _, c := range change {
		c(h)
	}
	return defaulted(h)
}

func TestHorizontalPodAutoscaler(t *testing.T) {
	bounds := func(least, most int32) func(*autoscalingv2.HorizontalPodAutoscaler) {
		return func(h *autoscalingv2.HorizontalPodAutoscaler) { h.Spec.MinReplicas, h.Spec.MaxReplicas = &least, most }
	}
	metric := func(m autoscalingv2.MetricSpec) func(*autoscalingv2.HorizontalPodAutoscaler) {
		return func(h *autoscalingv2.HorizontalPodAutoscaler) { h.Spec.Metrics = []autoscalingv2.MetricSpec{m} }
	}
	for _, tt := range []struct {
		name   string
		change func(*autoscalingv2.HorizontalPodAutoscaler)
		want   []string
	}{
		{"plain", func(*autoscalingv2.HorizontalPodAutoscaler) {}, nil},
		{"none at the least", bounds(0, 3), []string{"spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"}},
		{"no most", bounds(1, 0), []string{"spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`", "spec.maxReplicas: Required value"}},
		{"a negative most", bounds(1, -1), []string{"spec.maxReplicas: Invalid value: -1: must be greater than or equal to `minReplicas`", "spec.maxReplicas: Invalid value: -1: must be greater than or equal to 1"}},
		{"more at the least than at the most", bounds(4, 3), []string{"spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"}},
		{"no target", func(h *autoscalingv2.HorizontalPodAutoscaler) {
			h.Spec.ScaleTargetRef = autoscalingv2.CrossVersionObjectReference{}
		}, []string{
			"spec.scaleTargetRef.kind: Required value", "spec.scaleTargetRef.name: Required value", `spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group`,
		}},
		{"a target that is a path", func(h *autoscalingv2.HorizontalPodAutoscaler) { h.Spec.ScaleTargetRef.Name = "a/b" }, []string{`spec.scaleTargetRef.name: Invalid value: "a/b"`}},
		{"a target of too many groups", func(h *autoscalingv2.HorizontalPodAutoscaler) { h.Spec.ScaleTargetRef.APIVersion = "a/b/c" }, []string{`spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c"`}},
		{"a metric without a type", metric(autoscalingv2.MetricSpec{}), []string{"spec.metrics[0].type: Required value"}},
		{"a metric of no type", metric(autoscalingv2.MetricSpec{Type: "Some"}), []string{`spec.metrics[0].type: Unsupported value: "Some"`}},
		{"a metric of another type", metric(autoscalingv2.MetricSpec{Type: "Resource", Pods: &autoscalingv2.PodsMetricSource{}}), []string{"spec.metrics[0].resource: Required value", "spec.metrics[0].pods: Forbidden"}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateHorizontalPodAutoscaler(autoscaler(tt.change), nil), tt.want...) })
	}
	if h := autoscaler(); *h.Spec.MinReplicas != 1 || metricTargets(h) != "cpu: <unknown>/80%" {
		t.Errorf("by default at least %d, %s", *h.Spec.MinReplicas, metricTargets(h))
	}
}

func TestMetricTargets(t *testing.T) {
	quantity := func(s string) *resource.Quantity { return ptr.To(resource.MustParse(s)) }
	average := autoscalingv2.MetricTarget{AverageValue: quantity("1k")}
	value := autoscalingv2.MetricTarget{Value: quantity("2")}
	for _, tt := range []struct {
		spec   autoscalingv2.MetricSpec
		status autoscalingv2.MetricStatus
		want   string
	}{
		{
			autoscalingv2.MetricSpec{Resource: &autoscalingv2.ResourceMetricSource{Name: "cpu", Target: autoscalingv2.MetricTarget{AverageUtilization: ptr.To[int32](50)}}},
			autoscalingv2.MetricStatus{Resource: &autoscalingv2.ResourceMetricStatus{Current: autoscalingv2.MetricValueStatus{AverageUtilization: ptr.To[int32](20)}}},
			"cpu: 20%/50%",
		},
		{autoscalingv2.MetricSpec{Resource: &autoscalingv2.ResourceMetricSource{Name: "memory", Target: average}}, autoscalingv2.MetricStatus{}, "memory: <unknown>/1k"},
		{
			autoscalingv2.MetricSpec{ContainerResource: &autoscalingv2.ContainerResourceMetricSource{Name: "cpu"}},
			autoscalingv2.MetricStatus{ContainerResource: &autoscalingv2.ContainerResourceMetricStatus{}},
			"cpu: <unknown>/<auto>",
		},
		{
			autoscalingv2.MetricSpec{Pods: &autoscalingv2.PodsMetricSource{Target: average}},
			autoscalingv2.MetricStatus{Pods: &autoscalingv2.PodsMetricStatus{Current: autoscalingv2.MetricValueStatus{AverageValue: quantity("500")}}},
			"500/1k",
		},
		{
			autoscalingv2.MetricSpec{Object: &autoscalingv2.ObjectMetricSource{Target: value}},
			autoscalingv2.MetricStatus{Object: &autoscalingv2.ObjectMetricStatus{Current: autoscalingv2.MetricValueStatus{Value: quantity("1")}}},
			"1/2",
		},
		{
			autoscalingv2.MetricSpec{External: &autoscalingv2.ExternalMetricSource{Target: average}},
			autoscalingv2.MetricStatus{External: &autoscalingv2.ExternalMetricStatus{Current: autoscalingv2.MetricValueStatus{AverageValue: quantity("3")}}},
			"3/1k (avg)",
		},
		{autoscalingv2.MetricSpec{}, autoscalingv2.MetricStatus{}, "<unknown type>"},
	} {
		h := &autoscalingv2.HorizontalPodAutoscaler{}
		h.Spec.Metrics, h.Status.CurrentMetrics = []autoscalingv2.MetricSpec{tt.spec}, []autoscalingv2.MetricStatus{tt.status}
		if got := metricTargets(h); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
		h.Spec.Metrics = append(h.Spec.Metrics, autoscalingv2.MetricSpec{}, autoscalingv2.MetricSpec{}, autoscalingv2.MetricSpec{})
		if got, want := metricTargets(h), tt.want+", <unknown type> + 2 more..."; got != want {
			t.Errorf("of four %q, want %q", got, want)
		}
	}
	if got := metricTargets(&autoscalingv2.HorizontalPodAutoscaler{}); got != "<none>" {
		t.Errorf("of none %q", got)
	}
}

func TestPodDisruptionBudget(t *testing.T) {
	budget := func(least, most string) *policyv1.PodDisruptionBudget {
		b := &policyv1.PodDisruptionBudget{Spec: policyv1.PodDisruptionBudgetSpec{Selector: webSelector()}}
		if least != "" {
			b.Spec.MinAvailable = ptr.To(intstr.Parse(least))
		}
		if most != "" {
			b.Spec.MaxUnavailable = ptr.To(intstr.Parse(most))
		}
		return b
	}
	expect(t, validatePodDisruptionBudget(budget("1", ""), nil))
	expect(t, validatePodDisruptionBudget(budget("", "100%"), nil))
	expect(t, validatePodDisruptionBudget(budget("", ""), nil))
	expect(t, validatePodDisruptionBudget(budget("1", "1"), nil), "spec: Invalid value: minAvailable and maxUnavailable cannot be both set")
	expect(t, validatePodDisruptionBudget(budget("-1", ""), nil), "spec.minAvailable: Invalid value: -1: must be greater than or equal to 0")
	expect(t, validatePodDisruptionBudget(budget("", "101%"), nil), `spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%`)
	expect(t, validatePodDisruptionBudget(budget("half", ""), nil), `spec.minAvailable: Invalid value: "half"`)
	wrong := budget("1", "")
	wrong.Spec.UnhealthyPodEvictionPolicy = ptr.To(policyv1.UnhealthyPodEvictionPolicyType("Some"))
	wrong.Spec.Selector.MatchLabels["no label"] = ""
	expect(t, validatePodDisruptionBudget(wrong, nil), `spec.unhealthyPodEvictionPolicy: Unsupported value: "Some"`, "spec.selector.matchLabels: Invalid value")
}

// list is of names and quantities in turn.
func list(of ...string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for pair := range slices.Chunk(of, 2) {
		out[corev1.ResourceName(pair[0])] = resource.MustParse(pair[1])
	}
	return out
}

func TestResourceQuota(t *testing.T) {
	for _, tt := range []struct {
		name string
		spec corev1.ResourceQuotaSpec
		want []string
	}{
		{"plain", corev1.ResourceQuotaSpec{Hard: list("pods", "3", "limits.cpu", "1500m", "requests.example.com/gpu", "4", "hugepages-2Mi", "1Gi", "count/jobs.batch", "5")}, nil},
		{"a resource that is none", corev1.ResourceQuotaSpec{Hard: list("coffee", "1")}, []string{`spec.hard[coffee]: Invalid value: "coffee": must be a standard resource for quota`}},
		{"a name that is none", corev1.ResourceQuotaSpec{Hard: list("a b", "1")}, []string{`spec.hard[a b]: Invalid value: "a b"`}},
		{"less than nothing", corev1.ResourceQuotaSpec{Hard: list("cpu", "-1")}, []string{`spec.hard[cpu]: Invalid value: "-1"`}},
		{"half a pod", corev1.ResourceQuotaSpec{Hard: list("pods", "500m")}, []string{`spec.hard[pods]: Invalid value: "500m": must be an integer`}},
		{"a scope", corev1.ResourceQuotaSpec{Scopes: []corev1.ResourceQuotaScope{"BestEffort", "Terminating"}}, nil},
		{"a scope that is none", corev1.ResourceQuotaSpec{Scopes: []corev1.ResourceQuotaScope{"Some"}}, []string{`spec.scopes[0]: Invalid value: "Some": unsupported scope`}},
		{"scopes that exclude each other", corev1.ResourceQuotaSpec{Scopes: []corev1.ResourceQuotaScope{"Terminating", "NotTerminating"}}, []string{"spec.scopes: Invalid value"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, validateResourceQuota(&corev1.ResourceQuota{Spec: tt.spec}, nil), tt.want...)
		})
	}
	scoped := &corev1.ResourceQuota{Spec: corev1.ResourceQuotaSpec{Scopes: []corev1.ResourceQuotaScope{"BestEffort"}}}
	expect(t, validateResourceQuota(scoped, scoped))
	expect(t, validateResourceQuota(&corev1.ResourceQuota{}, scoped), "spec.scopes: Invalid value")
	used := &corev1.ResourceQuota{Status: corev1.ResourceQuotaStatus{Hard: list("pods", "10", "cpu", "4", "limits.cpu", "8"), Used: list("pods", "3", "limits.cpu", "500m")}}
	if requests, limits := quotaUse(used, false), quotaUse(used, true); requests != "cpu: 0/4, pods: 3/10" || limits != "limits.cpu: 500m/8" {
		t.Errorf("used %q and %q", requests, limits)
	}
}

func TestQuotaScopeSelector(t *testing.T) {
	const at = "spec.scopeSelector.matchExpressions[0]."
	for _, tt := range []struct {
		requirement corev1.ScopedResourceSelectorRequirement
		want        []string
	}{
		{corev1.ScopedResourceSelectorRequirement{ScopeName: "PriorityClass", Operator: "In", Values: []string{"high"}}, nil},
		{corev1.ScopedResourceSelectorRequirement{ScopeName: "BestEffort", Operator: "Exists"}, nil},
		{corev1.ScopedResourceSelectorRequirement{ScopeName: "BestEffort", Operator: "In", Values: []string{"x"}}, []string{at + "operator: Invalid value"}},
		{corev1.ScopedResourceSelectorRequirement{ScopeName: "PriorityClass", Operator: "In"}, []string{at + "values: Required value"}},
		{corev1.ScopedResourceSelectorRequirement{ScopeName: "PriorityClass", Operator: "Exists", Values: []string{"x"}}, []string{at + "values: Invalid value"}},
		{corev1.ScopedResourceSelectorRequirement{ScopeName: "Some", Operator: "Like"}, []string{at + "scopeName: Invalid value", at + "operator: Invalid value"}},
	} {
		q := &corev1.ResourceQuota{Spec: corev1.ResourceQuotaSpec{ScopeSelector: &corev1.ScopeSelector{MatchExpressions: []corev1.ScopedResourceSelectorRequirement{tt.requirement}}}}
		expect(t, validateResourceQuota(q, nil), tt.want...)
	}
}

func TestLimitRange(t *testing.T) {
	const at = "spec.limits[0]."
	for _, tt := range []struct {
		name string
		item corev1.LimitRangeItem
		want []string
	}{
		{"plain", corev1.LimitRangeItem{Type: "Container", Min: list("cpu", "1"), DefaultRequest: list("cpu", "1"), Default: list("cpu", "2"), Max: list("cpu", "2")}, nil},
		{"a type that is none", corev1.LimitRangeItem{Type: "Some"}, []string{at + `type: Invalid value: "Some"`}},
		{"less than nothing", corev1.LimitRangeItem{Type: "Container", Min: list("cpu", "-1")}, []string{at + `min[cpu]: Invalid value: "-1"`}},
		{"a name that is none", corev1.LimitRangeItem{Type: "Container", Min: list("a b", "1")}, []string{at + `min[a b]: Invalid value: "a b"`}},
		{"min over max", corev1.LimitRangeItem{Type: "Pod", Min: list("cpu", "2"), Max: list("cpu", "1")}, []string{at + `min[cpu]: Invalid value: "2": min value 2 is greater than max value 1`}},
		{"default under min", corev1.LimitRangeItem{Type: "Container", Min: list("cpu", "2"), Default: list("cpu", "1")}, []string{at + `default[cpu]: Invalid value: "1": min value 2 is greater than default value 1`}},
		{"request over default", corev1.LimitRangeItem{Type: "Container", DefaultRequest: list("cpu", "2"), Default: list("cpu", "1")}, []string{at + `defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default value 1`}},
		{"defaults of pods", corev1.LimitRangeItem{Type: "Pod", Default: list("cpu", "1"), DefaultRequest: list("cpu", "1")}, []string{at + "default: Forbidden", at + "defaultRequest: Forbidden"}},
		{"claims without storage", corev1.LimitRangeItem{Type: "PersistentVolumeClaim"}, []string{at + "limits: Required value"}},
		{"claims", corev1.LimitRangeItem{Type: "PersistentVolumeClaim", Max: list("storage", "1Gi")}, nil},
		{"a ratio under one", corev1.LimitRangeItem{Type: "Container", MaxLimitRequestRatio: list("cpu", "500m")}, []string{at + `maxLimitRequestRatio[cpu]: Invalid value: "500m"`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			expect(t, validateLimitRange(&corev1.LimitRange{Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{tt.item}}}, nil), tt.want...)
		})
	}
	twice := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Name: "a"}, Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{Type: "Pod"}, {Type: "Pod"}}}}
	expect(t, validateLimitRange(twice, nil), `spec.limits[1].type: Duplicate value: "Pod"`)
}
