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
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func east() *v1alpha1.Cluster {
	return &v1alpha1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: "east", Generation: 3},
		Spec:       v1alpha1.ClusterSpec{Server: "https://10.0.0.1:6443", CredentialsSecret: v1alpha1.SecretReference{Namespace: "drover-system", Name: "cluster-east"}},
	}
}

func healthy(at time.Time) observation {
	return observation{
		health: members.Health{KubernetesVersion: "v1.37.1"}, probed: at, measured: at, generation: 3,
		resources: members.Resources{
			Nodes: v1alpha1.NodeSummary{Total: 3, Ready: 2}, Region: "us-east1", Zone: "us-east1-b",
			Capacity: cpu("12"), Allocatable: cpu("8"), Requested: cpu("1500m"),
		},
	}
}

func cpu(quantity string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(quantity)}
}

func TestNextStatus(t *testing.T) {
	got := nextStatus(east(), healthy(now), 5, now)
	at := metav1.NewTime(now)
	want := v1alpha1.ClusterStatus{
		ObservedGeneration: 3, KubernetesVersion: "v1.37.1", Replicas: 5, LastProbeTime: &at,
		Location: v1alpha1.Location{Region: "us-east1", Zone: "us-east1-b"}, Nodes: v1alpha1.NodeSummary{Total: 3, Ready: 2},
		Capacity: cpu("12"), Allocatable: cpu("8"), Requested: cpu("1500m"),
		Conditions: []metav1.Condition{{
			Type: "Ready", Status: "True", Reason: "Ready", Message: "the API server is ready, and Drover is connected", ObservedGeneration: 3, LastTransitionTime: at,
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("status (-want +got):\n%s", diff)
	}
}

// While nothing changes there is one write a minute, though there is a probe every ten seconds.
func TestHeartbeat(t *testing.T) {
	cluster := east()
	writes := 0
	for second := range 300 {
		at := now.Add(time.Duration(second) * time.Second)
		next := nextStatus(cluster, healthy(at.Truncate(10*time.Second)), 5, at)
		if !apiequality.Semantic.DeepEqual(next, cluster.Status) {
			writes++
			cluster.Status = *next.DeepCopy()
		}
	}
	if writes != 5 {
		t.Errorf("%d writes in 5 minutes", writes)
	}
	// A change is written at once, with the time of the probe that saw it.
	changed := nextStatus(cluster, healthy(now.Add(300*time.Second)), 6, now)
	if changed.Replicas != 6 || !changed.LastProbeTime.Time.Equal(now.Add(300*time.Second)) {
		t.Errorf("replicas %d, probed %s", changed.Replicas, changed.LastProbeTime)
	}
}

// What a cluster said last stays, with the condition that it does not answer now.
func TestLostClusterKeepsWhatItSaid(t *testing.T) {
	cluster := east()
	cluster.Status = nextStatus(cluster, healthy(now), 5, now)
	later := now.Add(time.Minute)
	lost := observation{probed: later, err: context.DeadlineExceeded, generation: 3}
	got := nextStatus(cluster, lost, 5, later)
	ready := meta.FindStatusCondition(got.Conditions, "Ready")
	if ready.Status != "False" || ready.Reason != "Unreachable" || !ready.LastTransitionTime.Time.Equal(later) {
		t.Errorf("ready is %+v", ready)
	}
	got.Conditions, got.LastProbeTime = cluster.Status.Conditions, cluster.Status.LastProbeTime
	if diff := cmp.Diff(cluster.Status, got); diff != "" {
		t.Errorf("the rest (-before +after):\n%s", diff)
	}
	cluster.Status = nextStatus(cluster, lost, 5, later)
	still := nextStatus(cluster, observation{probed: later.Add(time.Second), err: errors.New("EOF"), generation: 3}, 5, later.Add(time.Second))
	if c := meta.FindStatusCondition(still.Conditions, "Ready"); !c.LastTransitionTime.Time.Equal(later) || c.Reason != "NotReady" {
		t.Errorf("lost for another reason, and the failover starts again: %+v", c)
	}
}

func TestLocation(t *testing.T) {
	nodes := members.Resources{Region: "r-nodes", Zone: "z-nodes", Capacity: cpu("1")}
	last := v1alpha1.Location{Region: "r-last", Zone: "z-last", Continent: "c-last"}
	for _, tt := range []struct {
		name string
		spec v1alpha1.Location
		seen members.Resources
		want v1alpha1.Location
	}{
		{"from the nodes", v1alpha1.Location{}, nodes, v1alpha1.Location{Region: "r-nodes", Zone: "z-nodes"}},
		{"the operator knows better", v1alpha1.Location{Region: "r", Zone: "z", Continent: "c", Latitude: "1", Longitude: "2"}, nodes, v1alpha1.Location{Region: "r", Zone: "z", Continent: "c", Latitude: "1", Longitude: "2"}},
		{"one gap", v1alpha1.Location{Region: "r"}, nodes, v1alpha1.Location{Region: "r", Zone: "z-nodes"}},
		{"not measured yet: as it was", v1alpha1.Location{}, members.Resources{}, v1alpha1.Location{Region: "r-last", Zone: "z-last"}},
		{"measured, and the nodes differ", v1alpha1.Location{}, members.Resources{Region: "r-nodes", Capacity: cpu("1")}, v1alpha1.Location{Region: "r-nodes"}},
	} {
		if diff := cmp.Diff(tt.want, location(tt.spec, tt.seen, last)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Each failure has a stable word, and a sentence that names the cause and what to do.
func TestExplain(t *testing.T) {
	wrapped := func(err error) error {
		return fmt.Errorf("readyz: %w", &url.Error{Op: "Get", URL: "https://10.0.0.1:6443/readyz", Err: err})
	}
	secrets := schema.GroupResource{Resource: "secrets"}
	for _, tt := range []struct {
		name   string
		err    error
		reason string
		says   []string
	}{
		{"connecting", errConnecting, "Connecting", []string{"reading", "--renew"}},
		{"no Secret", &credentialsError{reason: "CredentialsMissing", err: apierrors.NewNotFound(secrets, "cluster-east")}, "CredentialsMissing", []string{"drover-system/cluster-east", "missing", "--renew"}},
		{"a Secret without a token", &credentialsError{reason: "CredentialsInvalid", err: errors.New("secret has no token; join the cluster again")}, "CredentialsInvalid", []string{"join the cluster again"}},
		{"an unusable CA", &credentialsError{reason: "CredentialsInvalid", err: members.ErrUnusableCA}, "CredentialsInvalid", []string{"spec.caBundle"}},
		{"401", fmt.Errorf("readyz: %w", apierrors.NewUnauthorized("no")), "Unauthorized", []string{"https://10.0.0.1:6443", "drover-system/cluster-east", "expired", "--renew"}},
		{"403", fmt.Errorf("list nodes: %w", apierrors.NewForbidden(schema.GroupResource{Resource: "nodes"}, "", errors.New("no"))), "Unauthorized", []string{"rights", "nodes", "--renew"}},
		{"another authority", wrapped(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), "TLSFailed", []string{"https://10.0.0.1:6443", "spec.caBundle"}},
		{"another authority, bare", wrapped(x509.UnknownAuthorityError{}), "TLSFailed", []string{"spec.caBundle"}},
		{"another name", wrapped(x509.HostnameError{Certificate: &x509.Certificate{}, Host: "10.0.0.1"}), "TLSFailed", []string{"https://10.0.0.1:6443"}},
		{"too slow", wrapped(context.DeadlineExceeded), "Unreachable", []string{"does not answer in time"}},
		{"refused", wrapped(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}), "Unreachable", []string{"cannot be reached", "connection refused"}},
		{"no such host", wrapped(&net.DNSError{Err: "no such host", Name: "east"}), "Unreachable", []string{"no such host"}},
		{"not ready", errors.New("readyz: [-]etcd failed"), "NotReady", []string{"is not ready", "[-]etcd failed"}},
		{"500", fmt.Errorf("readyz: %w", apierrors.NewInternalError(errors.New("etcd failed"))), "NotReady", []string{"etcd failed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reason, message := explain(east(), tt.err)
			if reason != tt.reason {
				t.Errorf("reason %s, want %s (%s)", reason, tt.reason, message)
			}
			for _, word := range tt.says {
				if !strings.Contains(message, word) {
					t.Errorf("message %q does not say %q", message, word)
				}
			}
			if c := readyCondition(east(), tt.err, now); c.Status != "False" || c.Reason != reason || c.Message != message || c.ObservedGeneration != 3 {
				t.Errorf("condition %+v", c)
			}
		})
	}
}

func TestBusyClustersAreMeasuredMoreOften(t *testing.T) {
	at := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		seen     observation
		since    time.Duration
		due      bool
		interval time.Duration
	}{
		{"never measured", observation{}, 0, true, probeInterval},
		{"measured lately", observation{measured: at}, 20 * time.Second, false, probeInterval},
		{"measured some time ago", observation{measured: at}, 30 * time.Second, true, probeInterval},
		{"workloads wait for room", observation{measured: at, crowded: true}, 5 * time.Second, true, busyInterval},
		{"and it takes long to count", observation{measured: at, crowded: true, measuring: time.Second}, 15 * time.Second, false, busyInterval},
		{"something was placed since", observation{measured: at, placed: at.Add(time.Second)}, 6 * time.Second, true, busyInterval},
		{"something was placed just before, and was not there yet", observation{measured: at, placed: at.Add(-time.Second)}, 6 * time.Second, true, busyInterval},
		{"something was placed long before", observation{measured: at, placed: at.Add(-10 * time.Second)}, 6 * time.Second, false, probeInterval},
		{"it does not answer", observation{measured: at, crowded: true, err: errConnecting}, 3 * time.Second, false, retryInterval},
	} {
		now := at.Add(tt.since)
		if tt.seen.measured.IsZero() {
			tt.seen.placed = time.Time{}.Add(-time.Hour)
		}
		if due, interval := tt.seen.measureIsDue(now), tt.seen.interval(); due != tt.due || interval != tt.interval {
			t.Errorf("%s: due %v, asked every %v; want %v, %v", tt.name, due, interval, tt.due, tt.interval)
		}
	}
}
