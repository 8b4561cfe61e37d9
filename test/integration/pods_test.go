// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Who looks at what has pods lists these, and is answered that there are none: nobody serves pods here, and nobody is told so.
func TestPodsAreListedAndNotServed(t *testing.T) {
	f, ctx := api(t), t.Context()
	here := f.namespace(t)
	f.bind(t, here, clusterRole("view"), "p-jane")
	f.waitUntilMay(t, "p-jane", here, "list pods")
	config := f.as(t, "p-jane")
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	jane := kubernetes.NewForConfigOrDie(config).CoreV1()
	if list, err := jane.Pods(here).List(ctx, metav1.ListOptions{LabelSelector: "app=web", Limit: 500}); err != nil || len(list.Items) > 0 {
		t.Errorf("listed: %v, %v", list, err)
	}
	if _, err := jane.Pods("default").List(ctx, metav1.ListOptions{}); code(err) != 403 {
		t.Errorf("listed without the right to: %v", err)
	}
	pods := f.kube.CoreV1().Pods(here)
	if _, err := pods.Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web"}}, metav1.CreateOptions{}); code(err) != 404 {
		t.Errorf("created: %v", err)
	}
	if _, err := pods.Get(ctx, "web", metav1.GetOptions{}); code(err) != 404 {
		t.Errorf("read: %v", err)
	}
	for _, r := range must[*metav1.APIResourceList](t)(f.kube.Discovery().ServerResourcesForGroupVersion("v1")).APIResources {
		if r.Kind == "Pod" {
			t.Errorf("discovery tells of %s", r.Name)
		}
	}
}
