// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"drover.dev/drover/test/harness"
)

// autoscale has the Deployment web scaled between bounds.
func (s *space) autoscale(least, most int) {
	s.Helper()
	s.apply(fmt.Sprintf(`
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: %d
  maxReplicas: %d
`, least, most))
}

// eventuallyScales waits until a member's autoscaler has these bounds, and its Deployment so many replicas.
func (s *space) eventuallyScales(name, cluster string, least, most, replicas int32) {
	s.Helper()
	harness.Eventually(s, patience, func() error {
		h, err := s.in(cluster).AutoscalingV2().HorizontalPodAutoscalers(s.name).Get(s.Context(), name, getOptions)
		if err != nil {
			return err
		}
		d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(s.Context(), name, getOptions)
		if err != nil {
			return err
		}
		if got := ptr.Deref(h.Spec.MinReplicas, 1); got != least || h.Spec.MaxReplicas != most || *d.Spec.Replicas != replicas {
			return fmt.Errorf("%s: %d replicas of %d to %d, want %d of %d to %d", cluster, *d.Spec.Replicas, got, h.Spec.MaxReplicas, replicas, least, most)
		}
		return nil
	})
}

// An autoscaler's bounds are divided as replicas are, and each cluster's own autoscaler scales between its share of them:
// Drover leaves the replicas alone, adds them up, and takes them back when the autoscaler goes.
func TestAutoscaler(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 6, map[string]int64{"east": 1, "west": 2, "eu": 3})
	s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 2, "eu": 3})
	before := s.podUIDs("eu")

	s.autoscale(12, 24)
	s.eventuallyScales("web", "east", 2, 4, 2)
	s.eventuallyScales("web", "west", 4, 8, 4)
	s.eventuallyScales("web", "eu", 6, 12, 6)
	for uid := range before {
		if !s.podUIDs("eu")[uid] {
			t.Error("a pod was replaced when the autoscaler took over")
		}
	}
	s.kubectl("wait", "deployment", "web", "--for", "jsonpath={.spec.replicas}=12", "--timeout", patience.String())
	s.wantContains(s.kubectl("describe", "placement", "deployment-web"), "autoscaled between 6 and 12: weight 3 of 6")

	// What an autoscaler scales to is left alone, also when the template changes.
	scale := []byte(`{"spec":{"replicas":12}}`)
	if _, err := s.in("eu").AppsV1().Deployments(s.name).Patch(s.Context(), "web", types.MergePatchType, scale, patchOptions, "scale"); err != nil {
		t.Fatal(err)
	}
	s.kubectl("wait", "deployment", "web", "--for", "jsonpath={.spec.replicas}=18", "--timeout", patience.String())
	s.kubectl("set", "image", "deployment/web", "web=example.com/web:2")
	s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
	s.eventuallyScales("web", "eu", 6, 12, 12)
	s.wantContains(s.kubectl("get", "hpa", "web"), "18", "east=2-4 eu=6-12 west=4-8")

	// Without the autoscaler there is what there was, divided by weight.
	s.kubectl("delete", "hpa", "web")
	s.eventuallyRuns("web", map[string]int32{"east": 3, "west": 6, "eu": 9})
}
