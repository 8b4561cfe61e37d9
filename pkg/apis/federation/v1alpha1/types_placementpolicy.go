// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// +genclient
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PlacementPolicy says how the workloads it selects are spread over the clusters.
// A workload that no policy selects is spread equally over every ready cluster.
type PlacementPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object metadata.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Which workloads, and how they are spread.
	Spec PlacementPolicySpec `json:"spec"`
	// Which of them the policy applies to. Written by Drover.
	// +optional
	Status PlacementPolicyStatus `json:"status,omitempty"`
}

// PlacementPolicyStatus says what a policy is in force for.
type PlacementPolicyStatus struct {
	// Generation of the spec that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Workloads that the policy selects.
	// +optional
	Selected int32 `json:"selected,omitempty"`
	// Workloads that it applies to: those it selects that no policy of a higher priority does.
	// +optional
	Applied int32 `json:"applied,omitempty"`
	// Applied: whether the policy applies to all the workloads it selects.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
}

// PlacementPolicySpec is the policy.
type PlacementPolicySpec struct {
	// Selects workloads of the policy's namespace by their labels. Empty selects all of them.
	// +optional
	Selector metav1.LabelSelector `json:"selector,omitempty"`
	// Of several policies that select a workload the one with the highest priority applies; of equal ones the first by name.
	// +optional
	Priority int32 `json:"priority,omitempty"`
	// Weights and bounds of the clusters. Only the clusters named here are used; the name "*" stands for every other
	// one. Empty means every cluster, equally.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +patchMergeKey=name
	// +patchStrategy=merge
	Clusters []ClusterWeight `json:"clusters,omitempty" patchStrategy:"merge" patchMergeKey:"name"`
	// Divide gives each cluster a share of the replicas; Whole gives each chosen cluster all of them. Default: Deployments
	// and Jobs are divided, StatefulSets and ReplicaSets are whole; DaemonSets and CronJobs always are.
	// +optional
	Division Division `json:"division,omitempty"`
	// Which clusters are used at all, by their labels.
	// +optional
	ClusterAffinity *ClusterAffinity `json:"clusterAffinity,omitempty"`
	// Other workloads of the namespace that these follow, or keep apart from.
	// +optional
	// +listType=atomic
	WorkloadAffinity []WorkloadAffinity `json:"workloadAffinity,omitempty"`
	// In how many parts of the world there must be a replica, at the least.
	// +optional
	// +listType=map
	// +listMapKey=topology
	// +patchMergeKey=topology
	// +patchStrategy=merge
	Spread []Spread `json:"spread,omitempty" patchStrategy:"merge" patchMergeKey:"topology"`
	// Taints of clusters that the selected workloads tolerate.
	// +optional
	// +listType=atomic
	Tolerations []Toleration `json:"tolerations,omitempty"`
	// When a cluster that was lost has its replicas placed elsewhere.
	// +optional
	Failover Failover `json:"failover,omitempty"`
	// When replicas that a cluster has no room for are placed elsewhere.
	// +optional
	Overflow Overflow `json:"overflow,omitempty"`
	// When running replicas are moved to meet the weights again.
	// +optional
	Rebalance Rebalance `json:"rebalance,omitempty"`
	// How replicas are moved from cluster to cluster: made before they are broken.
	// +optional
	Move Move `json:"move,omitempty"`
	// What is different in some clusters. Later overrides are applied onto earlier ones.
	// +optional
	// +listType=atomic
	Overrides []Override `json:"overrides,omitempty"`
	// What to do when an object of the same name that Drover does not manage is already in a member: Fail (default)
	// leaves it alone and says so, Adopt takes it over.
	// +optional
	Conflict ConflictPolicy `json:"conflict,omitempty"`
}

// Division says what of a workload a cluster runs.
// +enum
type Division string

const (
	// Divide gives each cluster a share of the replicas.
	Divide Division = "Divide"
	// Whole gives each chosen cluster all of them.
	Whole Division = "Whole"
)

// ClusterWeight is a cluster's share of a workload, and its bounds.
type ClusterWeight struct {
	// Name of the cluster, or "*" for every cluster not named.
	Name string `json:"name"`
	// Share of the replicas, relative to the other clusters' weights; 0 drains the cluster. Default 1.
	// +optional
	Weight *int64 `json:"weight,omitempty"`
	// Fewest replicas the cluster gets, as long as there are enough.
	// +optional
	MinReplicas int32 `json:"minReplicas,omitempty"`
	// Most replicas the cluster gets.
	// +optional
	MaxReplicas *int32 `json:"maxReplicas,omitempty"`
	// Clusters of a higher priority are filled first; the next take what does not fit there.
	// +optional
	Priority int32 `json:"priority,omitempty"`
}

// ClusterAffinity selects clusters by their labels.
type ClusterAffinity struct {
	// Clusters that do not match are not used.
	// +optional
	Required *metav1.LabelSelector `json:"required,omitempty"`
	// Clusters that match get more, or less. A cluster's weight is taken 100 + the sum of what it matches, in per cent.
	// +optional
	// +listType=atomic
	Preferred []PreferredClusters `json:"preferred,omitempty"`
}

// PreferredClusters gives the clusters it selects a greater or smaller share.
type PreferredClusters struct {
	// Per cent added to the clusters' weight, -100 to 100.
	Weight int32 `json:"weight"`
	// Which clusters, by their labels. Empty selects all.
	Selector metav1.LabelSelector `json:"selector"`
}

// Topology is how near workloads have to be to count as together.
// +enum
type Topology string

const (
	// TopologyCluster is the same cluster.
	TopologyCluster Topology = "cluster"
	// TopologyZone is the same zone.
	TopologyZone Topology = "zone"
	// TopologyRegion is the same region.
	TopologyRegion Topology = "region"
	// TopologyContinent is the same continent.
	TopologyContinent Topology = "continent"
)

// Spread asks for replicas in several domains of a topology.
type Spread struct {
	// continent, region, zone, cluster, or the key of a label of clusters.
	Topology string `json:"topology"`
	// In how many domains there must be a replica, as long as there are that many replicas. At least 1.
	MinDomains int32 `json:"minDomains"`
}

// WorkloadAffinity has workloads follow another one, or keep apart from it.
type WorkloadAffinity struct {
	// The other workload, in the same namespace.
	Workload AffineWorkload `json:"workload"`
	// How near: cluster (default), zone, region or continent.
	// +optional
	Topology Topology `json:"topology,omitempty"`
	// Positive to follow, negative to keep apart. Where it is not required, the per cent that the weight of clusters
	// near the other workload is changed by. -100 to 100, not 0; default 100.
	// +optional
	Weight *int32 `json:"weight,omitempty"`
	// Whether clusters that do not fit are not used at all. Followers wait until the other workload is placed.
	// +optional
	Required bool `json:"required,omitempty"`
}

// AffineWorkload names a workload of the same namespace.
type AffineWorkload struct {
	// Kind of the workload, one of those that policies place; Deployment (default).
	// +optional
	Kind string `json:"kind,omitempty"`
	// Name of the workload.
	Name string `json:"name"`
}

// Toleration lets workloads run on clusters with a matching taint.
type Toleration struct {
	// Key of the taint; empty, with operator Exists, tolerates every taint.
	// +optional
	Key string `json:"key,omitempty"`
	// Equal (default) compares the value, Exists does not.
	// +optional
	Operator TolerationOperator `json:"operator,omitempty"`
	// Value of the taint, for the operator Equal.
	// +optional
	Value string `json:"value,omitempty"`
	// Effect of the taint; empty tolerates all effects.
	// +optional
	Effect TaintEffect `json:"effect,omitempty"`
}

// TolerationOperator says how a toleration compares with a taint.
// +enum
type TolerationOperator string

const (
	// TolerationEqual compares key and value.
	TolerationEqual TolerationOperator = "Equal"
	// TolerationExists compares the key only.
	TolerationExists TolerationOperator = "Exists"
)

// Failover says when a lost cluster is given up.
type Failover struct {
	// How long a cluster must be not ready before its replicas are placed elsewhere. Default 5m.
	// +optional
	After *metav1.Duration `json:"after,omitempty"`
}

// RebalanceMode says when running replicas are moved to meet the weights again.
// +enum
type RebalanceMode string

const (
	// RebalanceOnChange rebalances when the workload or its policy changes. A cluster that joins draws nothing before.
	RebalanceOnChange RebalanceMode = "OnChange"
	// RebalanceAutomatic also rebalances when clusters come, go and return, and when there is room again.
	RebalanceAutomatic RebalanceMode = "Automatic"
	// RebalanceNever moves nothing that can stay.
	RebalanceNever RebalanceMode = "Never"
)

// Rebalance says when running replicas are moved.
type Rebalance struct {
	// OnChange (default), Automatic or Never.
	// +optional
	Mode RebalanceMode `json:"mode,omitempty"`
	// With Automatic, how many replicas of a workload are moved a minute, at the most. Default 10.
	// +optional
	MaxMovesPerMinute *int32 `json:"maxMovesPerMinute,omitempty"`
}

// Move bounds a move of replicas between clusters, at every moment of it, over all clusters together.
type Move struct {
	// How many more replicas than asked for there may be, as a number or in per cent, rounded up. Default 25%.
	// +optional
	MaxSurge *intstr.IntOrString `json:"maxSurge,omitempty"`
	// How many fewer replicas than asked for may be available, as a number or in per cent, rounded down. Default 0.
	// +optional
	MaxUnavailable *intstr.IntOrString `json:"maxUnavailable,omitempty"`
	// How long a cluster that is left keeps its last replicas after every answer that leads there has expired: for name
	// servers that are behind, and clients that take their time. Default 10s.
	// +optional
	Settle *metav1.Duration `json:"settle,omitempty"`
	// How many clusters may replace their pods at once when the pod template changes; the others wait with the template they
	// have, and the next one's turn comes when all replicas of one are updated and available. 0 (default): as many as keep to
	// maxSurge and maxUnavailable of the Deployment, over all clusters together.
	// +optional
	ParallelClusters *int32 `json:"parallelClusters,omitempty"`
}

// Overflow says when a cluster is taken to have no room.
type Overflow struct {
	// How long pods must have been found unschedulable in a cluster before their replicas are placed elsewhere. Default 1m.
	// +optional
	After *metav1.Duration `json:"after,omitempty"`
}

// ConflictPolicy says what happens to an unmanaged object that is in the way.
// +enum
type ConflictPolicy string

const (
	// ConflictFail leaves the object alone and reports the conflict.
	ConflictFail ConflictPolicy = "Fail"
	// ConflictAdopt takes the object over.
	ConflictAdopt ConflictPolicy = "Adopt"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PlacementPolicyList is a list of PlacementPolicies.
type PlacementPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	// Standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// The policies.
	Items []PlacementPolicy `json:"items"`
}
