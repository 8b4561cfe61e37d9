// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/members"
	"drover.dev/drover/test/fleet"
	"drover.dev/drover/test/harness"
)

// TestRestartWritesNothing ends Drover and starts it again: what the clusters have already is not written again.
func TestRestartWritesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: a control plane on real etcd takes seconds")
	}
	f, dir := start(t, 2), dataDir(t)
	kubeconfig, stop := runDrover(t, dir)
	federation := joined(t, f, kubeconfig)
	create(t, federation, "web", 4)
	reach(t, f.Clusters, "web")
	before := writes(f)
	stop()

	kubeconfig, _ = runDrover(t, dir)
	federation = clientIn(t, kubeconfig)
	create(t, federation, "late", 4) // its turn comes after that of all that was there
	reach(t, f.Clusters, "late")
	for resource, n := range writes(f) {
		if more := n - before[resource]; more != len(f.Clusters) {
			t.Errorf("%d writes of %s, want one of the new object in each cluster", more, resource)
		}
	}
	if len(before) != 2 {
		t.Errorf("writes before the restart: %v, want some of deployments and configmaps", before)
	}
}

// TestSilentClusters has some clusters answer nothing. The others get what they are to have, sooner than the silent ones
// are given up on even once, though those have more to do than is begun at once.
func TestSilentClusters(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: a control plane on real etcd takes seconds")
	}
	t.Cleanup(func(was int) func() { return func() { runtime.GOMAXPROCS(was) } }(runtime.GOMAXPROCS(1)))
	f := start(t, 8)
	kubeconfig, _ := runDrover(t, dataDir(t))
	federation := joined(t, f, kubeconfig)
	silent, healthy := f.Clusters[:6], f.Clusters[6:]
	for _, c := range silent {
		fault(t, c, fleet.Faults{Blackhole: true})
	}
	began := time.Now()
	for i := range 8 {
		create(t, federation, fmt.Sprintf("web-%d", i), 16)
	}
	for i := range 8 {
		reach(t, healthy, fmt.Sprintf("web-%d", i))
	}
	if took := time.Since(began); took > members.RequestTimeout {
		t.Errorf("healthy clusters had to wait %s, longer than a silent one is waited for", took)
	}
	for _, c := range silent {
		if err := c.Heal(); err != nil {
			t.Fatal(err)
		}
	}
}

// joined joins all clusters to a federation, waits until they are ready, and returns a client of the federation.
func joined(t *testing.T, f *fleet.Fleet, kubeconfig string) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Join(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Clusters {
		readyBecomes(t, versioned.NewForConfigOrDie(config), c.Name, metav1.ConditionTrue)
	}
	return kubernetes.NewForConfigOrDie(config)
}

func clientIn(t *testing.T, kubeconfig string) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	return kubernetes.NewForConfigOrDie(config)
}

// create makes a Deployment that needs a ConfigMap.
func create(t *testing.T, federation kubernetes.Interface, name string, replicas int32) {
	t.Helper()
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"a": "b"}}
	if _, err := federation.CoreV1().ConfigMaps(metav1.NamespaceDefault).Create(t.Context(), config, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	d := deployment(name, replicas)
	d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}}
	if _, err := federation.AppsV1().Deployments(metav1.NamespaceDefault).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// reach waits until a Deployment is in clusters.
func reach(t *testing.T, clusters []*fleet.Cluster, name string) {
	t.Helper()
	for _, c := range clusters {
		harness.Eventually(t, 3*patience, func() error {
			if c.Get("deployments", metav1.NamespaceDefault, name) == nil {
				return fmt.Errorf("cluster %s has no Deployment %s", c.Name, name)
			}
			return nil
		})
	}
}

// writes counts what Drover wrote of each resource but its own access.
func writes(f *fleet.Fleet) map[string]int {
	out := map[string]int{}
	for request, n := range f.Requests() {
		if request.UserAgent == "drover" && (request.Verb == "patch" || request.Verb == "update") && !strings.Contains(request.Resource, "/") {
			out[request.Resource] += n
		}
	}
	return out
}
