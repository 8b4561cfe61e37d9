// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"drover.dev/drover/test/harness"
)

const followers = `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 1, maxReplicas: 9}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: web}
spec: {hard: {pods: "50"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: web}
spec: {limits: [{type: Container, defaultRequest: {cpu: 10m}}]}
`

// hasFollowers says what a member lacks of the objects that follow a Deployment; none is to be there if it is not.
func (s *space) hasFollowers(cluster string, want bool) error {
	member, ctx := s.in(cluster), s.Context()
	_, budget := member.PolicyV1().PodDisruptionBudgets(s.name).Get(ctx, "web", getOptions)
	_, network := member.NetworkingV1().NetworkPolicies(s.name).Get(ctx, "web", getOptions)
	_, autoscaler := member.AutoscalingV2().HorizontalPodAutoscalers(s.name).Get(ctx, "web", getOptions)
	_, quota := member.CoreV1().ResourceQuotas(s.name).Get(ctx, "web", getOptions)
	_, limits := member.CoreV1().LimitRanges(s.name).Get(ctx, "web", getOptions)
	for _, err := range []error{budget, network, autoscaler, quota, limits} {
		switch {
		case want && err != nil:
			return fmt.Errorf("%s: %w", cluster, err)
		case !want && err == nil:
			return fmt.Errorf("%s has what it is not to have", cluster)
		case !want && !apierrors.IsNotFound(err):
			return err
		}
	}
	return nil
}

// Budgets, network policies, autoscalers, quotas and limits go where their workloads go, and are reported as one.
func TestFollowers(t *testing.T) {
	s := sharedSpace(t)
	s.apply(followers)
	s.deploy("web", 6, map[string]int64{"east": 1, "west": 1})
	s.eventuallyRuns("web", map[string]int32{"east": 3, "west": 3})
	harness.Eventually(t, patience, func() error {
		return errors.Join(s.hasFollowers("east", true), s.hasFollowers("west", true), s.hasFollowers("eu", false))
	})
	for _, cluster := range []string{"east", "west"} {
		pods, err := s.in(cluster).CoreV1().Pods(s.name).List(t.Context(), listOptions)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range pods.Items {
			if p.Spec.Containers[0].Resources.Requests.Cpu().String() != "10m" {
				t.Errorf("%s made a pod before its limits", cluster)
			}
		}
	}
	harness.Eventually(t, patience, func() error {
		quota, err := s.Kube.CoreV1().ResourceQuotas(s.name).Get(t.Context(), "web", getOptions)
		if err != nil {
			return err
		}
		used, hard := quota.Status.Used["pods"], quota.Status.Hard["pods"]
		budget, err := s.Kube.PolicyV1().PodDisruptionBudgets(s.name).Get(t.Context(), "web", getOptions)
		if err != nil {
			return err
		}
		if used.Value() != 6 || hard.Value() != 100 || budget.Status.ExpectedPods != 6 || budget.Status.DisruptionsAllowed != 1 {
			return fmt.Errorf("of the quota %s of %s pods are used; the budget is %+v", used.String(), hard.String(), budget.Status)
		}
		return nil
	})
	missing := 0 // may be, in all clusters together
	for _, cluster := range []string{"east", "west"} {
		budget, err := s.in(cluster).PolicyV1().PodDisruptionBudgets(s.name).Get(t.Context(), "web", getOptions)
		if err != nil {
			t.Fatal(err)
		}
		missing += budget.Spec.MaxUnavailable.IntValue()
	}
	if missing != 1 {
		t.Errorf("in the clusters %d pods may be missing, want 1", missing)
	}
	for _, placement := range []string{"poddisruptionbudget-web", "networkpolicy-web", "resourcequota-web", "limitrange-web"} {
		s.kubectl("wait", "placement/"+placement, "--for=condition=Available", "--timeout", patience.String())
	}
	s.kubectl("patch", "placementpolicy", "web", "--type=merge", "-p", `{"spec":{"clusters":[{"name":"eu","weight":1}]}}`)
	s.eventuallyRuns("web", map[string]int32{"eu": 6})
	harness.Eventually(t, patience, func() error {
		return errors.Join(s.hasFollowers("east", false), s.hasFollowers("west", false), s.hasFollowers("eu", true))
	})
}
