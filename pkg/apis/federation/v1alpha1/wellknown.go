// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// PlacedKinds are the kinds that PlacementPolicies place. Other kinds follow them.
var PlacedKinds = []schema.GroupVersionKind{
	appsv1.SchemeGroupVersion.WithKind("Deployment"),
	appsv1.SchemeGroupVersion.WithKind("ReplicaSet"),
	appsv1.SchemeGroupVersion.WithKind("StatefulSet"),
	appsv1.SchemeGroupVersion.WithKind("DaemonSet"),
	batchv1.SchemeGroupVersion.WithKind("Job"),
	batchv1.SchemeGroupVersion.WithKind("CronJob"),
}

// Marks that Drover puts on the objects it manages.
const (
	// LabelManaged is "true" on every object in a member cluster that Drover manages.
	LabelManaged = GroupName + "/managed"
	// AnnotationFederation holds, on a managed object, the identity of the federation that manages it
	// (the UID of the federation's namespace drover-system).
	AnnotationFederation = GroupName + "/federation"
	// AnnotationSourceUID holds, on a managed object, the UID of the federated object it was made from.
	AnnotationSourceUID = GroupName + "/source-uid"
	// AnnotationSourceGeneration holds, on a managed object, the generation of the federated object it was made from.
	AnnotationSourceGeneration = GroupName + "/source-generation"
	// AnnotationTemplateHash holds, on a managed object whose pods are replaced when its template changes, the hash of that
	// template.
	AnnotationTemplateHash = GroupName + "/template-hash"
	// AnnotationDigest holds, on a managed object, a digest of what Drover wrote there last.
	AnnotationDigest = GroupName + "/digest"
	// FinalizerSync keeps a federated object until it is gone from (or released in) every member that can be reached.
	FinalizerSync = GroupName + "/sync"
	// FinalizerRollback keeps a Migration that is deleted until all that it moved is back.
	FinalizerRollback = GroupName + "/rollback"
	// FinalizerLeave keeps a Cluster that is deleted until Drover has let go of the member: its marks and its access are gone there.
	FinalizerLeave = GroupName + "/leave"
	// LabelCluster names, on a Secret in SystemNamespace, the Cluster whose credentials it holds.
	LabelCluster = GroupName + "/cluster"
	// AnnotationCluster names, on the namespace SystemNamespace of a member, the Cluster it is joined as.
	// AnnotationFederation beside it says in which federation.
	AnnotationCluster = GroupName + "/cluster"
	// AnnotationFederationServer is beside them for people: the URL of that federation's API server.
	AnnotationFederationServer = GroupName + "/federation-server"
	// AnnotationTokenExpires says, on a Secret with credentials, when the token in it expires (RFC 3339).
	AnnotationTokenExpires = GroupName + "/token-expires"
	// AnnotationImportedFrom names, on an object of the federation, the cluster that it was in before, and was imported from.
	AnnotationImportedFrom = GroupName + "/imported-from"
	// AnnotationChangedBy says, on a PlacementPolicy, which user changed its spec last. The API server writes it.
	AnnotationChangedBy = GroupName + "/changed-by"
	// AnnotationForceLeave is "true" on a Cluster that is let go without touching the member.
	AnnotationForceLeave = GroupName + "/force-leave"
	// AnnotationRevision says, on a Deployment and on the ReplicaSets that are its revisions, which one it is. Its name is
	// Kubernetes' own: kubectl rollout reads it.
	AnnotationRevision = "deployment.kubernetes.io/revision"
	// AnnotationLeaveDeletes is "true" on a Cluster in which Drover deletes what it runs there when the Cluster is deleted.
	// Else that stays, without Drover's marks.
	AnnotationLeaveDeletes = GroupName + "/leave-deletes"
	// TaintLeaving is the key of the taint on a Cluster whose workloads move to others before it leaves. No policy tolerates
	// it.
	TaintLeaving = GroupName + "/leaving"
	// TaintDrain is the key of the taint, NoExecute, on a Cluster that is being drained.
	TaintDrain = GroupName + "/drain"
	// AnnotationHostNamespace holds, on a namespace that was made because one of the host cluster was used, the UID of that.
	AnnotationHostNamespace = GroupName + "/host-namespace"
	// FieldManager is the server-side apply field manager Drover writes to members with.
	FieldManager = "drover"
	// SystemNamespace holds what belongs to Drover itself: cluster credentials, leases.
	SystemNamespace = "drover-system"
)

// Condition types and reasons. They are stable words: scripts may rely on them.
const (
	// ConditionReady says whether a Cluster answers and takes work.
	ConditionReady = "Ready"
	// ConditionFleetDegraded is on a Cluster that is lost with so many others at once that nothing is moved away from it.
	ConditionFleetDegraded = "FleetDegraded"
	// ConditionImpaired is on a Cluster that answers, but does not do all that it is asked to, or late.
	ConditionImpaired = "Impaired"
	// ConditionLeaving is on a Cluster that is deleted; its message says what is still to be done.
	ConditionLeaving = "Leaving"
	// ConditionScheduled says whether every replica of a workload found a cluster.
	ConditionScheduled = "Scheduled"
	// ConditionHonored is false where not all is done that the policy of a workload, or the workload itself, asks for.
	ConditionHonored = "Honored"
	// ConditionSynced says whether every placed cluster holds what was decided.
	ConditionSynced = "Synced"
	// ConditionProgressing says whether replicas are on their way from cluster to cluster.
	ConditionProgressing = "Progressing"
	// ConditionApplied says whether a PlacementPolicy applies to all that it selects, and a TrafficPolicy to its target.
	ConditionApplied = "Applied"
	// ConditionAvailable says whether the workload is available over all clusters.
	ConditionAvailable = "Available"
	// ConditionAccepted says whether a Migration can be carried out.
	ConditionAccepted = "Accepted"
	// ConditionGatesHold says whether the gates of a Migration hold, and which does not.
	ConditionGatesHold = "GatesHold"

	ReasonReady              = "Ready"
	ReasonCredentialsMissing = "CredentialsMissing"
	ReasonCredentialsInvalid = "CredentialsInvalid"
	ReasonUnreachable        = "Unreachable"
	ReasonUnauthorized       = "Unauthorized"
	ReasonTLSFailed          = "TLSFailed"
	ReasonNotReady           = "NotReady"
	ReasonConnecting         = "Connecting"
	ReasonCleanUpFailed      = "CleanUpFailed"
	ReasonReleased           = "Released"
	ReasonTooManyLost        = "TooManyLost"
	ReasonOutOfSpace         = "OutOfSpace"
	ReasonThrottled          = "Throttled"
	ReasonSlow               = "Slow"

	ReasonPlaced         = "Placed"
	ReasonFleetDegraded  = "FleetDegraded"
	ReasonOverflow       = "Overflow"
	ReasonMoving         = "Moving"
	ReasonRollingOut     = "RollingOut"
	ReasonTrafficLeaving = "TrafficLeaving"
	ReasonTrafficStays   = "TrafficStays"
	ReasonSettled        = "Settled"
	ReasonAffinityCycle  = "AffinityCycle"
	ReasonNoBackends     = "NoBackends"
	ReasonInvalid        = "InvalidPlacement"
	ReasonApplied        = "Applied"
	ReasonOverruled      = "Overruled"
	ReasonSelectsNothing = "SelectsNothing"
	ReasonTargetNotFound = "TargetNotFound"
	ReasonSynced         = "Synced"
	ReasonSyncing        = "Syncing"
	ReasonSyncFailed     = "SyncFailed"
	ReasonOverrideFailed = "OverrideFailed"
	ReasonConflict       = "Conflict"
	ReasonNotConnected   = "NotConnected"
	ReasonNotServing     = "NotServing"
	ReasonAvailable      = "MinimumReplicasAvailable"
	ReasonUnavailable    = "MinimumReplicasUnavailable"

	ReasonAccepted      = "Accepted"
	ReasonOverlaps      = "Overlaps"
	ReasonNotJoined     = "NotJoined"
	ReasonSharedPolicy  = "SharedPolicy"
	ReasonNothingToMove = "NothingToMove"
	ReasonGatesHold     = "GatesHold"
	ReasonSourceLost    = "SourceLost"
	ReasonGateFailed    = "GateFailed"

	// What is not done of what is asked for.
	OmittedDivision     = "NotDivided"
	OmittedPolicyFields = "PolicyFieldsIgnored"
	OmittedChange       = "KeptAsBegun"
	OmittedOrdinals     = "OrdinalsRepeated"
	OmittedVolumes      = "VolumesNotMoved"

	// What was different when a decision was made that a Placement remembers.
	DecidedCreated         = "Created"
	DecidedPolicyChanged   = "PolicyChanged"
	DecidedScaled          = "Scaled"
	DecidedWorkloadChanged = "WorkloadChanged"
	DecidedClustersChanged = "ClustersChanged"

	// Why a cluster is excluded from a placement.
	ExcludedNotNamed         = "NotNamed"
	ExcludedAffinity         = "ClusterAffinity"
	ExcludedWorkloadAffinity = "WorkloadAffinity"
	ExcludedTaint            = "Taint"
	ExcludedCordoned         = "Cordoned"
	ExcludedNotReady         = "NotReady"
	ExcludedLeaving          = "Leaving"
	ExcludedNoBackend        = "NoBackend"
	// KeptNotReady is the code of an assignment to a cluster that is not ready, and not yet given up.
	KeptNotReady = "KeptNotReady"
	// KeptUntilTurn is the code of an assignment to a cluster that is drained, while other namespaces are moved off.
	KeptUntilTurn = "KeptUntilTurn"
	// KeptUntilEnd is the code of an assignment to a cluster that is left, as soon as the Job that has begun there has ended.
	KeptUntilEnd = "KeptUntilEnd"
	// RunsBackend is the code of an assignment that follows the workloads behind a Service or Ingress.
	RunsBackend = "RunsBackend"
	// RunsWhole is the code of an assignment of all of a workload.
	RunsWhole = "Whole"
	// Migrating is the code of an assignment that a Migration has changed.
	Migrating = "Migrating"
	// NoSelector is the code of an assignment of a Service without a selector, which goes everywhere.
	NoSelector = "NoSelector"
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

// TrafficPolicyFor is the policy that applies to a Service or Ingress, of those of its namespace: of several the first by
// name. It is nil if there is none.
func TrafficPolicyFor(policies []*TrafficPolicy, kind, name string) (first *TrafficPolicy) {
	for _, p := range policies {
		if p.Spec.Target.Kind == kind && p.TargetName() == name && (first == nil || p.Name < first.Name) {
			first = p
		}
	}
	return first
}

// TargetName is the name of the Service or Ingress that a policy is for.
func (p *TrafficPolicy) TargetName() string { return cmp.Or(p.Spec.Target.Name, p.Name) }

// InForce says whether a Migration has a say in where workloads run.
func (m *Migration) InForce() bool {
	switch m.Status.Phase {
	case "", MigrationRefused, MigrationFinished, MigrationRolledBack:
		return false
	}
	return true
}

// Over says whether a Migration has come to an end: it holds up no others.
func (m *Migration) Over() bool {
	return m.Status.Phase == MigrationFinished || m.Status.Phase == MigrationRolledBack && m.Spec.Attempt <= m.Status.Attempt
}
