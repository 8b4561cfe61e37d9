// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"errors"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/conversion"
	"k8s.io/apimachinery/pkg/runtime"
)

// AddConversions registers how objects are converted between the doors of a kind that have other fields.
func AddConversions(scheme *runtime.Scheme) error {
	return errors.Join(
		convert(scheme, toCoreEvent),
		convert(scheme, toEvent),
		convert(scheme, func(in *eventsv1.EventList, out *corev1.EventList) {
			out.ListMeta, out.Items = in.ListMeta, convertAll(in.Items, toCoreEvent)
		}),
		convert(scheme, func(in *corev1.EventList, out *eventsv1.EventList) {
			out.ListMeta, out.Items = in.ListMeta, convertAll(in.Items, toEvent)
		}),
		convert(scheme, toAutoscaler),
		convert(scheme, toAutoscalerV1),
		convert(scheme, func(in *autoscalingv1.HorizontalPodAutoscalerList, out *autoscalingv2.HorizontalPodAutoscalerList) {
			out.ListMeta, out.Items = in.ListMeta, convertAll(in.Items, toAutoscaler)
		}),
		convert(scheme, func(in *autoscalingv2.HorizontalPodAutoscalerList, out *autoscalingv1.HorizontalPodAutoscalerList) {
			out.ListMeta, out.Items = in.ListMeta, convertAll(in.Items, toAutoscalerV1)
		}),
	)
}

func convert[A, B any](scheme *runtime.Scheme, f func(*A, *B)) error {
	return scheme.AddConversionFunc((*A)(nil), (*B)(nil), func(a, b any, _ conversion.Scope) error {
		f(a.(*A), b.(*B))
		return nil
	})
}

func convertAll[A, B any](in []A, f func(*A, *B)) []B {
	out := make([]B, len(in))
	for i := range in {
		f(&in[i], &out[i])
	}
	return out
}
