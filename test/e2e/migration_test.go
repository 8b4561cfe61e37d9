// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// migrate types kubectl drover migrate in the space, from east to west, and has it ended with the test.
func (s *space) migrate(args ...string) (string, error) {
	s.Helper()
	return s.migrateBetween("east", "west", args...)
}

// migrateBetween is migrate for any two clusters.
func (s *space) migrateBetween(from, to string, args ...string) (string, error) {
	s.Helper()
	name := s.name
	s.Cleanup(func() {
		if err := s.Drover.FederationV1alpha1().Migrations().Delete(context.Background(), name, deleteOptions); err != nil && !apierrors.IsNotFound(err) {
			s.Errorf("delete migration %s: %v", name, err)
		}
	})
	return s.Plugin().Run(s.Context(), append([]string{"migrate", "--name", name, "--from", from, "--to", to, "-n", s.name, "--yes"}, args...)...)
}

// migration types a command about the migration of the space. It has to succeed.
func (s *space) migration(verb string, args ...string) string {
	s.Helper()
	out, err := s.Plugin().Run(s.Context(), append([]string{"migrate", verb, s.name}, args...)...)
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// eventuallyMigration waits until the migration of the space is in a phase, and returns its status.
func (s *space) eventuallyMigration(phase v1alpha1.MigrationPhase) (status v1alpha1.MigrationStatus) {
	s.Helper()
	took := harness.Eventually(s, patience, func() error {
		m, err := s.Drover.FederationV1alpha1().Migrations().Get(s.Context(), s.name, getOptions)
		if err != nil {
			return err
		}
		if status = m.Status; status.Phase != phase {
			return fmt.Errorf("migration is %s, want %s: %+v", status.Phase, phase, status)
		}
		return nil
	})
	s.Logf("migration is %s after %.1fs", phase, took.Seconds())
	return status
}

// inEast runs web in east only, with a Service, and what it refers to.
func (s *space) inEast(replicas int32) *resolver {
	s.Helper()
	s.weigh("web", map[string]int64{"east": 1})
	d := deployment("web", replicas)
	d.Spec.Template.Spec.Containers[0].EnvFrom = append(d.Spec.Template.Spec.Containers[0].EnvFrom, configFrom("settings"))
	s.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {color: green}\n")
	if _, err := s.Kube.AppsV1().Deployments(s.name).Create(s.Context(), d, createOptions); err != nil {
		s.Fatal(err)
	}
	s.expose("web")
	server, err := lab.StartDNS(s.Context(), s.name, &s.Federation.Server)
	if err != nil {
		s.Fatal(err)
	}
	r := &resolver{space: s, NameServer: server}
	s.Cleanup(func() { r.NameServer.Kill() })
	s.eventuallyRuns("web", map[string]int32{"east": replicas})
	harness.Eventually(s, patience, func() error { return r.readAddresses("Service", 1) })
	return r
}

// share is the part of clients, in per cent, that are answered a cluster.
func (r *resolver) share(cluster string) int {
	r.Helper()
	got, err := r.answers(r.nameOf(""), 500)
	if err != nil {
		r.Fatal(err)
	}
	return got[cluster] / 5
}

// Replicas and clients move together, step by step; the target can be tried before, and all comes back until it is finished.
func TestMigration(t *testing.T) {
	s := sharedSpace(t)
	r := s.inEast(8)
	s.guard("web", 8, 11)
	if _, err := s.migrate("--steps", "25,100", "--soak", "2s", "--approve-each"); err != nil {
		t.Fatal(err)
	}

	// Prepared: it has all it needs, and one replica, and is answered by its own name only.
	status := s.eventuallyMigration(v1alpha1.MigrationWaiting)
	if status.Weight != 0 || status.Traffic != 0 {
		t.Errorf("before the first step: %+v", status)
	}
	harness.Eventually(t, patience, func() error { return r.readAddresses("Service", 2) })
	r.eventuallyAnswers(r.nameOf("west.cluster"), "west")
	r.eventuallyAnswers(r.nameOf(""), "east")
	if _, err := s.in("west").CoreV1().ConfigMaps(s.name).Get(t.Context(), "settings", getOptions); err != nil {
		t.Error(err)
	}

	// Another one in its way is refused, by its name.
	_, err := s.Plugin().Run(t.Context(), "migrate", "--name", s.name+"-2", "--from", "east", "--to", "eu", "-n", s.name, "--yes")
	if err == nil || !strings.Contains(err.Error(), "migration "+s.name+" moves some of these workloads") {
		t.Errorf("a second migration: %v", err)
	}

	s.migration("approve")
	harness.Eventually(t, patience, func() error {
		m, err := s.Drover.FederationV1alpha1().Migrations().Get(t.Context(), s.name, getOptions)
		if err != nil || m.Status.Step != 1 || m.Status.Phase != v1alpha1.MigrationWaiting {
			return fmt.Errorf("%w: %+v", err, m.Status)
		}
		return nil
	})
	if err := s.runs("web", map[string]int32{"east": 6, "west": 2}); err != nil {
		t.Error(err)
	}
	if west := r.share("west"); west < 18 || west > 32 {
		t.Errorf("at 25 %%, %d %% of the clients are answered west", west)
	}

	s.migration("approve")
	s.eventuallyMigration(v1alpha1.MigrationMoved)
	r.eventuallyAnswers(r.nameOf(""), "west")
	s.eventuallyScaled("web", "east", 0)
	if _, err := s.in("east").CoreV1().Services(s.name).Get(t.Context(), "web", getOptions); err != nil {
		t.Errorf("something was deleted at the source before the end: %v", err)
	}

	s.migration("rollback")
	s.eventuallyMigration(v1alpha1.MigrationRolledBack)
	s.eventuallyRuns("web", map[string]int32{"east": 8})
	r.eventuallyAnswers(r.nameOf(""), "east")

	s.migration("resume")
	for range 2 {
		s.eventuallyMigration(v1alpha1.MigrationWaiting)
		s.migration("approve")
		harness.Eventually(t, patience, func() error {
			m, err := s.Drover.FederationV1alpha1().Migrations().Get(t.Context(), s.name, getOptions)
			if err != nil || m.Status.Step < m.Spec.ApprovedSteps {
				return fmt.Errorf("the step has not begun: %w", err)
			}
			return nil
		})
	}
	s.eventuallyMigration(v1alpha1.MigrationMoved)
	s.migration("finish", "--yes", "--wait")
	s.eventuallyRuns("web", map[string]int32{"west": 8})
	s.eventuallyGone("the Service in east", func() error {
		_, err := s.in("east").CoreV1().Services(s.name).Get(t.Context(), "web", getOptions)
		return err
	})
	harness.Eventually(t, patience, func() error { return r.readAddresses("Service", 1) })
	r.eventuallyAnswers(r.nameOf(""), "west")
	policy, err := s.Drover.FederationV1alpha1().PlacementPolicies(s.name).Get(t.Context(), "web", getOptions)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range policy.Spec.Clusters {
		if want := map[string]int64{"west": 1, "east": 0}[c.Name]; *c.Weight != want {
			t.Errorf("the policy gives %s weight %d, want %d", c.Name, *c.Weight, want)
		}
	}
}

// eventuallyScaled waits until a member has the Deployment, with so many replicas.
func (s *space) eventuallyScaled(name, cluster string, replicas int32) {
	s.Helper()
	harness.Eventually(s, patience, func() error {
		d, err := s.in(cluster).AppsV1().Deployments(s.name).Get(s.Context(), name, getOptions)
		if err != nil {
			return err
		}
		if *d.Spec.Replicas != replicas || d.Status.Replicas != replicas {
			return fmt.Errorf("%s has %d of %s replicas of %s, want %d", cluster, d.Status.Replicas, fmt.Sprint(*d.Spec.Replicas), name, replicas)
		}
		return nil
	})
}

// A gate that fails leads clients back at once, and the condition names it.
func TestMigrationRollsBackWhenAGateFails(t *testing.T) {
	s := sharedSpace(t)
	r := s.inEast(4)
	var broken atomic.Bool
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	page := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})}
	go func() { _ = page.Serve(listener) }()
	t.Cleanup(func() { _ = page.Close() })

	m := &v1alpha1.Migration{ObjectMeta: metav1.ObjectMeta{Name: s.name}, Spec: v1alpha1.MigrationSpec{
		From: "east", To: "west", Namespaces: []string{s.name}, OnFailure: v1alpha1.FailureRollback,
		Steps: []v1alpha1.MigrationStep{{Weight: 25, Soak: &metav1.Duration{Duration: time.Hour}}, {Weight: 100}},
		Gates: []v1alpha1.MigrationGate{{Name: "page", HTTP: &v1alpha1.HTTPGate{URL: "http://" + listener.Addr().String() + "/"}}},
	}}
	if _, err := s.Drover.FederationV1alpha1().Migrations().Create(t.Context(), m, createOptions); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Drover.FederationV1alpha1().Migrations().Delete(context.Background(), s.name, deleteOptions)
	})
	s.eventuallyMigration(v1alpha1.MigrationSoaking)
	harness.Eventually(t, patience, func() error { return r.readAddresses("Service", 2) })
	r.eventuallyAnswers(r.nameOf(""), "east", "west")
	broken.Store(true)
	start := time.Now()
	r.eventuallyAnswers(r.nameOf(""), "east")
	t.Logf("no client is answered the target %.1fs after the gate began to fail", time.Since(start).Seconds())
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	status := s.eventuallyMigration(v1alpha1.MigrationRolledBack)
	if status.Failure == nil || status.Failure.Gate != "page" {
		t.Errorf("what failed: %+v", status.Failure)
	}
	s.wantContains(s.kubectl("get", "migration", s.name, "-o", `jsonpath={.status.conditions[?(@.type=="GatesHold")]}`), "page", "answered status 500, want 200")
	s.eventuallyRuns("web", map[string]int32{"east": 4})
}

// Controllers that are killed anywhere go on.
func TestMigrationGoesOnWithoutAControlPlane(t *testing.T) {
	f := breaking(t)
	s := newSpace(t, f)
	s.deploy("web", 6, map[string]int64{"north": 1})
	s.eventuallyRuns("web", map[string]int32{"north": 6})
	s.guard("web", 6, 8)
	m := &v1alpha1.Migration{ObjectMeta: metav1.ObjectMeta{Name: s.name}, Spec: v1alpha1.MigrationSpec{
		From: "north", To: "south", Namespaces: []string{s.name}, Goal: v1alpha1.GoalFinish,
	}}
	for _, weight := range []int32{25, 50, 100} {
		m.Spec.Steps = append(m.Spec.Steps, v1alpha1.MigrationStep{Weight: weight, Soak: &metav1.Duration{Duration: 2 * time.Second}})
	}
	if _, err := s.Drover.FederationV1alpha1().Migrations().Create(t.Context(), m, createOptions); err != nil {
		t.Fatal(err)
	}
	for _, step := range []int32{0, 1, 2, 3} {
		harness.Eventually(t, patience, func() error {
			m, err := s.Drover.FederationV1alpha1().Migrations().Get(t.Context(), s.name, getOptions)
			if err != nil {
				return err
			}
			if m.Status.Phase == "" || m.Status.Step < step {
				return fmt.Errorf("in step %d, want %d: %+v", m.Status.Step, step, m.Status)
			}
			return nil
		})
		f.Kill()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := f.Start(ctx)
		cancel()
		if err != nil {
			t.Fatal(err)
		}
	}
	s.eventuallyMigration(v1alpha1.MigrationFinished)
	s.eventuallyRuns("web", map[string]int32{"south": 6})
}

func configFrom(name string) corev1.EnvFromSource {
	return corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}
}
