// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build soak

// Package soak keeps a federation of simulated clusters busy for long, and watches what drover start keeps in memory.
package soak

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/test/fleet"
	"drover.dev/drover/test/harness"
)

var (
	duration    = flag.Duration("for", 30*time.Minute, "how long the federation is kept busy")
	clusters    = flag.Int("clusters", 10, "simulated clusters")
	deployments = flag.Int("deployments", 50, "Deployments that come and go in each round, with a Service and a ConfigMap each")
)

const (
	// patience is how long anything waited for may take.
	patience = 3 * time.Minute
	// growth is what the last third of the rounds may have more than the second, of memory in use and of goroutines. The
	// first is for caches and histories to fill.
	growth = 1.15
)

// reading is what drover start held after a round, when all garbage was collected.
type reading struct {
	heap       int64 // bytes
	goroutines int
}

// TestSoak has workloads come, be scaled, and go, clusters leave and join again, and others fail and heal, round after
// round. What Drover holds at the end of a round does not grow.
func TestSoak(t *testing.T) {
	s := start(t)
	var readings []reading
	for began := time.Now(); time.Since(began) < *duration || len(readings) < 6; {
		round := len(readings)
		s.churn(t, round)
		s.leaveAndJoin(t, round%len(s.fleet.Clusters))
		s.failAndHeal(t, (round+1)%len(s.fleet.Clusters))
		readings = append(readings, s.read(t))
		t.Logf("%s, round %d: %.1f MiB in use, %d goroutines", time.Since(began).Round(time.Second), round+1, float64(readings[round].heap)/(1<<20), readings[round].goroutines)
	}
	third := len(readings) / 3
	for what, of := range map[string]func(reading) int64{
		"bytes in use": func(r reading) int64 { return r.heap },
		"goroutines":   func(r reading) int64 { return int64(r.goroutines) },
	} {
		before, after := median(readings[third:2*third], of), median(readings[2*third:], of)
		if float64(after) > float64(before)*growth {
			t.Errorf("%s grew from %d to %d", what, before, after)
		}
	}
}

func median(readings []reading, of func(reading) int64) int64 {
	var values []int64
	for _, r := range readings {
		values = append(values, of(r))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

type soaked struct {
	fleet      *fleet.Fleet
	federation *harness.Federation
}

func start(t *testing.T) *soaked {
	processes, err := harness.NewLab("soak")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := processes.Close(t.Failed()); err != nil {
			t.Error(err)
		}
	})
	s := &soaked{}
	options := fleet.NewOptions()
	options.Clusters = *clusters
	if s.fleet, err = fleet.Start(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.fleet.Stop)
	if s.federation, err = processes.StartFederation(t.Context(), "soak"); err != nil {
		t.Fatal(err)
	}
	if err := s.fleet.Join(t.Context(), s.federation.Config); err != nil {
		t.Fatal(err)
	}
	for _, c := range s.fleet.Clusters {
		s.readyBecomes(t, c, metav1.ConditionTrue)
	}
	return s
}

// churn has workloads come, grow, and go again.
func (s *soaked) churn(t *testing.T, round int) {
	name := func(i int) string { return fmt.Sprintf("web-%d-%d", round, i) }
	kube, namespace := s.federation.Kube, metav1.NamespaceDefault
	each(t, func(ctx context.Context, i int) error {
		return create(ctx, kube, namespace, name(i))
	})
	s.eventuallyReady(t, int32(*clusters))
	each(t, func(ctx context.Context, i int) error {
		scale, err := kube.AppsV1().Deployments(namespace).GetScale(ctx, name(i), metav1.GetOptions{})
		if err != nil {
			return err
		}
		scale.Spec.Replicas *= 2
		_, err = kube.AppsV1().Deployments(namespace).UpdateScale(ctx, name(i), scale, metav1.UpdateOptions{})
		return err
	})
	s.eventuallyReady(t, int32(2**clusters))
	each(t, func(ctx context.Context, i int) error {
		return errors.Join(
			kube.AppsV1().Deployments(namespace).Delete(ctx, name(i), metav1.DeleteOptions{}),
			kube.CoreV1().Services(namespace).Delete(ctx, name(i), metav1.DeleteOptions{}),
			kube.CoreV1().ConfigMaps(namespace).Delete(ctx, name(i), metav1.DeleteOptions{}),
		)
	})
	harness.Eventually(t, patience, func() error {
		left, err := s.federation.Drover.FederationV1alpha1().Placements(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil || len(left.Items) > 0 {
			return fmt.Errorf("%d Placements are left, %w", len(left.Items), err)
		}
		return nil
	})
}

func create(ctx context.Context, kube kubernetes.Interface, namespace, name string) error {
	object, app := metav1.ObjectMeta{Name: name}, map[string]string{"app": name}
	_, err := kube.CoreV1().ConfigMaps(namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: object, Data: app}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	_, err = kube.CoreV1().Services(namespace).Create(ctx, &corev1.Service{
		ObjectMeta: object, Spec: corev1.ServiceSpec{Selector: app, Ports: []corev1.ServicePort{{Port: 80}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	from := []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}}
	_, err = kube.AppsV1().Deployments(namespace).Create(ctx, &appsv1.Deployment{ObjectMeta: object, Spec: appsv1.DeploymentSpec{
		Replicas: ptr.To(int32(*clusters)), Selector: &metav1.LabelSelector{MatchLabels: app},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: app},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx", EnvFrom: from}}},
		},
	}}, metav1.CreateOptions{})
	return err
}

// each does something for every Deployment of a round, some at once.
func each(t *testing.T, do func(ctx context.Context, i int) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	errs := make([]error, *deployments)
	workqueue.ParallelizeUntil(ctx, 8, *deployments, func(i int) { errs[i] = do(ctx, i) })
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func (s *soaked) eventuallyReady(t *testing.T, replicas int32) {
	t.Helper()
	harness.Eventually(t, patience, func() error {
		list, err := s.federation.Kube.AppsV1().Deployments(metav1.NamespaceDefault).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, d := range list.Items {
			if d.Status.ReadyReplicas != replicas {
				return fmt.Errorf("%s has %d of %d replicas ready", d.Name, d.Status.ReadyReplicas, replicas)
			}
		}
		return nil
	})
}

// leaveAndJoin has a cluster leave the federation, and join it again.
func (s *soaked) leaveAndJoin(t *testing.T, index int) {
	c, joined := s.fleet.Clusters[index], s.federation.Drover.FederationV1alpha1().Clusters()
	if err := joined.Delete(t.Context(), c.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error {
		if _, err := joined.Get(t.Context(), c.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("%s has not left: %w", c.Name, err)
		}
		return nil
	})
	harness.Eventually(t, patience, func() error {
		secrets := s.federation.Kube.CoreV1().Secrets(v1alpha1.SystemNamespace)
		if _, err := secrets.Get(t.Context(), "cluster-"+c.Name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("the credentials of %s are still there: %w", c.Name, err)
		}
		return nil
	})
	if err := (&fleet.Fleet{Clusters: s.fleet.Clusters[index : index+1]}).Join(t.Context(), s.federation.Config); err != nil {
		t.Fatal(err)
	}
	s.readyBecomes(t, c, metav1.ConditionTrue)
}

// failAndHeal has a cluster answer nothing but errors, and then work again.
func (s *soaked) failAndHeal(t *testing.T, index int) {
	c := s.fleet.Clusters[index]
	if err := c.Fault(fleet.Faults{Status: http.StatusServiceUnavailable}); err != nil {
		t.Fatal(err)
	}
	s.readyBecomes(t, c, metav1.ConditionFalse)
	if err := c.Heal(); err != nil {
		t.Fatal(err)
	}
	s.readyBecomes(t, c, metav1.ConditionTrue)
}

func (s *soaked) readyBecomes(t *testing.T, c *fleet.Cluster, want metav1.ConditionStatus) {
	t.Helper()
	harness.Eventually(t, patience, func() error {
		cluster, err := s.federation.Drover.FederationV1alpha1().Clusters().Get(t.Context(), c.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if ready := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Status != want {
			return fmt.Errorf("%s: Ready is %+v, want %s", c.Name, ready, want)
		}
		return nil
	})
}

// read has Drover collect its garbage, and tell what is left.
func (s *soaked) read(t *testing.T) reading {
	ask := s.federation.Kube.CoreV1().RESTClient()
	profile, err := ask.Get().AbsPath("/debug/pprof/heap").Param("gc", "1").Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, profile)
	if err = errors.Join(err, profile.Close()); err != nil {
		t.Fatal(err)
	}
	metrics, err := ask.Get().AbsPath("/metrics").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return reading{heap: int64(gauge(t, metrics, "go_memstats_heap_alloc_bytes")), goroutines: int(gauge(t, metrics, "go_goroutines"))}
}

func gauge(t *testing.T, metrics []byte, name string) (value float64) {
	t.Helper()
	for line := range strings.Lines(string(metrics)) {
		if n, err := fmt.Sscanf(line, name+" %g", &value); n == 1 && err == nil {
			return value
		}
	}
	t.Fatalf("no %s among the metrics", name)
	return 0
}
