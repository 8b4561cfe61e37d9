// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/test/harness"
)

// What is deleted and made again at once is made again in the members too, though they may be busy deleting it.
func TestRecreateWorkload(t *testing.T) {
	s := sharedSpace(t)
	for range 3 {
		d := s.deploy("web", 3, nil)
		s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 1, "eu": 1})
		s.wantSource("web", string(d.UID))
		s.kubectl("delete", "deployment", "web", "--timeout", patience.String())
	}
}

// The same for a whole namespace, which takes members longer.
func TestRecreateNamespace(t *testing.T) {
	s := sharedSpace(t)
	for range 2 {
		s.apply(manifests)
		s.eventuallyRuns("web", map[string]int32{"east": 5, "west": 10, "eu": 15})
		s.eventuallyAddresses("web", 3)
		s.kubectl("delete", "namespace", s.name, "--timeout", patience.String())
		if _, err := s.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.name}}, createOptions); err != nil {
			t.Fatal(err)
		}
	}
	s.apply(manifests)
	s.eventuallyRuns("web", map[string]int32{"east": 5, "west": 10, "eu": 15})
}

// What is made again while a member hangs takes the place there of what was before.
func TestRecreateWhileMemberStopped(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.deploy("web", 4, map[string]int64{"north": 1, "south": 1})
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	f.members["south"].Suspend()
	s.kubectl("delete", "deployment", "web", "--timeout", patience.String())
	d := s.deploy("web", 6, nil)
	harness.Eventually(t, patience, func() error { return s.reports("web", 6) }) // all of it in north
	f.members["south"].Resume()
	harness.Eventually(t, patience, func() error { return f.ready(t.Context(), "south") })
	s.kubectl("scale", "deployment", "web", "--replicas", "8")
	s.eventuallyRuns("web", map[string]int32{"north": 4, "south": 4})
	s.wantSource("web", string(d.UID))
}

// wantSource fails unless what the members have is made from the object with that UID.
func (s *space) wantSource(name, uid string) {
	s.Helper()
	harness.Eventually(s, patience, func() error {
		for cluster := range s.members {
			d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(s.Context(), name, getOptions)
			if err != nil {
				return err
			}
			if got := d.Annotations["federation.drover.dev/source-uid"]; got != uid {
				return fmt.Errorf("%s in %s is made from %s, want %s", name, cluster, got, uid)
			}
		}
		return nil
	})
}
