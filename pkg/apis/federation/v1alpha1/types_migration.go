// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// +genclient
// +genclient:nonNamespaced
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Migration moves workloads from one cluster to another in steps: replicas and clients together, replicas first. It begins
// with what the target needs and one replica of each workload there, which no client is led to. Until it is finished, the
// source keeps all objects, and all can be rolled back.
type Migration struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// What is moved where, and how.
	Spec MigrationSpec `json:"spec"`
	// How far it is. Written by Drover.
	// +optional
	Status MigrationStatus `json:"status,omitempty"`
}

// MigrationSpec is a migration. Clusters, namespaces and selector cannot be changed.
type MigrationSpec struct {
	// Name of the cluster that is left.
	From string `json:"from"`
	// Name of the cluster that takes over.
	To string `json:"to"`
	// Namespaces whose workloads are moved. Empty is all.
	// +optional
	// +listType=set
	Namespaces []string `json:"namespaces,omitempty"`
	// Selects workloads by their labels. Empty selects all. What goes with a workload moves with it.
	// +optional
	Selector metav1.LabelSelector `json:"selector,omitempty"`
	// The steps, each of a greater weight than the one before, the last of weight 100. Default 5, 25, 50, 100.
	// +optional
	// +listType=atomic
	Steps []MigrationStep `json:"steps,omitempty"`
	// What is asked while a step soaks, besides whether pods are ready and restart: all have to hold.
	// +optional
	// +listType=map
	// +listMapKey=name
	Gates []MigrationGate `json:"gates,omitempty"`
	// What is done when a step fails: Pause (default) leaves things as they are, Rollback brings all back.
	// +optional
	OnFailure FailureAction `json:"onFailure,omitempty"`
	// How long a step may take until its replicas are ready, before it has failed. Default 10m.
	// +optional
	ProgressDeadline *metav1.Duration `json:"progressDeadline,omitempty"`
	// Goes no further. What has moved stays moved.
	// +optional
	Paused bool `json:"paused,omitempty"`
	// Steps that may begin though they ask for approval: so many, counted from the first.
	// +optional
	ApprovedSteps int32 `json:"approvedSteps,omitempty"`
	// Raised to try again after a failure or, from the beginning, after a rollback.
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// What it is to come to. Move (default) goes through the steps and waits; Finish also makes it permanent then;
	// Rollback brings all back.
	// +optional
	Goal MigrationGoal `json:"goal,omitempty"`
}

// MigrationGoal is what a migration is to come to.
// +enum
type MigrationGoal string

const (
	// GoalMove goes through the steps, and waits.
	GoalMove MigrationGoal = "Move"
	// GoalFinish makes it permanent when all steps are done.
	GoalFinish MigrationGoal = "Finish"
	// GoalRollback brings all back.
	GoalRollback MigrationGoal = "Rollback"
)

// FailureAction says what is done when a step fails.
// +enum
type FailureAction string

const (
	// FailurePause leaves things as they are.
	FailurePause FailureAction = "Pause"
	// FailureRollback brings all back.
	FailureRollback FailureAction = "Rollback"
)

// MigrationStep moves a part of the replicas and clients.
type MigrationStep struct {
	// How much of what the source has is moved when the step is done, in per cent of replicas and clients.
	Weight int32 `json:"weight"`
	// How long everything has to hold before the step has passed. Default 2m.
	// +optional
	Soak *metav1.Duration `json:"soak,omitempty"`
	// Whether somebody has to approve before the step begins: NotRequired (default) or Required.
	// +optional
	Approval Approval `json:"approval,omitempty"`
}

// Approval says whether somebody has to approve.
// +enum
type Approval string

const (
	// ApprovalNotRequired asks nobody.
	ApprovalNotRequired Approval = "NotRequired"
	// ApprovalRequired waits for spec.approvedSteps.
	ApprovalRequired Approval = "Required"
)

// MigrationGate is a question that the controllers ask every few seconds. One of http and prometheus is set.
type MigrationGate struct {
	// Name of the gate, in conditions.
	Name string `json:"name"`
	// Asks a URL.
	// +optional
	HTTP *HTTPGate `json:"http,omitempty"`
	// Asks a Prometheus server.
	// +optional
	Prometheus *PrometheusGate `json:"prometheus,omitempty"`
	// Times in a row that it has to be answered badly before it has failed. Default 3.
	// +optional
	FailureThreshold *int32 `json:"failureThreshold,omitempty"`
}

// HTTPGate holds when a GET is answered as expected, within 5 seconds. Redirects are not followed.
type HTTPGate struct {
	// URL that is asked, http or https, without user and password. Whoever reaches it are the controllers.
	URL string `json:"url"`
	// Status expected. Default 200.
	// +optional
	Status *int32 `json:"status,omitempty"`
}

// PrometheusGate holds when every sample of an instant query is within the bounds. No sample at all is a failure.
type PrometheusGate struct {
	// URL of the server, http or https, without user and password, e.g. http://prometheus.monitoring:9090.
	Server string `json:"server"`
	// PromQL whose value is compared.
	Query string `json:"query"`
	// Least value, as a decimal number.
	// +optional
	Min *string `json:"min,omitempty"`
	// Greatest value, as a decimal number.
	// +optional
	Max *string `json:"max,omitempty"`
}

// MigrationPhase says how far a migration is.
// +enum
type MigrationPhase string

const (
	// MigrationRefused cannot begin; the condition Accepted says why.
	MigrationRefused MigrationPhase = "Refused"
	// MigrationMoving brings replicas and clients to where the step has them.
	MigrationMoving MigrationPhase = "Moving"
	// MigrationSoaking is there, and watches for a while.
	MigrationSoaking MigrationPhase = "Soaking"
	// MigrationWaiting needs an approval.
	MigrationWaiting MigrationPhase = "WaitingForApproval"
	// MigrationPaused was paused by somebody.
	MigrationPaused MigrationPhase = "Paused"
	// MigrationFailed was paused by a step that failed.
	MigrationFailed MigrationPhase = "Failed"
	// MigrationMoved has done all steps; it can be finished or rolled back.
	MigrationMoved MigrationPhase = "Moved"
	// MigrationFinishing is being made permanent.
	MigrationFinishing MigrationPhase = "Finishing"
	// MigrationFinished is permanent: the source is empty.
	MigrationFinished MigrationPhase = "Finished"
	// MigrationRollingBack brings all back.
	MigrationRollingBack MigrationPhase = "RollingBack"
	// MigrationRolledBack has left all as it was before.
	MigrationRolledBack MigrationPhase = "RolledBack"
)

// MigrationStatus says how far a migration is. All that it takes to go on is in it.
type MigrationStatus struct {
	// Generation of the spec that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Refused, Moving, Soaking, WaitingForApproval, Paused, Failed, Moved, Finishing, Finished, RollingBack or RolledBack.
	// +optional
	Phase MigrationPhase `json:"phase,omitempty"`
	// The step under way, counted from 1. 0: the target is being prepared, with no clients.
	// +optional
	Step int32 `json:"step,omitempty"`
	// Per cent of the source's replicas that are placed on the target.
	// +optional
	Weight int32 `json:"weight,omitempty"`
	// Per cent of the source's clients that are answered the target.
	// +optional
	Traffic int32 `json:"traffic,omitempty"`
	// Workloads that are part of it and run, or did run, on the source.
	// +optional
	Workloads int32 `json:"workloads,omitempty"`
	// Workloads that are where the step has them.
	// +optional
	ReadyWorkloads int32 `json:"readyWorkloads,omitempty"`
	// Containers of its pods on the target that were restarted, when the soak began.
	// +optional
	Restarts int32 `json:"restarts,omitempty"`
	// When it was accepted.
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`
	// When the step began.
	// +optional
	StepTime *metav1.Time `json:"stepTime,omitempty"`
	// When clients were last led elsewhere.
	// +optional
	TrafficTime *metav1.Time `json:"trafficTime,omitempty"`
	// Since when everything holds.
	// +optional
	SoakTime *metav1.Time `json:"soakTime,omitempty"`
	// Attempt that this is.
	// +optional
	Attempt int32 `json:"attempt,omitempty"`
	// What failed; absent if nothing has.
	// +optional
	Failure *MigrationFailure `json:"failure,omitempty"`
	// Accepted, Progressing and GatesHold.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// MigrationFailure is why a step failed.
type MigrationFailure struct {
	// The gate that did not hold: its name, or Ready, Restarts, or ProgressDeadline.
	Gate string `json:"gate"`
	// What it found.
	Message string `json:"message"`
	// The step.
	Step int32 `json:"step"`
	// When.
	Time metav1.Time `json:"time"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// MigrationList is a list of Migrations.
type MigrationList struct {
	metav1.TypeMeta `json:",inline"`
	// Standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// The migrations.
	Items []Migration `json:"items"`
}
