// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// SetDefaults_PlacementPolicySpec fills in what a policy leaves open, so that what is stored says what happens.
func SetDefaults_PlacementPolicySpec(spec *PlacementPolicySpec) {
	if spec.Rebalance.Mode == "" {
		spec.Rebalance.Mode = RebalanceOnChange
	}
	if spec.Conflict == "" {
		spec.Conflict = ConflictFail
	}
	if spec.Rebalance.MaxMovesPerMinute == nil {
		spec.Rebalance.MaxMovesPerMinute = ptr.To[int32](10)
	}
	if spec.Move.MaxSurge == nil {
		spec.Move.MaxSurge = ptr.To(intstr.FromString("25%"))
	}
	if spec.Move.MaxUnavailable == nil {
		spec.Move.MaxUnavailable = ptr.To(intstr.FromInt32(0))
	}
	if spec.Move.Settle == nil {
		spec.Move.Settle = &metav1.Duration{Duration: 10 * time.Second}
	}
	if spec.Move.ParallelClusters == nil {
		spec.Move.ParallelClusters = ptr.To[int32](0)
	}
	if spec.Overflow.After == nil {
		spec.Overflow.After = &metav1.Duration{Duration: time.Minute}
	}
	if spec.Failover.After == nil {
		spec.Failover.After = &metav1.Duration{Duration: 5 * time.Minute}
	}
}

// SetDefaults_ClusterWeight gives a named cluster weight 1.
func SetDefaults_ClusterWeight(c *ClusterWeight) {
	if c.Weight == nil {
		c.Weight = ptr.To[int64](1)
	}
}

// SetDefaults_Toleration compares the value unless told otherwise.
func SetDefaults_Toleration(t *Toleration) {
	if t.Operator == "" {
		t.Operator = TolerationEqual
	}
}

// SetDefaults_WorkloadAffinity follows the Deployment of that name onto its clusters.
func SetDefaults_WorkloadAffinity(a *WorkloadAffinity) {
	if a.Workload.Kind == "" {
		a.Workload.Kind = "Deployment"
	}
	if a.Topology == "" {
		a.Topology = TopologyCluster
	}
	if a.Weight == nil {
		a.Weight = ptr.To[int32](100)
	}
}

// SetDefaults_TrafficPolicySpec fills in what a policy leaves open, so that what is stored says what happens.
func SetDefaults_TrafficPolicySpec(spec *TrafficPolicySpec) {
	if spec.Target.Kind == "" {
		spec.Target.Kind = "Service"
	}
	if spec.Mode == "" {
		spec.Mode = TrafficGeo
	}
	if spec.TTLSeconds == nil {
		spec.TTLSeconds = ptr.To[int32](20)
	}
	if spec.WhenNoneHealthy == "" {
		spec.WhenNoneHealthy = AnswerNoData
	}
}

// SetDefaults_ClusterTraffic gives a named cluster weight 1.
func SetDefaults_ClusterTraffic(c *ClusterTraffic) {
	if c.Weight == nil {
		c.Weight = ptr.To[int64](1)
	}
}

// SetDefaults_MigrationSpec fills in what a migration leaves open, so that what is stored says what happens.
func SetDefaults_MigrationSpec(spec *MigrationSpec) {
	if len(spec.Steps) == 0 {
		spec.Steps = []MigrationStep{{Weight: 5}, {Weight: 25}, {Weight: 50}, {Weight: 100}}
	}
	if spec.OnFailure == "" {
		spec.OnFailure = FailurePause
	}
	if spec.Goal == "" {
		spec.Goal = GoalMove
	}
	if spec.ProgressDeadline == nil {
		spec.ProgressDeadline = &metav1.Duration{Duration: 10 * time.Minute}
	}
	for i := range spec.Steps { // those above are made after the defaults of steps
		SetDefaults_MigrationStep(&spec.Steps[i])
	}
}

// SetDefaults_MigrationStep lets a step soak for two minutes.
func SetDefaults_MigrationStep(step *MigrationStep) {
	if step.Soak == nil {
		step.Soak = &metav1.Duration{Duration: 2 * time.Minute}
	}
	if step.Approval == "" {
		step.Approval = ApprovalNotRequired
	}
}

// SetDefaults_MigrationGate lets a gate fail at the third bad answer in a row.
func SetDefaults_MigrationGate(gate *MigrationGate) {
	if gate.FailureThreshold == nil {
		gate.FailureThreshold = ptr.To[int32](3)
	}
}

// SetDefaults_HTTPGate expects 200.
func SetDefaults_HTTPGate(gate *HTTPGate) {
	if gate.Status == nil {
		gate.Status = ptr.To[int32](200)
	}
}
