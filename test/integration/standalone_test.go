// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apiserver"
	"drover.dev/drover/pkg/standalone"
)

// stopLimit is how long a control plane may take to stop.
const stopLimit = 10 * time.Second

func TestRestartKeepsEverything(t *testing.T) {
	dir := dataDir(t)
	first, err := start(dir, withControllers)
	if err != nil {
		t.Fatal(err)
	}
	namespace := first.namespace(t)
	web := must[*appsv1.Deployment](t)(first.kube.AppsV1().Deployments(namespace).Create(t.Context(), deployment("web", 3), metav1.CreateOptions{}))
	must[*corev1.Secret](t)(first.kube.CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "key"}, Data: map[string][]byte{"a": {0, 1}}}, metav1.CreateOptions{}))
	system := must[*corev1.Namespace](t)(first.kube.CoreV1().Namespaces().Get(t.Context(), "drover-system", metav1.GetOptions{}))
	// Somebody watches while it stops: the stop must not wait for them.
	w, err := first.kube.CoreV1().Secrets(namespace).Watch(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if took, err := first.stop(); err != nil || took > stopLimit {
		t.Errorf("stopping took %s: %v", took, err)
	}

	second, err := start(dir, withControllers)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if took, err := second.stop(); err != nil || took > stopLimit {
			t.Errorf("stopping took %s: %v", took, err)
		}
	}()
	if diff := cmp.Diff(first.config.TLSClientConfig.CAData, second.config.TLSClientConfig.CAData); diff != "" {
		t.Error("it has another certificate authority")
	}
	if diff := cmp.Diff(first.config.TLSClientConfig.CertData, second.config.TLSClientConfig.CertData); diff != "" {
		t.Error("the administrator has another certificate")
	}
	got := must[*appsv1.Deployment](t)(second.kube.AppsV1().Deployments(namespace).Get(t.Context(), "web", metav1.GetOptions{}))
	if diff := cmp.Diff(web.Spec, got.Spec); diff != "" || got.UID != web.UID {
		t.Errorf("the Deployment changed (-before +after):\n%s", diff)
	}
	if key := must[*corev1.Secret](t)(second.kube.CoreV1().Secrets(namespace).Get(t.Context(), "key", metav1.GetOptions{})); string(key.Data["a"]) != "\x00\x01" {
		t.Errorf("the Secret holds %v", key.Data)
	}
	if ns := must[*corev1.Namespace](t)(second.kube.CoreV1().Namespaces().Get(t.Context(), "drover-system", metav1.GetOptions{})); ns.UID != system.UID {
		t.Error("the federation has another identity")
	}
}

func TestDataDirIsUsedByOne(t *testing.T) {
	f := api(t)
	options := &standalone.Options{APIServer: apiserver.NewOptions(), Controllers: noControllers, Out: make(announced, 1)}
	options.APIServer.DataDir = f.dataDir
	err := options.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), f.dataDir+" is in use by another drover") || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("a second start on the same directory: %v", err)
	}
	if _, err := f.kube.CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{}); err != nil {
		t.Errorf("it harmed the first: %v", err)
	}
}

// It does not hang, or leave anything running, when it is told to stop before it was ready.
func TestStopWhileStarting(t *testing.T) {
	for _, after := range []time.Duration{0, 100 * time.Millisecond, 400 * time.Millisecond} {
		options := &standalone.Options{APIServer: apiserver.NewOptions(), Controllers: noControllers, Out: make(announced, 1)}
		options.APIServer.DataDir = dataDir(t)
		options.APIServer.SecureServing.BindPort = 0
		ctx, cancel := context.WithTimeout(t.Context(), after)
		begin := time.Now()
		if err := options.Run(ctx); err == nil && after == 0 {
			t.Errorf("stopped after %s: no error", after)
		}
		cancel()
		if took := time.Since(begin); took > stopLimit {
			t.Errorf("stopped after %s: it took %s", after, took)
		}
	}
}

// What the controllers say when they fail is what the control plane says.
func TestFailingControllersEndIt(t *testing.T) {
	options := &standalone.Options{APIServer: apiserver.NewOptions(), Out: make(announced, 1)}
	options.APIServer.DataDir = dataDir(t)
	options.APIServer.SecureServing.BindPort = 0
	options.Controllers = failingControllers
	if err := options.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "lost the lead") {
		t.Errorf("ended with %v", err)
	}
}
