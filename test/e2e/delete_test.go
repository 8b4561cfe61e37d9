// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"drover.dev/drover/test/harness"
)

// Delete removes a workload, and what followed it, from every member.
func TestDelete(t *testing.T) {
	for name, args := range map[string][]string{
		"background": {"--cascade=background"},
		"foreground": {"--cascade=foreground"},
		"now":        {"--now"},
	} {
		t.Run(name, func(t *testing.T) {
			s := sharedSpace(t)
			s.deploy("web", 3, nil)
			s.expose("web")
			s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 1, "eu": 1})
			s.eventuallyAddresses("web", 3)
			s.kubectl(append([]string{"delete", "deployment,service", "web", "--timeout", patience.String()}, args...)...)
			for cluster := range s.members {
				for what, get := range map[string]func() error{
					"deployment": func() error {
						_, err := s.in(cluster).AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
						return err
					},
					"service": func() error { return s.has(cluster, "services/web") },
				} {
					if name != "foreground" || what == "service" {
						s.eventuallyGone(what+" in "+cluster, get)
						continue
					}
					if err := get(); !apierrors.IsNotFound(err) {
						t.Errorf("the delete is done, and %s has the %s still (%v)", cluster, what, err)
					}
				}
				harness.Eventually(t, patience, func() error {
					if left := len(s.podUIDs(cluster)); left > 0 {
						return fmt.Errorf("%s has still %d pods", cluster, left)
					}
					return nil
				})
			}
			s.eventuallyGone("placement", func() error {
				_, err := s.Drover.FederationV1alpha1().Placements(s.name).Get(t.Context(), "deployment-web", getOptions)
				return err
			})
		})
	}
}
