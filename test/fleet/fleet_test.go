// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	restclient "k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"drover.dev/drover/test/fleet"
)

// patience is how long anything may take that is waited for. It only passes when something is wrong.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	klog.SetLogger(logr.Discard())
	os.Exit(m.Run())
}

// start runs a fleet for a test, in which everything becomes ready at once, and sees in the end that nothing is left of it.
func start(t *testing.T, clusters int, change ...func(*fleet.Options)) *fleet.Fleet {
	t.Helper()
	before := goleak.IgnoreCurrent()
	options := fleet.NewOptions()
	options.Clusters, options.ReadyDelay = clusters, 0
	for _, c := range change {
		c(&options)
	}
	f, err := fleet.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Stop()
		goleak.VerifyNone(t, before,
			// Drover's health check "log" writes a line every minute, for ever, once in a process.
			goleak.IgnoreAnyFunction("k8s.io/apimachinery/pkg/util/wait.Forever"),
			// A read of its API server that is not there any more leaves a timer of three seconds behind.
			goleak.IgnoreAnyFunction("k8s.io/apiserver/pkg/storage/cacher.(*watchCache).waitUntilFreshLocked.func2"))
	})
	return f
}

// one runs a fleet of one cluster, and makes a client of its administrator.
func one(t *testing.T) (*fleet.Cluster, *kubernetes.Clientset) {
	t.Helper()
	c := start(t, 1).Clusters[0]
	return c, clientOf(t, c.Config())
}

// clientOf makes a client that speaks protobuf, as Drover's does.
func clientOf(t *testing.T, config *restclient.Config) *kubernetes.Clientset {
	t.Helper()
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.UserAgent = "fleet-test/v1 (linux)"
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func deployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(replicas),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
			},
		},
	}
}

func service(name string, kind corev1.ServiceType) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"team": "a"}},
		Spec: corev1.ServiceSpec{
			Type: kind, Selector: map[string]string{"app": name},
			Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt32(8080)}},
		},
	}
}
