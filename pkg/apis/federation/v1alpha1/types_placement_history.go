// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// PlacementDecision is one decision on where a workload runs, as it is remembered.
type PlacementDecision struct {
	// Revision of the Placement with which it was decided.
	Revision int64 `json:"revision"`
	// When.
	Time metav1.Time `json:"time"`
	// Stable word for what was different: Created, PolicyChanged, Scaled, WorkloadChanged or ClustersChanged.
	Code string `json:"code"`
	// The same, for people.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Who changed that: a user, or what the change was made with, e.g. kubectl; empty if nobody did.
	// +optional
	By string `json:"by,omitempty"`
	// Name of the policy that applied; empty if none did.
	// +optional
	Policy string `json:"policy,omitempty"`
	// Generation of that policy.
	// +optional
	PolicyGeneration int64 `json:"policyGeneration,omitempty"`
	// What that policy said; absent if it is what it said at the decision before.
	// +optional
	PolicySpec *PlacementPolicySpec `json:"policySpec,omitempty"`
	// Replicas asked for over all clusters; absent where they are not divided.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Where the workload was to run.
	// +optional
	// +listType=map
	// +listMapKey=name
	Clusters []ClusterReplicas `json:"clusters,omitempty"`
}

// ClusterReplicas is how many replicas a cluster was to have.
type ClusterReplicas struct {
	// Name of the cluster.
	Name string `json:"name"`
	// Replicas it was to have; absent where they are not divided.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
}
