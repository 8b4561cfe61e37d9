// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"drover.dev/drover/test/harness"
)

// An override changes a workload in one cluster, holds there against others' changes, and goes when it is taken out.
func TestOverrides(t *testing.T) {
	s := sharedSpace(t)
	const image, mirrored = "example.com/web:1", "mirror.example.com/web:1"
	s.apply(`
apiVersion: federation.drover.dev/v1alpha1
kind: PlacementPolicy
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  clusters: [{name: east}, {name: eu}]
  overrides:
  - clusters: [eu]
    jsonPatch: [{op: replace, path: /spec/template/spec/containers/0/image, value: ` + mirrored + `}]
    strategicMerge: {metadata: {labels: {continent: europe}}}
`)
	s.deploy("web", 2, nil)
	s.eventuallyRuns("web", map[string]int32{"east": 1, "eu": 1})
	runs := func(cluster, image, label string) func() error {
		return func() error {
			d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
			if err == nil && (d.Spec.Template.Spec.Containers[0].Image != image || d.Labels["continent"] != label) {
				return fmt.Errorf("in %s the image is %s, and the labels %v", cluster, d.Spec.Template.Spec.Containers[0].Image, d.Labels)
			}
			return err
		}
	}
	want := func(cluster, image, label string) {
		t.Helper()
		if err := runs(cluster, image, label)(); err != nil {
			t.Error(err)
		}
	}
	want("east", image, "")
	want("eu", mirrored, "europe")
	s.wantContains(s.kubectl("get", "deployment", "web", "-o", "wide"), image)
	before := s.podUIDs("east")

	if _, err := s.members["eu"].Kubectl().Run(t.Context(), "-n", s.name, "set", "image", "deployment/web", "web=example.com/evil"); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, runs("eu", mirrored, "europe"))

	failing := []byte(`{"spec":{"overrides":[{"clusters":["eu"],"jsonPatch":[{"op":"remove","path":"/spec/template/spec/nodeSelector"}]}]}}`)
	policies := s.Drover.FederationV1alpha1().PlacementPolicies(s.name)
	if _, err := policies.Patch(t.Context(), "web", types.MergePatchType, failing, patchOptions); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error {
		p, err := s.Drover.FederationV1alpha1().Placements(s.name).Get(t.Context(), "deployment-web", getOptions)
		if err != nil {
			return err
		}
		for _, c := range p.Status.Clusters {
			if c.Name == "eu" && c.Reason == "OverrideFailed" {
				return nil
			}
		}
		return fmt.Errorf("the Placement reports %+v", p.Status.Clusters)
	})
	want("eu", mirrored, "europe")

	s.kubectl("patch", "placementpolicy", "web", "--type", "merge", "-p", `{"spec":{"overrides":null}}`)
	harness.Eventually(t, patience, runs("eu", image, ""))
	s.eventuallyRuns("web", map[string]int32{"east": 1, "eu": 1})
	s.wantSamePods("east", before)
}
