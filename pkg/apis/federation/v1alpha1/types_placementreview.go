// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +genclient
// +genclient:onlyVerbs=create
// +genclient:noStatus
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PlacementReview asks where a workload would be placed now, and why. It is answered in its status when it is created;
// nothing is stored, and nothing is changed.
type PlacementReview struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object metadata. The namespace is the workload's.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// The question.
	Spec PlacementReviewSpec `json:"spec"`
	// The answer.
	// +optional
	Status PlacementReviewStatus `json:"status,omitempty"`
}

// PlacementReviewSpec is the question.
type PlacementReviewSpec struct {
	// The workload as it would be: a whole object of a kind that policies place, e.g. a Deployment. Without a spec, it is
	// the one of that name that there is.
	Workload JSON `json:"workload"`
	// Clusters that are left out, as if they were not joined.
	// +optional
	// +listType=set
	Without []string `json:"without,omitempty"`
	// Policies as they would be: whole PlacementPolicies. One of the name of a policy that there is stands for it.
	// +optional
	// +listType=atomic
	Policies []JSON `json:"policies,omitempty"`
}

// PlacementReviewStatus is the answer.
type PlacementReviewStatus struct {
	// What would be decided.
	Placement PlacementSpec `json:"placement"`
	// What that is for each cluster, beside what is in force now.
	// +optional
	// +listType=map
	// +listMapKey=cluster
	Changes []PlacementChange `json:"changes,omitempty"`
}

// PlacementChange is what one cluster has of a workload, and would have.
type PlacementChange struct {
	// Name of the cluster.
	Cluster string `json:"cluster"`
	// Replicas now.
	Now int32 `json:"now"`
	// Replicas then.
	Then int32 `json:"then"`
	// True if the cluster runs all of the workload now, which is not divided.
	// +optional
	NowWhole bool `json:"nowWhole,omitempty"`
	// True if it would.
	// +optional
	ThenWhole bool `json:"thenWhole,omitempty"`
	// Stable word for the reason.
	// +optional
	Code string `json:"code,omitempty"`
	// Why it would be that number, for people.
	// +optional
	Reason string `json:"reason,omitempty"`
}
