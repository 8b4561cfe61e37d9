// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/harness"
)

// The control plane is killed again and again, at random moments of everything that moves replicas and clients. No request
// fails, no replica is missing, and everything comes to its end.
func TestNoRequestFailsWhenTheControlPlaneIsKilled(t *testing.T) {
	seed := number(t, seedVariable, int(time.Now().UnixNano()))
	t.Logf("to draw the same again: %s=%d", seedVariable, seed)
	f := breaking(t)
	s := newSpace(t, f)
	s.forgetSoon("web")
	s.weigh("web", map[string]int64{"north": 1, "south": 1})
	r := s.resolve(map[string]int32{"north": 4, "south": 4})
	s.guard("web", 8, 10)
	t.Cleanup(func() { // before the federation is put in order
		harness.Eventually(t, patience, func() error {
			_, err := s.Plugin().Run(context.Background(), "uncordon", "north")
			return err
		})
	})
	k := &killed{clients: r.send(), draw: rand.New(rand.NewPCG(uint64(seed), 0))}

	k.during(t, "draining by weight", func() {
		k.types("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"north","weight":0}]}}`)
		s.eventuallyRuns("web", map[string]int32{"south": 8})
	})
	k.during(t, "filling it again", func() {
		k.types("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"north","weight":1}]}}`)
		s.eventuallyRuns("web", map[string]int32{"north": 4, "south": 4})
		k.eventuallyServed("north")
	})
	k.during(t, "draining a cluster", func() {
		k.typesPlugin("drain", "north", "--yes", "--timeout", "1m")
		s.eventuallyRuns("web", map[string]int32{"south": 8})
	})
	k.during(t, "filling it again after the drain", func() {
		k.typesPlugin("uncordon", "north")
		k.types("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"south","weight":2}]}}`) // any change spreads it anew
		s.eventuallyRuns("web", map[string]int32{"north": 3, "south": 5})
		k.eventuallyServed("north")
	})
	k.during(t, "migrating", func() {
		s.eventuallyMigrates("north", "south", 5, 25, 50, 100)
		s.eventuallyMigration(v1alpha1.MigrationMoved)
		s.eventuallyScaled("web", "north", 0)
	})
	k.during(t, "rolling the migration back", func() {
		k.typesPlugin("migrate", "rollback", s.name)
		s.eventuallyMigration(v1alpha1.MigrationRolledBack)
		s.eventuallyRuns("web", map[string]int32{"north": 3, "south": 5})
	})
	k.during(t, "rolling out a template", func() {
		k.types("patch", "deployment", "web", "-p", `{"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":0}},"template":{"metadata":{"annotations":{"version":"2"}}}}}`)
		k.types("rollout", "status", "deployment", "web", "--timeout", "30s")
	})
	k.types("patch", "placementpolicy", "web", "-p", `{"spec":{"move":{"parallelClusters":1}}}`)
	k.during(t, "rolling out a template in one cluster after the other", func() {
		k.types("patch", "deployment", "web", "-p", `{"spec":{"template":{"metadata":{"annotations":{"version":"3"}}}}}`)
		k.types("rollout", "status", "deployment", "web", "--timeout", "30s")
	})
	k.stop()
}

// forgetSoon has clients ask again for web after some seconds, so that a move is not all waiting.
func (s *space) forgetSoon(name string) {
	s.Helper()
	p := &v1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.TrafficPolicySpec{
		Target: v1alpha1.TrafficTarget{Kind: "Service", Name: name}, TTLSeconds: ptr.To[int32](5),
	}}
	if _, err := s.Drover.FederationV1alpha1().TrafficPolicies(s.name).Create(s.Context(), p, createOptions); err != nil {
		s.Fatal(err)
	}
}

// killed are clients of a federation whose control plane is killed while they send.
type killed struct {
	*clients
	draw *rand.Rand
}

// during makes a change while clients send and the control plane is killed, once at the least: whenever so many requests
// more were sent as are drawn.
func (k *killed) during(t *testing.T, what string, change func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	kills := 0
	var wg sync.WaitGroup
	k.clients.during(t, what, func() {
		wg.Go(func() {
			for after := k.draw.IntN(4 * requestsPerSecond); ; after = requestsPerSecond + k.draw.IntN(8*requestsPerSecond) {
				if !k.sends(ctx, after) && kills > 0 {
					return
				}
				k.federation.Kill()
				kills++
				again, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
				err := k.Federation.Start(again)
				cancel()
				if err != nil {
					t.Errorf("the control plane does not start again: %v", err)
					return
				}
			}
		})
		change()
		cancel()
		wg.Wait()
	})
	t.Logf("%s: the control plane was killed %d times", what, kills)
}

// eventuallyServed waits until a cluster answers some of the requests.
func (k *killed) eventuallyServed(cluster string) {
	k.Helper()
	took := harness.Eventually(k.T, patience, func() error { return k.isServed(cluster) })
	k.Logf("%s is served after %.1fs", cluster, took.Seconds())
}

// types types a command for kubectl in the space until there is a control plane to carry it out.
func (k *killed) types(args ...string) {
	k.Helper()
	harness.Eventually(k.T, patience, func() error {
		_, err := k.Kubectl().Run(k.Context(), append([]string{"-n", k.space.name}, args...)...)
		return err
	})
}

// typesPlugin is types for kubectl drover.
func (k *killed) typesPlugin(args ...string) {
	k.Helper()
	harness.Eventually(k.T, 2*patience, func() error {
		_, err := k.Plugin().Run(k.Context(), args...)
		return err
	})
}

// eventuallyMigrates begins a migration of the space, which ends with the test.
func (s *space) eventuallyMigrates(from, to string, steps ...int32) {
	s.Helper()
	m := &v1alpha1.Migration{ObjectMeta: metav1.ObjectMeta{Name: s.name}, Spec: v1alpha1.MigrationSpec{From: from, To: to, Namespaces: []string{s.name}}}
	for _, weight := range steps {
		m.Spec.Steps = append(m.Spec.Steps, v1alpha1.MigrationStep{Weight: weight, Soak: &metav1.Duration{Duration: time.Second}})
	}
	migrations := s.Drover.FederationV1alpha1().Migrations()
	harness.Eventually(s, patience, func() error {
		_, err := migrations.Create(s.Context(), m, createOptions)
		if apierrors.IsAlreadyExists(err) {
			return nil // an answer was lost
		}
		return err
	})
	s.Cleanup(func() {
		if err := migrations.Delete(context.Background(), s.name, deleteOptions); err != nil && !apierrors.IsNotFound(err) {
			s.Errorf("delete migration %s: %v", s.name, err)
		}
	})
}
