// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/members"
)

// HorizontalPodAutoscaler goes where the workload is placed that it scales.
var HorizontalPodAutoscaler = &Kind{
	GroupVersionKind: autoscalingv2.SchemeGroupVersion.WithKind("HorizontalPodAutoscaler"),
	Resource:         members.HorizontalPodAutoscalers,
	Behind: func(obj runtime.Object, kind *Kind, other runtime.Object) bool {
		return Scales(obj.(*autoscalingv2.HorizontalPodAutoscaler), KeyFor(kind, other.(Object)))
	},
	Wants: kind.Of(func(h *autoscalingv2.HorizontalPodAutoscaler) []string {
		return []string{nameTerm(h.Spec.ScaleTargetRef.Kind, h.Spec.ScaleTargetRef.Name)}
	}),
	Localize: localizeAutoscaler,
	Observed: kind.Of(func(h *autoscalingv2.HorizontalPodAutoscaler) int64 {
		return ptr.Deref(h.Status.ObservedGeneration, h.Generation)
	}),
	Report: reportBy(func(h *autoscalingv2.HorizontalPodAutoscaler, into *v1alpha1.ClusterPlacementStatus) {
		status := h.Status
		status.ObservedGeneration, status.CurrentMetrics = nil, nil
		keep(into, status)
	}),
	Sum: sumBy(sumAutoscaler),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*autoscalingv2.HorizontalPodAutoscaler] {
		return kube.AutoscalingV2().HorizontalPodAutoscalers(namespace)
	}),
}

// Scales says whether a HorizontalPodAutoscaler is one of a workload of its namespace.
func Scales(h *autoscalingv2.HorizontalPodAutoscaler, key Key) bool {
	scaled := h.Spec.ScaleTargetRef
	return schema.FromAPIVersionAndKind(scaled.APIVersion, scaled.Kind).GroupKind() == key.Kind.GroupKind() && key.Name == scaled.Name
}

// localizeAutoscaler gives a cluster its share of the bounds. Where the workload is not divided it has none: then each
// cluster scales between the whole's.
func localizeAutoscaler(obj runtime.Object, spec *v1alpha1.PlacementSpec, cluster string) {
	h := obj.(*autoscalingv2.HorizontalPodAutoscaler)
	if share := Share(spec, cluster); share != nil && share.MaxReplicas != nil {
		h.Spec.MinReplicas, h.Spec.MaxReplicas = share.MinReplicas, *share.MaxReplicas
	}
}

// sumAutoscaler adds up replicas, and merges conditions: the bad ones are said, with the names of the clusters.
func sumAutoscaler(h *autoscalingv2.HorizontalPodAutoscaler, r Reports) {
	next := autoscalingv2.HorizontalPodAutoscalerStatus{}
	if observed := r.observed(ptr.Deref(h.Status.ObservedGeneration, 0)); observed > 0 {
		next.ObservedGeneration = &observed
	}
	var kinds []autoscalingv2.HorizontalPodAutoscalerConditionType
	for i := range r.Clusters {
		in := kept[autoscalingv2.HorizontalPodAutoscalerStatus](&r.Clusters[i])
		next.CurrentReplicas += in.CurrentReplicas
		next.DesiredReplicas += in.DesiredReplicas
		next.LastScaleTime = newest(next.LastScaleTime, in.LastScaleTime)
		for _, c := range in.Conditions {
			if !slices.Contains(kinds, c.Type) {
				kinds = append(kinds, c.Type)
			}
		}
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		next.Conditions = append(next.Conditions, r.autoscalerCondition(kind))
	}
	h.Status = next
}

// autoscalerCondition is what the clusters say that are worst off: that it is limited, or that anything else is not so.
func (r Reports) autoscalerCondition(kind autoscalingv2.HorizontalPodAutoscalerConditionType) autoscalingv2.HorizontalPodAutoscalerCondition {
	bad := corev1.ConditionFalse
	if kind == autoscalingv2.ScalingLimited {
		bad = corev1.ConditionTrue
	}
	of := func(c *v1alpha1.ClusterPlacementStatus) *autoscalingv2.HorizontalPodAutoscalerCondition {
		for _, c := range kept[autoscalingv2.HorizontalPodAutoscalerStatus](c).Conditions {
			if c.Type == kind {
				return &c
			}
		}
		return nil
	}
	var merged autoscalingv2.HorizontalPodAutoscalerCondition
	for i := range r.Clusters {
		if c := of(&r.Clusters[i]); c != nil && (merged.Type == "" || c.Status == bad && merged.Status != bad) {
			merged = *c
		}
	}
	merged.Message = r.messages(func(c *v1alpha1.ClusterPlacementStatus) string {
		if same := of(c); same != nil && same.Status == merged.Status {
			return same.Message
		}
		return ""
	})
	return merged
}
