// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// Other weights set replicas in clusters and write nothing else there. What Drover owns is the same, and is put back.
func TestWeightsOnlyScale(t *testing.T) {
	s := sharedSpace(t)
	s.deploy("web", 4, map[string]int64{"east": 1, "west": 1})
	s.eventuallyRuns("web", map[string]int32{"east": 2, "west": 2})
	made := s.inCluster("east", "web")
	if isScaled(made) {
		t.Errorf("it was scaled when it was made: %v", made.ManagedFields)
	}

	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":3}]}}`)
	s.eventuallyRuns("web", map[string]int32{"east": 3, "west": 1})
	scaled := s.inCluster("east", "web")
	if !isScaled(scaled) {
		t.Errorf("all of it was applied for other weights: %v", scaled.ManagedFields)
	}
	if members.OwnedFields(scaled) != members.OwnedFields(made) {
		t.Errorf("Drover owns %s, and owned %s before", members.OwnedFields(scaled), members.OwnedFields(made))
	}

	if _, err := s.members["east"].Kubectl().Run(t.Context(), "-n", s.name, "scale", "deployment", "web", "--replicas", "7"); err != nil {
		t.Fatal(err)
	}
	s.eventuallyRuns("web", map[string]int32{"east": 3, "west": 1})
	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"east","weight":1}]}}`)
	s.eventuallyRuns("web", map[string]int32{"east": 2, "west": 2})

	s.kubectl("set", "image", "deployment/web", "web=example.com/web:2")
	s.eventuallyImage("east", "example.com/web:2")
	if changed := s.inCluster("east", "web"); members.OwnedFields(changed) != members.OwnedFields(made) {
		t.Errorf("after a change of the template Drover owns %s, and owned %s before", members.OwnedFields(changed), members.OwnedFields(made))
	}
	s.eventuallyRuns("web", map[string]int32{"east": 2, "west": 2})
}

// A cluster that was joined when Drover did not ask for the right to scale is written to as before.
func TestWithoutTheRightToScale(t *testing.T) {
	f := breaking(t)
	roles := f.members["north"].Client.RbacV1().ClusterRoles()
	role, err := roles.Get(t.Context(), members.AccountName, getOptions)
	if err != nil {
		t.Fatal(err)
	}
	rules := role.Rules
	setRules := func(rules []rbacv1.PolicyRule) {
		role, err := roles.Get(t.Context(), members.AccountName, getOptions)
		if err == nil {
			role.Rules = rules
			_, err = roles.Update(t.Context(), role, metav1.UpdateOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	setRules(slices.DeleteFunc(slices.Clone(rules), func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "deployments/scale") }))
	defer setRules(rules)

	s := newSpace(t, f)
	s.deploy("web", 4, map[string]int64{"north": 1, "south": 1})
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"north","weight":3}]}}`)
	s.eventuallyRuns("web", map[string]int32{"north": 3, "south": 1})
	if isScaled(s.inCluster("north", "web")) {
		t.Error("it was scaled there, without the right to")
	}
	if !isScaled(s.inCluster("south", "web")) {
		t.Error("it was not scaled where there is the right to")
	}
}

func (s *space) inCluster(cluster, deployment string) *appsv1.Deployment {
	s.Helper()
	d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(s.Context(), deployment, getOptions)
	if err != nil {
		s.Fatal(err)
	}
	return d
}

// isScaled says whether Drover has last set the replicas by themselves.
func isScaled(d *appsv1.Deployment) bool {
	return slices.ContainsFunc(d.ManagedFields, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == v1alpha1.FieldManager && e.Subresource == "scale"
	})
}
