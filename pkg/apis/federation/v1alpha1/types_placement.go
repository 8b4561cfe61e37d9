// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Placement records where a workload runs and why. Drover writes it, one a workload, named <kind>-<name> in lower case,
// e.g. deployment-web; it goes when the workload goes.
type Placement struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What was decided.
	Spec PlacementSpec `json:"spec"`
	// What the members report.
	// +optional
	Status PlacementStatus `json:"status,omitempty"`
}

// PlacementSpec is the decision.
type PlacementSpec struct {
	// The workload that is placed.
	Workload WorkloadReference `json:"workload"`
	// Counts the decisions; goes up by one whenever clusters or replicas change.
	Revision int64 `json:"revision"`
	// Generation of the workload that was decided on.
	// +optional
	WorkloadGeneration int64 `json:"workloadGeneration,omitempty"`
	// Name of the policy that applied; empty if none did.
	// +optional
	Policy string `json:"policy,omitempty"`
	// Generation of that policy.
	// +optional
	PolicyGeneration int64 `json:"policyGeneration,omitempty"`
	// Replicas asked for over all clusters, or completions of a Job; absent where they are not divided.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// The HorizontalPodAutoscaler that scales the workload; absent if none does. Its bounds are divided, and the replicas
	// are left to the clusters' own autoscalers.
	// +optional
	Autoscaler *Autoscaler `json:"autoscaler,omitempty"`
	// Replicas that found no cluster.
	// +optional
	Unplaced int32 `json:"unplaced,omitempty"`
	// Completions of a Job in clusters that run it no more.
	// +optional
	Completed int32 `json:"completed,omitempty"`
	// Stable word for why not everything could be placed; empty if it could.
	// +optional
	Problem string `json:"problem,omitempty"`
	// The same, for people.
	// +optional
	ProblemMessage string `json:"problemMessage,omitempty"`
	// What is not done of what the policy or the workload asks for; empty if all is.
	// +optional
	// +listType=atomic
	Omissions []PlacementOmission `json:"omissions,omitempty"`
	// What unmanaged objects of the same name in a member are treated like; from the policy.
	// +optional
	Conflict ConflictPolicy `json:"conflict,omitempty"`
	// What is different in some of the clusters; the policy's overrides, with the clusters by name.
	// +optional
	// +listType=atomic
	Overrides []Override `json:"overrides,omitempty"`
	// Hash of the workload's pod template; absent where a change of it replaces no pods.
	// +optional
	TemplateHash string `json:"templateHash,omitempty"`
	// Pod templates of before that clusters still have, while another one is rolled out in one cluster after the other.
	// +optional
	// +listType=atomic
	Templates []PlacementTemplate `json:"templates,omitempty"`
	// Where the workload runs.
	// +optional
	// +listType=atomic
	Clusters []ClusterAssignment `json:"clusters,omitempty"`
	// Clusters that turned out to have less room than their free resources say.
	// +optional
	// +listType=atomic
	Limits []ClusterLimit `json:"limits,omitempty"`
	// When a replica was last moved only to meet the weights again.
	// +optional
	LastMoveTime *metav1.Time `json:"lastMoveTime,omitempty"`
	// The latest rebalanceTime of a cluster that the workload was spread anew for.
	// +optional
	RebalanceTime *metav1.Time `json:"rebalanceTime,omitempty"`
	// The PodDisruptionBudget by which a move leaves more replicas available than the policy asks for; absent if none does.
	// +optional
	Budget *PlacementBudget `json:"budget,omitempty"`
	// The Migration under way that moves it; absent if none does.
	// +optional
	Migration *PlacementMigration `json:"migration,omitempty"`
	// Where it does not run, and why.
	// +optional
	// +listType=atomic
	Excluded []ClusterExclusion `json:"excluded,omitempty"`
	// The last decisions that sent it elsewhere than the one before, the oldest first.
	// +optional
	// +listType=atomic
	History []PlacementDecision `json:"history,omitempty"`
}

// PlacementMigration is a Migration as one workload sees it, and what is behind the assignments that it changed.
type PlacementMigration struct {
	// Name of the Migration.
	Name string `json:"name"`
	// Cluster that is left.
	From string `json:"from"`
	// Cluster that takes over.
	To string `json:"to"`
	// Per cent of what the source would have that is placed on the target.
	// +optional
	Weight int32 `json:"weight,omitempty"`
	// Per cent of the source's clients that are answered the target.
	// +optional
	Traffic int32 `json:"traffic,omitempty"`
	// True if the target would have nothing of the workload without the Migration: its clients are only those that moved.
	// +optional
	Newcomer bool `json:"newcomer,omitempty"`
	// What the source would have without the Migration; absent where it is not divided.
	// +optional
	FromReplicas *int32 `json:"fromReplicas,omitempty"`
	// What the target would have without it.
	// +optional
	ToReplicas *int32 `json:"toReplicas,omitempty"`
	// Why the target does not take all that it should, for people; empty if it does.
	// +optional
	Blocked string `json:"blocked,omitempty"`
}

// PlacementTemplate is a pod template that a workload had before.
type PlacementTemplate struct {
	// Hash of the template.
	Hash string `json:"hash"`
	// The template, a PodTemplateSpec.
	Template JSON `json:"template"`
}

// Autoscaler is a HorizontalPodAutoscaler of the workload's namespace.
type Autoscaler struct {
	// Name of the HorizontalPodAutoscaler.
	Name string `json:"name"`
	// Fewest replicas over all clusters.
	MinReplicas int32 `json:"minReplicas"`
	// Most replicas over all clusters.
	MaxReplicas int32 `json:"maxReplicas"`
}

// WorkloadReference names the object a Placement is of.
type WorkloadReference struct {
	// API version of the workload, e.g. apps/v1.
	APIVersion string `json:"apiVersion"`
	// Kind of the workload, e.g. Deployment.
	Kind string `json:"kind"`
	// Name of the workload.
	Name string `json:"name"`
	// UID of the workload.
	// +optional
	UID string `json:"uid,omitempty"`
}

// PlacementBudget is what a PodDisruptionBudget asks of moves.
type PlacementBudget struct {
	// Name of the PodDisruptionBudget.
	Name string `json:"name"`
	// How many replicas it wants available at least, over all clusters.
	MinAvailable int32 `json:"minAvailable"`
}

// PlacementOmission is something that is asked for, and not done.
type PlacementOmission struct {
	// Stable word for it.
	Code string `json:"code"`
	// What is not done, and why, for people.
	Message string `json:"message"`
}

// ClusterAssignment is what one cluster gets.
type ClusterAssignment struct {
	// Name of the cluster.
	Name string `json:"name"`
	// Replicas for the cluster now; absent where they are not divided.
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`
	// Fewest replicas for the cluster's autoscaler; at least 1, since it takes no less.
	// +optional
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	// Most replicas for the cluster's autoscaler. Where it is set, replicas is what the workload starts with.
	// +optional
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`
	// The cluster's part of the number of a PodDisruptionBudget. Absent where the budget is in per cent, or where clusters run
	// all of what is behind it.
	// +optional
	Budget *int32 `json:"budget,omitempty"`
	// Replicas the cluster is on its way to, while a move is under way; where maxReplicas is set, what that is on its way to.
	// +optional
	Target *int32 `json:"target,omitempty"`
	// The cluster holds the object, but runs nothing of it: it has no replicas, or is suspended.
	// +optional
	Idle bool `json:"idle,omitempty"`
	// Hash of the pod template that the cluster keeps until it is its turn to have the workload's. Absent: it has that.
	// +optional
	TemplateHash string `json:"templateHash,omitempty"`
	// Generation of the workload at which the cluster was given the pod template that it has, or keeps. What it reports of
	// an earlier one is about another template, even if that is the same.
	// +optional
	TemplateGeneration int64 `json:"templateGeneration,omitempty"`
	// Which of its clients the cluster is answered to, while the workload comes to it or leaves it. Absent: all.
	// +optional
	Traffic *AssignedTraffic `json:"traffic,omitempty"`
	// Stable word for the reason.
	// +optional
	Code string `json:"code,omitempty"`
	// Why it is this number, for people.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// AssignedTraffic is which of its clients a cluster is answered to by name servers. On the way in, replicas are ready first.
// On the way out, clients are led elsewhere first, and the last replicas go when the answers of before are forgotten.
type AssignedTraffic struct {
	// Arriving, Leaving or Withdrawn.
	State TrafficState `json:"state"`
	// Per cent of its clients that the cluster is answered to; the others are answered the next. 0 is nobody, unless no other
	// cluster serves.
	Percent int32 `json:"percent"`
	// Replicas with which the cluster serves all of its clients; absent where they are not divided.
	// +optional
	Full int32 `json:"full,omitempty"`
	// Since when it is in that state.
	Since metav1.Time `json:"since"`
	// When the last replicas may go, of Withdrawn: no answer is used any more then that leads to the cluster.
	// +optional
	Until *metav1.Time `json:"until,omitempty"`
	// What keeps clients from being led elsewhere, for people.
	// +optional
	Message string `json:"message,omitempty"`
}

// TrafficState is how far the clients of a cluster are with coming or leaving.
// +enum
type TrafficState string

const (
	// TrafficArriving is where clients come as replicas become available.
	TrafficArriving TrafficState = "Arriving"
	// TrafficLeaving is where fewer and fewer clients are led, and none at 0 per cent.
	TrafficLeaving TrafficState = "Leaving"
	// TrafficWithdrawn is where no name leads any more, and the answers of before are waited for to be forgotten.
	TrafficWithdrawn TrafficState = "Withdrawn"
)

// ClusterLimit says that pods found no node in a cluster. Until it is tried again, the cluster gets no more replicas than it
// could run, plus what room there is since.
type ClusterLimit struct {
	// Name of the cluster.
	Name string `json:"name"`
	// Replicas that the cluster could run.
	Replicas int32 `json:"replicas"`
	// Replicas it seemed to have room for besides.
	// +optional
	Excess int32 `json:"excess,omitempty"`
	// When pods were last given up on there.
	Since metav1.Time `json:"since"`
	// How long after that they are tried again. Doubles each time.
	Hold metav1.Duration `json:"hold"`
}

// ClusterExclusion says why a cluster gets nothing.
type ClusterExclusion struct {
	// Name of the cluster.
	Name string `json:"name"`
	// Stable word for the reason.
	// +optional
	Code string `json:"code,omitempty"`
	// Why, for people.
	// +optional
	Reason string `json:"reason,omitempty"`
}

// PlacementStatus is what the members report.
type PlacementStatus struct {
	// Generation of the spec that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Scheduled, Synced, Available and Progressing; Honored while it is false.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
	// Ready replicas over all clusters.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`
	// What each cluster reports.
	// +optional
	// +listType=atomic
	Clusters []ClusterPlacementStatus `json:"clusters,omitempty"`
}

// ClusterPlacementStatus is what one cluster reports of a workload.
type ClusterPlacementStatus struct {
	// Name of the cluster.
	Name string `json:"name"`
	// True once the cluster holds what was decided for the workload's current generation.
	// +optional
	Synced bool `json:"synced,omitempty"`
	// Why it does not, if it does not.
	// +optional
	Message string `json:"message,omitempty"`
	// Stable word for that, e.g. Conflict or SyncFailed.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Generation of the federated workload that the cluster's own controllers have acted on.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Hash of the pod template that the object in the cluster has.
	// +optional
	TemplateHash string `json:"templateHash,omitempty"`
	// Replicas that the cluster's autoscaler asks for.
	// +optional
	DesiredReplicas *int32 `json:"desiredReplicas,omitempty"`
	// Pods of the workload in the cluster.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// Pods of the current template.
	// +optional
	UpdatedReplicas int32 `json:"updatedReplicas,omitempty"`
	// Pods that are ready.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas,omitempty"`
	// Pods that have been ready for minReadySeconds.
	// +optional
	AvailableReplicas int32 `json:"availableReplicas,omitempty"`
	// Pods that the cluster's scheduler finds no node for.
	// +optional
	UnschedulableReplicas int32 `json:"unschedulableReplicas,omitempty"`
	// Since when it has found none for the first of them.
	// +optional
	UnschedulableSince *metav1.Time `json:"unschedulableSince,omitempty"`
	// Endpoints of the Service in the cluster that are ready.
	// +optional
	ReadyEndpoints int32 `json:"readyEndpoints,omitempty"`
	// Addresses at which the cluster serves the Service or Ingress.
	// +optional
	// +listType=atomic
	Addresses []Address `json:"addresses,omitempty"`
	// Status of the object in the cluster in its own form, where the fields above do not tell all of it.
	// +optional
	WorkloadStatus *JSON `json:"workloadStatus,omitempty"`
	// When the report last changed.
	// +optional
	LastTransitionTime *metav1.Time `json:"lastTransitionTime,omitempty"`
}

// Address is where a cluster serves a Service or Ingress.
type Address struct {
	// IP address, if known by one.
	// +optional
	IP string `json:"ip,omitempty"`
	// Host name, if known by one.
	// +optional
	Hostname string `json:"hostname,omitempty"`
	// Ports served there, where the load balancer reports them.
	// +optional
	// +listType=atomic
	Ports []corev1.PortStatus `json:"ports,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PlacementList is a list of Placements.
type PlacementList struct {
	metav1.TypeMeta `json:",inline"`
	// Standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// The placements.
	Items []Placement `json:"items"`
}
