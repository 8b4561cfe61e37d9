// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// TrafficPolicy says which cluster the name server answers the clients of a Service or Ingress.
// Without one, each client is answered the nearest cluster that is ready.
type TrafficPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Whose clients, and where they are led.
	// +optional
	Spec TrafficPolicySpec `json:"spec,omitempty"`
	// Whether clients are led by it. Written by Drover.
	// +optional
	Status TrafficPolicyStatus `json:"status,omitempty"`
}

// TrafficPolicyStatus says whether clients are led by a policy.
type TrafficPolicyStatus struct {
	// Generation of the spec that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Applied: whether the clients of the target are led by this policy.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// TrafficPolicySpec is the policy.
type TrafficPolicySpec struct {
	// The Service or Ingress of the policy's namespace whose clients are led. Of several policies for one, the first by
	// name applies.
	// +optional
	Target TrafficTarget `json:"target,omitempty"`
	// Geo (default) answers the nearest cluster, Weighted divides clients by weight wherever they are, Failover answers
	// the nearest of the clusters of the highest priority.
	// +optional
	Mode TrafficMode `json:"mode,omitempty"`
	// Weights and priorities of the clusters. Only the clusters named here are answered; the name "*" stands for every
	// other one. Empty means every cluster, equally.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +patchMergeKey=name
	// +patchStrategy=merge
	Clusters []ClusterTraffic `json:"clusters,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	// How long an answer may be kept, in seconds. While a failure or a move is under way it is at most 5. Default 20.
	// +optional
	TTLSeconds *int32 `json:"ttlSeconds,omitempty"`
	// Passes clients of clusters that are full on to the next. Absent: how full a cluster is does not matter.
	// +optional
	Saturation *Saturation `json:"saturation,omitempty"`
	// What is answered when no cluster is healthy: NoData (default), nothing; LastKnown, the clusters as if they were.
	// +optional
	WhenNoneHealthy WhenNoneHealthy `json:"whenNoneHealthy,omitempty"`
}

// TrafficTarget names a Service or Ingress of the policy's namespace.
type TrafficTarget struct {
	// Service (default) or Ingress.
	// +optional
	Kind string `json:"kind,omitempty"`
	// Name of it. By default that of the policy.
	// +optional
	Name string `json:"name,omitempty"`
}

// TrafficMode says by what a cluster is chosen for a client.
// +enum
type TrafficMode string

const (
	// TrafficGeo answers the nearest cluster.
	TrafficGeo TrafficMode = "Geo"
	// TrafficWeighted divides clients by weight.
	TrafficWeighted TrafficMode = "Weighted"
	// TrafficFailover answers the nearest of the clusters of the highest priority.
	TrafficFailover TrafficMode = "Failover"
)

// ClusterTraffic is a cluster's share of the clients.
type ClusterTraffic struct {
	// Name of the cluster, or "*" for every cluster not named.
	Name string `json:"name"`
	// Share of the clients, relative to the other clusters' weights; 0 is never answered. Default 1.
	// +optional
	Weight *int64 `json:"weight,omitempty"`
	// In mode Failover, clusters of a higher priority are answered first.
	// +optional
	Priority int32 `json:"priority,omitempty"`
}

// Saturation has the watermarks of a cluster's load: how much of what its nodes have is requested, in per cent. Below low a
// cluster keeps all its clients, from there on it passes on a growing part, above high all.
type Saturation struct {
	// Per cent from which on clients are passed on, 0 to 99.
	Low int32 `json:"low"`
	// Per cent above which all are, greater than low, up to 100.
	High int32 `json:"high"`
}

// WhenNoneHealthy says what is answered when no cluster is healthy.
// +enum
type WhenNoneHealthy string

const (
	// AnswerNoData answers that there are no addresses.
	AnswerNoData WhenNoneHealthy = "NoData"
	// AnswerLastKnown answers as if the clusters were healthy.
	AnswerLastKnown WhenNoneHealthy = "LastKnown"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// TrafficPolicyList is a list of TrafficPolicies.
type TrafficPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	// Standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// The policies.
	Items []TrafficPolicy `json:"items"`
}
