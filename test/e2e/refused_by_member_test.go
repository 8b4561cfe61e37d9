// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// What a member refuses is told with the member's own words, and is tried again when it was corrected.
func TestRefusedByMember(t *testing.T) {
	s := sharedSpace(t)
	d := deployment("web", 2)
	// More than its limit, which the federation leaves to the clusters to check.
	d.Spec.Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{
		Requests: corev1.ResourceList{"cpu": resource.MustParse("20m")}, Limits: corev1.ResourceList{"cpu": resource.MustParse("10m")},
	}
	s.weigh("web", map[string]int64{"east": 1})
	if _, err := s.Kube.AppsV1().Deployments(s.name).Create(t.Context(), d, createOptions); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error {
		p, err := s.Drover.FederationV1alpha1().Placements(s.name).Get(t.Context(), "deployment-web", getOptions)
		if err != nil {
			return err
		}
		synced := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionSynced)
		if synced == nil || synced.Status != metav1.ConditionFalse || synced.Reason != v1alpha1.ReasonSyncFailed {
			return fmt.Errorf("condition Synced is %+v", synced)
		}
		s.wantContains(synced.Message, "east", "cpu limit")
		return nil
	})
	harness.Eventually(t, patience, func() error {
		events, err := s.Kube.CoreV1().Events(s.name).List(t.Context(), metav1.ListOptions{FieldSelector: "reason=SyncFailed,involvedObject.name=web"})
		if err == nil && len(events.Items) == 0 {
			return fmt.Errorf("there is no event SyncFailed")
		}
		return err
	})
	s.kubectl("wait", "deployment/web", "--for=condition=Synced=false", "--timeout", patience.String())
	s.kubectl("set", "resources", "deployment/web", "--limits", "cpu=20m")
	s.eventuallyRuns("web", map[string]int32{"east": 2})
}
