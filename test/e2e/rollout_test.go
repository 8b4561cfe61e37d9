// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"drover.dev/drover/test/harness"
)

// kubectl rollout status is done when every member is done, and not before.
func TestRollout(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 9, nil)
	s.eventuallyRuns("web", map[string]int32{"east": 3, "west": 3, "eu": 3})

	before := s.podUIDs("east")
	s.kubectl("rollout", "restart", "deployment", "web")
	s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
	s.wantRolledOut(func(d *appsv1.Deployment) bool {
		return d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] != ""
	})
	harness.Eventually(t, patience, func() error {
		for uid := range s.podUIDs("east") {
			if before[uid] {
				return fmt.Errorf("pod %s in east was not replaced", uid)
			}
		}
		return nil
	})

	for _, image := range []string{"example.com/web:2", "example.com/web:3"} {
		s.kubectl("set", "image", "deployment/web", "web="+image)
		s.kubectl("rollout", "status", "deployment", "web", "--timeout", patience.String())
		s.wantRolledOut(func(d *appsv1.Deployment) bool { return d.Spec.Template.Spec.Containers[0].Image == image })
	}
	s.eventuallyRuns("web", map[string]int32{"east": 3, "west": 3, "eu": 3})
}

// wantRolledOut fails unless each member has rolled out a Deployment that is as the function says.
func (s *space) wantRolledOut(is func(*appsv1.Deployment) bool) {
	s.Helper()
	for cluster := range s.members {
		d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(s.Context(), "web", getOptions)
		if err != nil {
			s.Fatal(err)
		}
		if st := d.Status; !is(d) || st.ObservedGeneration < d.Generation || st.UpdatedReplicas != 3 || st.Replicas != 3 || st.AvailableReplicas != 3 {
			s.Errorf("rollout status is done, and %s has %+v with the status %+v", cluster, d.Spec.Template, st)
		}
	}
}
