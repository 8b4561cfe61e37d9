// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Marks that Drover puts on the objects it manages.
const (
	// LabelManaged is "true" on every object in a member cluster that Drover manages.
	LabelManaged = GroupName + "/managed"
	// AnnotationFederation holds, on a managed object, the identity of the federation that manages it
	// (the UID of the federation's namespace drover-system).
	AnnotationFederation = GroupName + "/federation"
	// AnnotationSourceUID holds, on a managed object, the UID of the federated object it was made from.
	AnnotationSourceUID = GroupName + "/source-uid"
	// FinalizerSync keeps a federated object until it is gone from (or released in) every member that can be reached.
	FinalizerSync = GroupName + "/sync"
	// FieldManager is the server-side apply field manager Drover writes to members with.
	FieldManager = "drover"
	// SystemNamespace holds what belongs to Drover itself: cluster credentials, leases.
	SystemNamespace = "drover-system"
)

// Condition types and reasons. They are stable words: scripts may rely on them.
const (
	// ConditionReady says whether a Cluster answers and takes work.
	ConditionReady = "Ready"
	// ConditionScheduled says whether every replica of a workload found a cluster.
	ConditionScheduled = "Scheduled"
	// ConditionSynced says whether every placed cluster holds what was decided.
	ConditionSynced = "Synced"
	// ConditionAvailable says whether the workload is available over all clusters.
	ConditionAvailable = "Available"

	ReasonReady              = "Ready"
	ReasonCredentialsMissing = "CredentialsMissing"
	ReasonCredentialsInvalid = "CredentialsInvalid"
	ReasonUnreachable        = "Unreachable"
	ReasonUnauthorized       = "Unauthorized"
	ReasonTLSFailed          = "TLSFailed"
	ReasonNotReady           = "NotReady"

	ReasonPlaced           = "Placed"
	ReasonUnplaced         = "Unplaced"
	ReasonNoClusters       = "NoClusters"
	ReasonAllWeightsZero   = "AllWeightsZero"
	ReasonNoBackends       = "NoBackends"
	ReasonPolicyInvalid    = "PolicyInvalid"
	ReasonSynced           = "Synced"
	ReasonSyncing          = "Syncing"
	ReasonSyncFailed       = "SyncFailed"
	ReasonConflict         = "Conflict"
	ReasonAvailable        = "MinimumReplicasAvailable"
	ReasonUnavailable      = "MinimumReplicasUnavailable"
	ReasonClusterNotJoined = "ClusterNotJoined"
)

// AnyCluster is the name in a PlacementPolicy's clusters that stands for every cluster not named there.
const AnyCluster = "*"

// PlacementName is the name of a workload's Placement: its kind and name, cut and told apart by a hash where that would
// be longer than a name may be.
func PlacementName(kind, name string) string {
	const limit = 253
	full := strings.ToLower(kind) + "-" + name
	if len(full) <= limit {
		return full
	}
	sum := sha256.Sum256([]byte(full))
	return full[:limit-9] + "-" + hex.EncodeToString(sum[:4])
}
