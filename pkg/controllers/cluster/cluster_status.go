// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// heartbeat is how stale lastProbeTime may get while nothing else changes: a write a minute, not one a probe.
const heartbeat = time.Minute

// patience is how long a cluster that answers may take to be read before it is no longer called ready.
const patience = 30 * time.Second

// errConnecting is told while a member answers, but what is in it is not known yet.
var errConnecting = errors.New("connected, reading what Drover manages there; if this stays, check the ClusterRole drover in the cluster, or join it again with --renew")

// credentialsError says that a cluster could not even be asked.
type credentialsError struct {
	reason string
	err    error
}

func (e *credentialsError) Error() string { return e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

// nextStatus decides a cluster's status from what was last seen of it.
func nextStatus(cluster *v1alpha1.Cluster, seen observation, replicas int32, now time.Time) v1alpha1.ClusterStatus {
	next := *cluster.Status.DeepCopy()
	next.ObservedGeneration = cluster.Generation
	next.Replicas = replicas
	if seen.health.KubernetesVersion != "" {
		next.KubernetesVersion = seen.health.KubernetesVersion
	}
	if !seen.measured.IsZero() && seen.resources.Capacity != nil {
		next.Nodes = seen.resources.Nodes
		next.Capacity, next.Allocatable, next.Requested = seen.resources.Capacity, seen.resources.Allocatable, seen.resources.Requested
	}
	next.Location = location(cluster.Spec.Location, seen.resources, cluster.Status.Location)
	if !stillConnecting(cluster, seen, now) && !onceMissed(cluster, seen) {
		meta.SetStatusCondition(&next.Conditions, readyCondition(cluster, seen.err, now))
	}
	setImpaired(&next.Conditions, cluster.Generation, seen, now)
	probed := metav1.NewTime(seen.probed).Rfc3339Copy()
	stale := heartbeat
	if !meta.IsStatusConditionTrue(next.Conditions, v1alpha1.ConditionReady) {
		stale = probeInterval // how long it has been lost is counted by this
	}
	if next.LastProbeTime == nil || probed.Sub(next.LastProbeTime.Time) >= stale || !apiequality.Semantic.DeepEqual(next, cluster.Status) {
		next.LastProbeTime = &probed
	}
	return next
}

// setImpaired has a cluster say what is wrong with it though it answers.
func setImpaired(conditions *[]metav1.Condition, generation int64, seen observation, now time.Time) {
	if seen.trouble == "" || seen.err != nil {
		meta.RemoveStatusCondition(conditions, v1alpha1.ConditionImpaired)
		return
	}
	meta.SetStatusCondition(conditions, metav1.Condition{
		Type: v1alpha1.ConditionImpaired, Status: metav1.ConditionTrue, Reason: seen.trouble, Message: seen.troubleMessage,
		ObservedGeneration: generation, LastTransitionTime: metav1.NewTime(now),
	})
}

// stillConnecting says that a cluster that was ready before these controllers started is only being read again. It
// answers, so it stays ready unless that takes long.
func stillConnecting(cluster *v1alpha1.Cluster, seen observation, now time.Time) bool {
	return errors.Is(seen.err, errConnecting) && now.Sub(seen.connecting) < patience &&
		meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady)
}

// onceMissed says that a ready cluster has failed a single probe: one lost answer is no lost cluster. It is asked again
// soon.
func onceMissed(cluster *v1alpha1.Cluster, seen observation) bool {
	return seen.err != nil && seen.failures == 1 && meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionReady)
}

// location is what the operator says, its gaps filled with what the nodes say, or said when they were last seen.
func location(spec v1alpha1.Location, seen members.Resources, last v1alpha1.Location) v1alpha1.Location {
	if spec.Region == "" {
		if spec.Region = seen.Region; seen.Capacity == nil {
			spec.Region = last.Region
		}
	}
	if spec.Zone == "" {
		if spec.Zone = seen.Zone; seen.Capacity == nil {
			spec.Zone = last.Zone
		}
	}
	return spec
}

func readyCondition(cluster *v1alpha1.Cluster, err error, now time.Time) metav1.Condition {
	ready := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonReady,
		Message: "the API server is ready, and Drover is connected", ObservedGeneration: cluster.Generation,
		LastTransitionTime: metav1.NewTime(now),
	}
	if err != nil {
		ready.Status = metav1.ConditionFalse
		ready.Reason, ready.Message = explain(cluster, err)
	}
	return ready
}

// explain puts a failure to reach a cluster into a stable word, and a sentence that says what to do.
func explain(cluster *v1alpha1.Cluster, err error) (reason, message string) {
	var (
		credentials *credentialsError
		verify      *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		network     net.Error
	)
	server, ref := cluster.Spec.Server, cluster.Spec.CredentialsSecret
	switch {
	case errors.Is(err, errConnecting):
		return v1alpha1.ReasonConnecting, err.Error()
	case errors.As(err, &credentials) && credentials.reason == v1alpha1.ReasonCredentialsMissing:
		return credentials.reason, fmt.Sprintf("Secret %s/%s with the credentials is missing (%v); join the cluster again with --renew", ref.Namespace, ref.Name, err)
	case errors.As(err, &credentials):
		return credentials.reason, err.Error()
	case apierrors.IsUnauthorized(err):
		return v1alpha1.ReasonUnauthorized, fmt.Sprintf("%s does not accept the credentials in Secret %s/%s; they may have expired: unless it has just started, join the cluster again with --renew", server, ref.Namespace, ref.Name)
	case apierrors.IsForbidden(err):
		return v1alpha1.ReasonUnauthorized, fmt.Sprintf("the credentials lack rights: %v; unless it has just started, join the cluster again with --renew", err)
	case errors.As(err, &verify), errors.As(err, &authority), errors.As(err, &hostname):
		return v1alpha1.ReasonTLSFailed, fmt.Sprintf("the certificate of %s cannot be verified with spec.caBundle: %v", server, err)
	case errors.Is(err, context.DeadlineExceeded):
		return v1alpha1.ReasonUnreachable, fmt.Sprintf("%s does not answer in time", server)
	case errors.As(err, &network):
		return v1alpha1.ReasonUnreachable, fmt.Sprintf("%s cannot be reached: %v", server, err)
	default:
		return v1alpha1.ReasonNotReady, fmt.Sprintf("%s is not ready: %v", server, err)
	}
}
