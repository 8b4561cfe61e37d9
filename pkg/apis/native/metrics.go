// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
)

// metricTargets prints the first two metrics, each as what it is and what it is to be.
func metricTargets(h *autoscalingv2.HorizontalPodAutoscaler) string {
	const shown = 2
	out := ""
	for i := range min(len(h.Spec.Metrics), shown) {
		if i > 0 {
			out += ", "
		}
		var status autoscalingv2.MetricStatus
		if i < len(h.Status.CurrentMetrics) {
			status = h.Status.CurrentMetrics[i]
		}
		out += metricTarget(&h.Spec.Metrics[i], &status)
	}
	switch more := len(h.Spec.Metrics) - shown; {
	case out == "":
		return "<none>"
	case more > 0:
		return fmt.Sprintf("%s + %d more...", out, more)
	}
	return out
}

func metricTarget(m *autoscalingv2.MetricSpec, status *autoscalingv2.MetricStatus) string {
	var current autoscalingv2.MetricValueStatus
	switch {
	case m.Resource != nil:
		if status.Resource != nil {
			current = status.Resource.Current
		}
		return fmt.Sprintf("%s: %s", m.Resource.Name, resourceTarget(m.Resource.Target, current))
	case m.ContainerResource != nil:
		if status.ContainerResource != nil {
			current = status.ContainerResource.Current
		}
		return fmt.Sprintf("%s: %s", m.ContainerResource.Name, resourceTarget(m.ContainerResource.Target, current))
	case m.Pods != nil:
		if status.Pods != nil {
			current = status.Pods.Current
		}
		return quantities(current.AverageValue, m.Pods.Target.AverageValue)
	case m.Object != nil:
		if status.Object != nil {
			current = status.Object.Current
		}
		return valueTarget(m.Object.Target, current)
	case m.External != nil:
		if status.External != nil {
			current = status.External.Current
		}
		return valueTarget(m.External.Target, current)
	default:
		return "<unknown type>"
	}
}

func resourceTarget(target autoscalingv2.MetricTarget, current autoscalingv2.MetricValueStatus) string {
	if target.AverageValue != nil {
		return quantities(current.AverageValue, target.AverageValue)
	}
	percent := func(value *int32, none string) string {
		if value == nil {
			return none
		}
		return fmt.Sprintf("%d%%", *value)
	}
	return percent(current.AverageUtilization, "<unknown>") + "/" + percent(target.AverageUtilization, "<auto>")
}

func valueTarget(target autoscalingv2.MetricTarget, current autoscalingv2.MetricValueStatus) string {
	if target.AverageValue != nil {
		return quantities(current.AverageValue, target.AverageValue) + " (avg)"
	}
	return quantities(current.Value, target.Value)
}

func quantities(current, target *resource.Quantity) string {
	if current == nil {
		return "<unknown>/" + target.String()
	}
	return current.String() + "/" + target.String()
}
