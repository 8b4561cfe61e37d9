// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"drover.dev/drover/test/harness"
)

// slowJob has pods that take their time; the agents run on each node, behind a Service.
const slowJob = `
apiVersion: batch/v1
kind: Job
metadata: {name: sum}
spec:
  completions: 4
  parallelism: 4
  template:
    metadata: {annotations: {member.drover.dev/ready-delay: 12s}}
    spec: {restartPolicy: Never, containers: [{name: sum, image: example.com/sum:1}]}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: agent, image: example.com/agent:1}]}
`

// A cluster that is drained keeps a Job that has begun until it has run to its end, and a DaemonSet until clients are led
// elsewhere.
func TestDrainWaitsForJobsAndClients(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.forgetSoon("agent")
	s.expose("agent")
	s.apply(slowJob)
	s.kubectl("rollout", "status", "daemonset", "agent", "--timeout", patience.String())
	s.eventuallyAddresses("agent", 2)
	s.kubectl("wait", "job/sum", "--for", "jsonpath={.status.active}=4", "--timeout", patience.String())
	t.Cleanup(func() {
		if _, err := f.Plugin().Run(context.Background(), "uncordon", "north"); err != nil {
			t.Error(err)
		}
	})
	killed := s.jobPodsKilled("north")

	plan, err := f.Plugin().Run(t.Context(), "drain", "north", "--dry-run")
	if err != nil {
		t.Fatal(err)
	}
	s.wantContains(plan, "job/sum in "+s.name+" stays: is drained: the Job has begun there, and runs to its end first")
	if _, err := f.Plugin().Run(t.Context(), "drain", "north", "--yes", "--timeout", "1s"); err == nil {
		t.Fatal("the Job has ended within a second")
	}
	s.kubectl("wait", "placement", "daemonset-agent", "--for", `jsonpath={.status.conditions[?(@.type=="Progressing")].reason}=TrafficLeaving`, "--timeout", patience.String())
	if _, err := s.in("north").AppsV1().DaemonSets(s.name).Get(t.Context(), "agent", getOptions); err != nil {
		t.Errorf("clients are still led to north: %v", err)
	}
	out, err := f.Plugin().Run(t.Context(), "drain", "north", "--timeout", "2m")
	if err != nil {
		t.Fatal(err)
	}
	s.wantContains(out, "north is drained")
	t.Logf("kubectl drover drain north\n%s", out)
	s.kubectl("wait", "job/sum", "--for=condition=complete", "--timeout", patience.String())
	s.wantContains(s.kubectl("get", "job", "sum"), "4/4")
	if pods := killed(); len(pods) > 0 {
		t.Errorf("pods of the Job were ended in north: %v", pods)
	}
	harness.Eventually(t, patience, func() error {
		_, err := s.in("north").AppsV1().DaemonSets(s.name).Get(t.Context(), "agent", getOptions)
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("agent in north: %w", err)
		}
		return nil
	})
}

// jobPodsKilled watches pods of Jobs in a member. What it returns tells which were deleted before they had succeeded.
func (s *space) jobPodsKilled(cluster string) func() []string {
	s.Helper()
	w, err := s.in(cluster).CoreV1().Pods(s.name).Watch(s.Context(), metav1.ListOptions{LabelSelector: "job-name=sum"})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(w.Stop)
	var mu sync.Mutex
	var killed []string
	go func() {
		for event := range w.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok && event.Type == watch.Deleted && pod.Status.Phase != corev1.PodSucceeded {
				mu.Lock()
				killed = append(killed, pod.Name)
				mu.Unlock()
			}
		}
	}()
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return killed
	}
}
