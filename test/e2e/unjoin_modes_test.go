// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// A cluster that is moved away from before it leaves has fewer replicas only when others have more, and nothing of Drover
// in the end. An interruption is made good by the same command.
func TestUnjoinMoves(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.withConfig("web")
	s.expose("web")
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	foreign := s.leftAlone("south")

	// Its policy demands what no other cluster can give.
	s.weigh("web", map[string]int64{"north": 1, "south": 1}, func(p *v1alpha1.PlacementPolicy) {
		p.Spec.Spread = []v1alpha1.Spread{{Topology: "region", MinDomains: 2}}
	})
	harness.Eventually(t, patience, func() error {
		if got := s.policyOf("web"); got != "web" {
			return fmt.Errorf("the policy in force is %q", got)
		}
		return nil
	})
	var refused *harness.CommandError
	if _, err := f.Plugin().Run(t.Context(), "unjoin", "south", "--mode=move", "--yes"); !errors.As(err, &refused) {
		t.Fatalf("unjoin against the policy: got %v, want it refused", err)
	}
	s.wantContains(refused.Stderr, "nothing has changed", "deployment "+s.name+"/web", "SpreadUnsatisfiable", "--ignore-policies")
	s.kubectl("delete", "placementpolicy", "web")

	s.guard("web", 4, 5)
	out, err := f.Plugin().Run(t.Context(), "unjoin", "south", "--mode=move", "--yes", "--timeout", "10ms")
	switch {
	case err == nil:
		t.Fatalf("moved in 10 ms:\n%s", out)
	case !errors.As(err, &refused):
		t.Fatal(err)
	default:
		s.wantContains(refused.Stderr, "--mode=move", v1alpha1.TaintLeaving)
	}
	out, err = f.Plugin().Run(t.Context(), "unjoin", "south", "--mode=move", "--timeout", patience.String()) // nobody is asked again
	if err != nil {
		t.Fatal(err)
	}
	s.wantContains(out, "being moved already", "south has left the federation")
	harness.Eventually(t, patience, func() error { return s.reports("web", 4) })
	s.wantNothingLeft("south", "web", foreign)
}

// A cluster that leaves with --mode=delete has nothing of Drover any more, and what others made there.
func TestUnjoinDeletes(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.withConfig("web")
	s.expose("web")
	s.eventuallyRuns("web", map[string]int32{"north": 2, "south": 2})
	foreign := s.leftAlone("south")
	out, err := f.Plugin().Run(t.Context(), "unjoin", "south", "--mode=delete", "--yes")
	if err != nil {
		t.Fatal(err)
	}
	s.wantContains(out, "1 Deployment (2 replicas)", "deleted there at once", "deployment "+s.name+"/web: north 2 → 4", "south has left the federation")
	s.wantNothingLeft("south", "web", foreign)
	harness.Eventually(t, patience, func() error { return s.reports("web", 4) })
}

// withConfig creates a Deployment of four that needs a ConfigMap.
func (s *space) withConfig(name string) {
	s.Helper()
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"a": "b"}}
	if _, err := s.Kube.CoreV1().ConfigMaps(s.name).Create(s.Context(), config, createOptions); err != nil {
		s.Fatal(err)
	}
	d := deployment(name, 4)
	d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}}
	if _, err := s.Kube.AppsV1().Deployments(s.name).Create(s.Context(), d, createOptions); err != nil {
		s.Fatal(err)
	}
}

// leftAlone makes a ConfigMap in a member that is nobody's business, and takes the namespace away when the test ends.
func (s *space) leftAlone(cluster string) *corev1.ConfigMap {
	s.Helper()
	s.Cleanup(func() { // the namespace is not Drover's any more
		_ = s.in(cluster).CoreV1().Namespaces().Delete(context.Background(), s.name, deleteOptions)
	})
	made, err := s.in(cluster).CoreV1().ConfigMaps(s.name).Create(s.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "foreign"}}, createOptions)
	if err != nil {
		s.Fatal(err)
	}
	return made
}

// wantNothingLeft fails unless a cluster that has left has nothing any more but its namespace, and what is not Drover's.
func (s *space) wantNothingLeft(cluster, name string, foreign *corev1.ConfigMap) {
	s.Helper()
	s.eventuallyGone("deployment in "+cluster, func() error {
		_, err := s.in(cluster).AppsV1().Deployments(s.name).Get(s.Context(), name, getOptions)
		return err
	})
	for _, what := range []string{"services/" + name, "configmaps/" + name} {
		s.eventuallyGone(what+" in "+cluster, func() error { return s.has(cluster, what) })
	}
	for what, get := range s.access(cluster) {
		s.eventuallyGone(what+" in "+cluster, get)
	}
	ns, err := s.in(cluster).CoreV1().Namespaces().Get(s.Context(), s.name, getOptions)
	if err != nil {
		s.Fatal(err)
	}
	s.wantNoMarks(ns)
	is, err := s.in(cluster).CoreV1().ConfigMaps(s.name).Get(s.Context(), foreign.Name, getOptions)
	if err != nil || is.UID != foreign.UID || is.ResourceVersion != foreign.ResourceVersion {
		s.Errorf("what is not Drover's was touched: %v (%v)", is, err)
	}
}

func (s *space) policyOf(name string) string {
	s.Helper()
	p, err := s.Drover.FederationV1alpha1().Placements(s.name).Get(s.Context(), v1alpha1.PlacementName("Deployment", name), getOptions)
	if err != nil {
		s.Fatal(err)
	}
	return p.Spec.Policy
}
