// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// +genclient
// +genclient:nonNamespaced
// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// Cluster is a Kubernetes cluster joined to the federation.
type Cluster struct {
	metav1.TypeMeta `json:",inline"`
	// Standard object metadata. Labels are what a PlacementPolicy's clusterAffinity selects by.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// How the cluster is reached, where it is, and whether it takes new work.
	Spec ClusterSpec `json:"spec"`
	// What was last seen of the cluster. Written by Drover.
	// +optional
	Status ClusterStatus `json:"status,omitempty"`
}

// ClusterSpec is what the operator says of a cluster.
type ClusterSpec struct {
	// URL of the cluster's API server, e.g. https://10.0.0.1:6443. Must be https.
	Server string `json:"server"`
	// PEM bundle of the certificate authorities that sign the API server's certificate (base64 in JSON).
	// Empty means the authorities known to the machine Drover runs on.
	// +optional
	CABundle []byte `json:"caBundle,omitempty"`
	// Name the API server's certificate is checked for, where it differs from the host in server.
	// +optional
	TLSServerName string `json:"tlsServerName,omitempty"`
	// The Secret in the federation with the credentials for the cluster: key "token", or "tls.crt" and "tls.key".
	CredentialsSecret SecretReference `json:"credentialsSecret"`
	// Where the cluster is. Fields left empty are read from the labels of its nodes.
	// +optional
	Location Location `json:"location,omitempty"`
	// Cordons the cluster: what runs there stays, nothing new is placed there.
	// +optional
	Unschedulable bool `json:"unschedulable,omitempty"`
	// Says that the cluster adds nodes when pods need them, so that how much room its nodes have is no bound. Pods that
	// stay unschedulable all the same are placed elsewhere.
	// +optional
	Elastic bool `json:"elastic,omitempty"`
	// Taints keep workloads without a matching toleration away, as on nodes.
	// Effects: NoSchedule (nothing new), NoExecute (moved off as well).
	// +optional
	// +listType=map
	// +listMapKey=key
	// +listMapKey=effect
	// +patchMergeKey=key
	// +patchStrategy=merge
	Taints []Taint `json:"taints,omitempty" patchStrategy:"merge" patchMergeKey:"key"`
	// How the cluster is drained while it has the taint federation.drover.dev/drain. Absent: of everything at once.
	// +optional
	Drain *ClusterDrain `json:"drain,omitempty"`
	// When workloads were last asked to be spread over the clusters anew, by their weights, whatever the rebalance of their
	// policies says. Each follows once, when the cluster is ready. Set by kubectl drover uncordon --rebalance.
	// +optional
	RebalanceTime *metav1.Time `json:"rebalanceTime,omitempty"`
}

// ClusterDrain says how a cluster is drained.
type ClusterDrain struct {
	// How many namespaces are moved off at once; the next begins when one is done. 0 is all of them.
	// +optional
	ParallelNamespaces int32 `json:"parallelNamespaces,omitempty"`
	// Jobs that have begun on the cluster are ended there at once. If not, they run to their end there, and then leave.
	// +optional
	EndJobs bool `json:"endJobs,omitempty"`
}

// SecretReference names a Secret in the federation.
type SecretReference struct {
	// Namespace of the Secret.
	Namespace string `json:"namespace"`
	// Name of the Secret.
	Name string `json:"name"`
}

// Location says where a cluster is, from large to small.
type Location struct {
	// Continent, e.g. north-america.
	// +optional
	Continent string `json:"continent,omitempty"`
	// Region, e.g. us-east1; by default the nodes' label topology.kubernetes.io/region.
	// +optional
	Region string `json:"region,omitempty"`
	// Zone, e.g. us-east1-b; by default the nodes' label topology.kubernetes.io/zone.
	// +optional
	Zone string `json:"zone,omitempty"`
	// Latitude in decimal degrees, north positive, e.g. "33.8".
	// +optional
	Latitude string `json:"latitude,omitempty"`
	// Longitude in decimal degrees, east positive, e.g. "-84.4".
	// +optional
	Longitude string `json:"longitude,omitempty"`
}

// TaintEffect is what a taint does to workloads that do not tolerate it.
// +enum
type TaintEffect string

const (
	// TaintNoSchedule keeps new replicas away.
	TaintNoSchedule TaintEffect = "NoSchedule"
	// TaintNoExecute moves running replicas off as well.
	TaintNoExecute TaintEffect = "NoExecute"
)

// Taint keeps workloads off a cluster.
type Taint struct {
	// The taint's key, a qualified name.
	Key string `json:"key"`
	// The taint's value.
	// +optional
	Value string `json:"value,omitempty"`
	// NoSchedule or NoExecute.
	Effect TaintEffect `json:"effect"`
}

// ClusterStatus is what was last seen of a cluster.
type ClusterStatus struct {
	// Generation of the spec that the conditions speak of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Ready: the API server answers, and Drover may do there what it needs to.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +patchMergeKey=type
	// +patchStrategy=merge
	Conditions []metav1.Condition `json:"conditions,omitempty" patchStrategy:"merge" patchMergeKey:"type"`
	// Version of the cluster's API server, e.g. v1.37.1.
	// +optional
	KubernetesVersion string `json:"kubernetesVersion,omitempty"`
	// Where the cluster is: spec.location, its gaps filled from the labels of the nodes.
	// +optional
	Location Location `json:"location,omitempty"`
	// Number of nodes, and how many of them are ready and schedulable.
	// +optional
	Nodes NodeSummary `json:"nodes,omitempty"`
	// Sum of the nodes' capacity: cpu, memory, pods, and what else they have.
	// +optional
	Capacity corev1.ResourceList `json:"capacity,omitempty"`
	// Sum of what ready, schedulable nodes have for pods.
	// +optional
	Allocatable corev1.ResourceList `json:"allocatable,omitempty"`
	// Sum of the requests of all pods that have not ended.
	// +optional
	Requested corev1.ResourceList `json:"requested,omitempty"`
	// Replicas of federated workloads placed on the cluster.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// How far the drain of the cluster is; absent while it is not drained namespace by namespace.
	// +optional
	Drain *ClusterDrainStatus `json:"drain,omitempty"`
	// When the cluster was last asked how it is.
	// +optional
	LastProbeTime *metav1.Time `json:"lastProbeTime,omitempty"`
	// What is to be done in the cluster about objects that were deleted from the federation while the cluster could not be
	// reached. It is done, and gone from here, when the cluster is back. At most 500 are listed.
	// +optional
	// +listType=atomic
	Owed []OwedDeletion `json:"owed,omitempty"`
	// True if more was deleted than is listed. What is left of that in the cluster is found by its marks, and deleted, when
	// the cluster is back.
	// +optional
	OwedMore bool `json:"owedMore,omitempty"`
}

// ClusterDrainStatus says whose turn it is in a drain.
type ClusterDrainStatus struct {
	// The namespaces that are moved off now. The others keep what they run, and get nothing new.
	// +optional
	// +listType=set
	Namespaces []string `json:"namespaces,omitempty"`
	// How many namespaces have yet to wait for their turn.
	// +optional
	Waiting int32 `json:"waiting,omitempty"`
}

// OwedDeletion is an object that was deleted from the federation, and that a cluster may still have.
type OwedDeletion struct {
	// API group of the object; empty for the core group.
	// +optional
	Group string `json:"group,omitempty"`
	// Resource of the object, e.g. deployments.
	Resource string `json:"resource"`
	// Namespace of the object.
	Namespace string `json:"namespace"`
	// Name of the object.
	Name string `json:"name"`
	// UID that the object had in the federation. Another one of that name is left alone.
	UID types.UID `json:"uid"`
	// How it was deleted: Orphan lets go of what the cluster has, Foreground and Background delete it.
	PropagationPolicy metav1.DeletionPropagation `json:"propagationPolicy"`
}

// NodeSummary counts a cluster's nodes.
type NodeSummary struct {
	// All nodes.
	// +optional
	Total int32 `json:"total,omitempty"`
	// Nodes that are ready and not cordoned.
	// +optional
	Ready int32 `json:"ready,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ClusterList is a list of Clusters.
type ClusterList struct {
	metav1.TypeMeta `json:",inline"`
	// Standard list metadata.
	// +optional
	metav1.ListMeta `json:"metadata,omitempty"`
	// The clusters.
	Items []Cluster `json:"items"`
}
