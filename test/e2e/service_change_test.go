// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"drover.dev/drover/test/harness"
)

// A Service that changes changes in the members: what they serve, and where it goes.
func TestServiceChange(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 2, map[string]int64{"east": 1, "west": 1})
	s.deploy("api", 2, map[string]int64{"eu": 1})
	s.expose("web")
	s.eventuallyAddresses("web", 2)

	s.kubectl("patch", "service", "web", "-p", `{"spec":{"ports":[{"port":8080,"$patch":"delete"},{"port":9090,"targetPort":80}]}}`)
	s.eventuallyPorts("east", 9090)
	s.kubectl("patch", "service", "web", "-p", `{"spec":{"selector":{"app":"api"}}}`)
	s.eventuallyGone("service in east", func() error { return s.has("east", "services/web") })
	s.eventuallyPorts("eu", 9090)
	s.eventuallyAddresses("web", 1)
	s.kubectl("patch", "service", "web", "-p", `{"spec":{"type":"ClusterIP"}}`)
	s.eventuallyAddresses("web", 0)
	s.wantContains(s.kubectl("get", "service", "web"), "ClusterIP", "<none>", "9090/TCP")
}

func (s *space) eventuallyPorts(cluster string, want int32) {
	s.Helper()
	harness.Eventually(s, patience, func() error {
		svc, err := s.in(cluster).CoreV1().Services(s.name).Get(s.Context(), "web", getOptions)
		if err == nil && (len(svc.Spec.Ports) != 1 || svc.Spec.Ports[0].Port != want || svc.Spec.Type != corev1.ServiceTypeLoadBalancer) {
			return fmt.Errorf("%s has the spec %+v, want the port %d", cluster, svc.Spec, want)
		}
		return err
	})
}
