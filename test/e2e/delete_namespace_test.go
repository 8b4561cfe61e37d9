// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"testing"
	"time"
)

// Deleting a namespace removes all that is in it, in the federation and in the members, and the namespace itself.
func TestDeleteNamespace(t *testing.T) {
	s := sharedSpace(t)
	s.apply(manifests)
	s.kubectl("create", "configmap", "unused", "--from-literal", "a=b")
	s.eventuallyRuns("web", map[string]int32{"east": 5, "west": 10, "eu": 15})
	start := time.Now()
	s.kubectl("delete", "namespace", s.name, "--timeout", patience.String())
	t.Logf("deleted in the federation after %.1fs", time.Since(start).Seconds())
	for cluster := range s.members {
		s.eventuallyGone("namespace in "+cluster, func() error {
			_, err := s.in(cluster).CoreV1().Namespaces().Get(t.Context(), s.name, getOptions)
			return err
		})
	}
	s.wantContains(s.kubectlFails("create", "configmap", "late", "--from-literal", "a=b"), "not found")
}

// A namespace in a member that was there before Drover stays, without what Drover put into it.
func TestDeleteNamespaceKeepsOthers(t *testing.T) {
	s := sharedSpace(t)
	s.inTheWay()
	if err := s.in("east").AppsV1().Deployments(s.name).Delete(t.Context(), "web", deleteOptions); err != nil {
		t.Fatal(err)
	}
	s.deploy("app", 2, map[string]int64{"east": 1})
	s.eventuallyRuns("app", map[string]int32{"east": 2})
	s.kubectl("delete", "namespace", s.name, "--timeout", patience.String())
	s.eventuallyGone("deployment in east", func() error {
		_, err := s.in("east").AppsV1().Deployments(s.name).Get(t.Context(), "app", getOptions)
		return err
	})
	ns, err := s.in("east").CoreV1().Namespaces().Get(t.Context(), s.name, getOptions)
	if err != nil || !ns.DeletionTimestamp.IsZero() {
		t.Errorf("the namespace in east that somebody else made is deleted: %v %v", ns.DeletionTimestamp, err)
	}
}
