// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	restclient "k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apiserver"
	"drover.dev/drover/pkg/cli"
	"drover.dev/drover/pkg/controllers"
	"drover.dev/drover/pkg/generated/clientset/versioned"
	"drover.dev/drover/pkg/standalone"
	"drover.dev/drover/test/fleet"
	"drover.dev/drover/test/harness"
)

// TestDrover has Drover itself run workloads on simulated clusters: on one that joined as people join one, and on those
// that joined in the fast way.
func TestDrover(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: a control plane on real etcd takes seconds")
	}
	f := start(t, 3)
	kubeconfig := startDrover(t)
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	kube, drover := kubernetes.NewForConfigOrDie(config), versioned.NewForConfigOrDie(config)
	joinAsPeopleDo(t, kubeconfig, f.Clusters[0])
	rest := &fleet.Fleet{Clusters: f.Clusters[1:]}
	if err := rest.Join(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Clusters {
		readyBecomes(t, drover, c.Name, metav1.ConditionTrue)
	}
	if _, err := kube.AppsV1().Deployments(metav1.NamespaceDefault).Create(t.Context(), deployment("web", 9), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := kube.CoreV1().Services(metav1.NamespaceDefault).Create(t.Context(), service("web", corev1.ServiceTypeLoadBalancer), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error {
		d, err := kube.AppsV1().Deployments(metav1.NamespaceDefault).Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil || d.Status.ReadyReplicas != 9 || d.Status.ObservedGeneration != d.Generation {
			return fmt.Errorf("the federation's Deployment: %+v, %w", d.Status, err)
		}
		s, err := kube.CoreV1().Services(metav1.NamespaceDefault).Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil || len(s.Status.LoadBalancer.Ingress) != 3 {
			return fmt.Errorf("the federation's Service: %+v, %w", s.Status, err)
		}
		return nil
	})
	for _, c := range f.Clusters {
		endpointsBecome(t, c, "web", 3)
	}
	fault(t, f.Clusters[2], fleet.Faults{Status: http.StatusServiceUnavailable})
	readyBecomes(t, drover, f.Clusters[2].Name, metav1.ConditionFalse)
}

// Other weights cost a cluster one request for each workload, and that the least there is.
func TestWeightsOnlyScale(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped with -short: a control plane on real etcd takes seconds")
	}
	f := start(t, 2)
	config, err := clientcmd.BuildConfigFromFlags("", startDrover(t))
	if err != nil {
		t.Fatal(err)
	}
	kube, drover := kubernetes.NewForConfigOrDie(config), versioned.NewForConfigOrDie(config)
	if err := f.Join(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for _, c := range f.Clusters {
		readyBecomes(t, drover, c.Name, metav1.ConditionTrue)
	}
	policies := drover.FederationV1alpha1().PlacementPolicies(metav1.NamespaceDefault)
	weights := func(first, second int64) []v1alpha1.ClusterWeight {
		return []v1alpha1.ClusterWeight{{Name: f.Clusters[0].Name, Weight: &first}, {Name: f.Clusters[1].Name, Weight: &second}}
	}
	policy, err := policies.Create(t.Context(), &v1alpha1.PlacementPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       v1alpha1.PlacementPolicySpec{Clusters: weights(1, 1), Move: v1alpha1.Move{MaxUnavailable: ptr.To(intstr.FromString("100%"))}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kube.AppsV1().Deployments(metav1.NamespaceDefault).Create(t.Context(), deployment("web", 8), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	runs := func(want ...int32) {
		t.Helper()
		harness.Eventually(t, patience, func() error {
			for i, c := range f.Clusters {
				d, ok := c.Get("deployments", metav1.NamespaceDefault, "web").(*appsv1.Deployment)
				if !ok || *d.Spec.Replicas != want[i] || d.Status.ReadyReplicas != want[i] {
					return fmt.Errorf("cluster %s holds %+v, want %d replicas", c.Name, d, want[i])
				}
			}
			return nil
		})
	}
	runs(4, 4)
	writes := func(c *fleet.Cluster) (applied, scaled int) {
		for sort, n := range c.Requests() {
			switch {
			case sort.UserAgent != "drover" || sort.Verb != "patch":
			case sort.Resource == "deployments":
				applied += n
			case sort.Resource == "deployments/scale":
				scaled += n
			}
		}
		return applied, scaled
	}
	policy.Spec.Clusters = weights(3, 1)
	if _, err := policies.Update(t.Context(), policy, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	runs(6, 2)
	for _, c := range f.Clusters {
		if applied, scaled := writes(c); applied != 1 || scaled != 1 {
			t.Errorf("cluster %s: it was applied %d times and scaled %d times, want once each", c.Name, applied, scaled)
		}
	}
}

// startDrover runs drover start in this process until the test ends, and returns its administrator's kubeconfig.
func startDrover(t *testing.T) (kubeconfig string) {
	t.Helper()
	kubeconfig, _ = runDrover(t, dataDir(t))
	return kubeconfig
}

// dataDir is a directory whose path is not too long for a socket in it, as t.TempDir's may be.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "drover-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// runDrover is drover start on the data in a directory, until it is stopped or the test ends.
func runDrover(t *testing.T, dir string) (kubeconfig string, stop func()) {
	t.Helper()
	options := &standalone.Options{APIServer: apiserver.NewOptions(), Controllers: func(ctx context.Context, config *restclient.Config) error {
		options := controllers.NewOptions()
		options.Identity = "fleet-test"
		return options.Run(ctx, config)
	}}
	options.APIServer.DataDir, options.APIServer.SecureServing.BindPort = filepath.Join(dir, "data"), 0
	ready := make(announced, 1)
	options.Out = ready
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- options.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-stopped; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("drover ended with: %v", err)
		}
	})
	t.Cleanup(stop)
	select {
	case <-ready:
	case err := <-stopped:
		stopped <- err
		t.Fatalf("drover ended before it was ready: %v", err)
	}
	return options.APIServer.AdminKubeconfig(), stop
}

// announced is written to when Drover is ready.
type announced chan struct{}

func (a announced) Write(p []byte) (int, error) {
	select {
	case a <- struct{}{}:
	default:
	}
	return len(p), nil
}

func joinAsPeopleDo(t *testing.T, federation string, c *fleet.Cluster) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(c.Kubeconfig(), file); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	join := cli.NewJoinOptions(cli.Streams{Out: &out, ErrOut: &out}, &cli.FederationOptions{Kubeconfig: federation})
	join.Name, join.Kubeconfig = c.Name, file
	if err := join.Run(t.Context()); err != nil {
		t.Fatalf("join: %v\n%s", err, &out)
	}
}

func readyBecomes(t *testing.T, drover versioned.Interface, name string, want metav1.ConditionStatus) {
	t.Helper()
	harness.Eventually(t, 3*patience, func() error {
		cluster, err := drover.FederationV1alpha1().Clusters().Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if ready := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionReady); ready == nil || ready.Status != want {
			return fmt.Errorf("cluster %s: %+v", name, ready)
		}
		return nil
	})
}
