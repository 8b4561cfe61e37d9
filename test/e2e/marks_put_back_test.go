// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// Drover's marks on an object in a member are put back as all that Drover decides is: an object that has lost one of
// them is still Drover's.
func TestMarksArePutBack(t *testing.T) {
	for name, args := range map[string][]string{
		"label":      {"label", v1alpha1.LabelManaged + "-"},
		"annotation": {"annotate", v1alpha1.AnnotationFederation + "-"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sharedSpace(t)
			s.deploy("web", 2, map[string]int64{"east": 1})
			s.eventuallyRuns("web", map[string]int32{"east": 2})
			if _, err := s.members["east"].Kubectl().Run(t.Context(), args[0], "-n", s.name, "deployment", "web", args[1]); err != nil {
				t.Fatal(err)
			}
			harness.Eventually(t, patience, func() error {
				d, err := s.in("east").AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
				if err == nil && (d.Labels[v1alpha1.LabelManaged] != "true" || d.Annotations[v1alpha1.AnnotationFederation] == "") {
					return fmt.Errorf("labels are %v, annotations %v", d.Labels, d.Annotations)
				}
				return err
			})
			s.eventuallyRuns("web", map[string]int32{"east": 2})
		})
	}
}
