// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"drover.dev/drover/test/harness"
)

const (
	// chaosVariable is how many creates and deletes there are, instead of 500, with one more kill for each 125.
	chaosVariable = "DROVER_CHAOS"
	// seedVariable repeats the draws of an earlier run.
	seedVariable = "DROVER_SEED"
)

// API server and controllers are killed at random moments while much is created and deleted. In the end the members hold what
// the Placements say and nothing else, nothing that was acknowledged is lost, and what is not Drover's is as it was.
func TestKilledAtRandom(t *testing.T) {
	changes, seed := number(t, chaosVariable, 500), number(t, seedVariable, int(time.Now().UnixNano()))
	t.Logf("to draw the same again: %s=%d %s=%d", chaosVariable, changes, seedVariable, seed)
	draw := rand.New(rand.NewPCG(uint64(seed), 0))
	s, parts := apart(t)
	foreign := map[string]*corev1.ConfigMap{}
	s.deploy("first", 2, nil)
	s.eventuallyRuns("first", map[string]int32{"north": 1, "south": 1})
	for _, cluster := range names(s.members) {
		foreign[cluster] = s.leftAlone(cluster)
	}

	c := &chaos{space: s, wanted: map[string]bool{"first": true}}
	kills := slices.Sorted(func(yield func(int) bool) {
		for range changes / 125 {
			if !yield(draw.IntN(changes)) {
				return
			}
		}
	})
	began := time.Now()
	var wg sync.WaitGroup
	work := make(chan func(), 8)
	for range cap(work) {
		wg.Go(func() {
			for change := range work {
				change()
			}
		})
	}
	for i := range changes {
		work <- c.change(i, draw)
		for len(kills) > 0 && kills[0] == i {
			kills = kills[1:]
			victim := []string{"apiserver", "controllers"}[draw.IntN(2)]
			parts[victim]()
			t.Logf("%s killed, and started again, after %d changes", victim, i+1)
		}
	}
	close(work)
	wg.Wait()
	t.Logf("%d changes after %.1fs; %d deployments are to be there", changes, time.Since(began).Seconds(), len(c.wanted))
	if c.failed != nil {
		t.Fatal(c.failed)
	}

	began = time.Now()
	harness.Eventually(t, 2*patience, c.settled)
	t.Logf("the members are as the Placements say after another %.1fs", time.Since(began).Seconds())
	for cluster, was := range foreign {
		is, err := s.in(cluster).CoreV1().ConfigMaps(s.name).Get(t.Context(), was.Name, getOptions)
		if err != nil || is.UID != was.UID || is.ResourceVersion != was.ResourceVersion {
			t.Errorf("in %s, what is not Drover's was touched: %v (%v)", cluster, is, err)
		}
	}
}

// apart runs API server and controllers as processes of their own, and joins the fragile federation's members to them. It
// returns a namespace there, and what kills each process and starts it again.
func apart(t *testing.T) (*space, map[string]func()) {
	t.Helper()
	f := breaking(t)
	for _, name := range names(f.members) {
		if _, err := f.Plugin().Run(t.Context(), "unjoin", name, "--yes", "--ignore-policies"); err != nil {
			t.Fatal(err)
		}
	}
	etcd, err := lab.StartEtcd(t.Context(), "random")
	if err != nil {
		t.Fatal(err)
	}
	server, err := lab.StartAPIServer(t.Context(), "random", etcd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	controllers, err := lab.StartControllers(t.Context(), "random", server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { controllers.Kill() })
	harness.ReportOnFailure(t, controllers)
	other := &federation{Federation: &harness.Federation{Server: *server}, members: f.members}
	t.Cleanup(func() { // before they join the one they came from
		ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
		defer cancel()
		for _, name := range names(other.members) {
			if _, err := other.Plugin().Run(ctx, "unjoin", name, "--mode=delete", "--yes", "--ignore-policies"); err != nil {
				t.Error(err)
			}
		}
	})
	for _, name := range names(other.members) {
		harness.Eventually(t, patience, func() error { return other.Join(t.Context(), other.members[name], "--renew") })
	}
	restart := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	return newSpace(t, other), map[string]func(){
		"apiserver": func() {
			server.Kill()
			restart(server.Start(t.Context()))
		},
		"controllers": func() {
			controllers.Kill()
			controllers, err = lab.StartControllers(t.Context(), "random", server)
			restart(err)
		},
	}
}

// chaos keeps what was acknowledged.
type chaos struct {
	*space
	mu     sync.Mutex
	wanted map[string]bool
	failed error
}

// change draws a create or a delete, and returns what does it. It is tried until it is acknowledged.
func (c *chaos) change(i int, draw *rand.Rand) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	there := slices.Sorted(maps.Keys(c.wanted))
	name, deployments := workload(i), c.Kube.AppsV1().Deployments(c.name)
	if len(there) > 5 && draw.IntN(5) < 2 {
		name = there[draw.IntN(len(there))]
		delete(c.wanted, name)
		policy := []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground}[draw.IntN(2)]
		return func() {
			c.retry(name, func() error {
				err := deployments.Delete(c.Context(), name, metav1.DeleteOptions{PropagationPolicy: &policy})
				if apierrors.IsNotFound(err) {
					return nil
				}
				return err
			})
		}
	}
	replicas := int32(draw.IntN(3))
	return func() {
		c.retry(name, func() error {
			_, err := deployments.Create(c.Context(), deployment(name, replicas), createOptions)
			if apierrors.IsAlreadyExists(err) {
				return nil
			}
			return err
		})
		c.mu.Lock()
		defer c.mu.Unlock()
		c.wanted[name] = true
	}
}

// retry does something until the API server has acknowledged it.
func (c *chaos) retry(name string, do func() error) {
	var failed error
	err := wait.PollUntilContextTimeout(c.Context(), 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		failed = do()
		return failed == nil, nil // the API server is being started
	})
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.failed = errors.Join(c.failed, fmt.Errorf("%s: %w", name, failed))
	}
}

// settled says what is not yet as it is to be.
func (c *chaos) settled() error {
	list, err := c.Kube.AppsV1().Deployments(c.name).List(c.Context(), listOptions)
	if err != nil {
		return err
	}
	is := map[string]bool{}
	for i := range list.Items {
		is[list.Items[i].Name] = true
		if n := *list.Items[i].Spec.Replicas; list.Items[i].Status.ReadyReplicas != n {
			return fmt.Errorf("%s has %d of %d replicas ready", list.Items[i].Name, list.Items[i].Status.ReadyReplicas, n)
		}
	}
	if !maps.Equal(is, c.wanted) {
		return fmt.Errorf("the federation has %v, want %v", slices.Sorted(maps.Keys(is)), slices.Sorted(maps.Keys(c.wanted)))
	}
	placements, err := c.Drover.FederationV1alpha1().Placements(c.name).List(c.Context(), listOptions)
	if err != nil {
		return err
	}
	if len(placements.Items) != len(is) {
		return fmt.Errorf("there are %d Placements of %d deployments", len(placements.Items), len(is))
	}
	return c.asPlaced()
}

// number is that in a variable of the environment.
func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}
