// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// With --cascade=orphan the members keep what they have, and it is no longer Drover's.
func TestDeleteOrphans(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 3, nil)
	s.expose("web")
	s.eventuallyRuns("web", map[string]int32{"east": 1, "west": 1, "eu": 1})
	s.eventuallyAddresses("web", 3)
	before := map[string]map[string]bool{}
	for cluster := range s.members {
		before[cluster] = s.podUIDs(cluster)
	}
	s.kubectl("delete", "deployment,service", "web", "--cascade=orphan", "--timeout", patience.String())
	for cluster := range s.members {
		d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions)
		if err != nil {
			t.Fatal(err)
		}
		s.wantNoMarks(d)
		svc, err := s.in(cluster).CoreV1().Services(s.name).Get(t.Context(), "web", getOptions)
		if err != nil {
			t.Fatal(err)
		}
		s.wantNoMarks(svc)
		s.wantSamePods(cluster, before[cluster])
	}
	if _, err := s.Kube.AppsV1().Deployments(s.name).Get(t.Context(), "web", getOptions); !apierrors.IsNotFound(err) {
		t.Errorf("the deployment is still in the federation (%v)", err)
	}
}
