// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/test/harness"
)

// What a workload refers to is in the clusters where the workload runs, and nowhere else.
func TestReferencesFollow(t *testing.T) {
	s := sharedSpace(t)
	core := s.Kube.CoreV1()
	for _, name := range []string{"settings", "unused"} {
		if _, err := core.ConfigMaps(s.name).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"v": "1"}}, createOptions); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"password", "pull", "unused"} {
		if _, err := core.Secrets(s.name).Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string][]byte{"v": []byte("1")}}, createOptions); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"web", "unused"} {
		if _, err := core.ServiceAccounts(s.name).Create(t.Context(), &corev1.ServiceAccount{
			ObjectMeta: metav1.ObjectMeta{Name: name}, ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}},
		}, createOptions); err != nil {
			t.Fatal(err)
		}
	}
	d := deployment("web", 4)
	pod := &d.Spec.Template.Spec
	pod.ServiceAccountName = "web"
	pod.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}
	pod.Volumes = []corev1.Volume{{Name: "password", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "password"}}}}
	s.weigh("web", map[string]int64{"east": 1, "west": 1})
	if _, err := s.Kube.AppsV1().Deployments(s.name).Create(t.Context(), d, createOptions); err != nil {
		t.Fatal(err)
	}
	s.eventuallyRuns("web", map[string]int32{"east": 2, "west": 2}) // with its ServiceAccount, or no pod had been made

	for _, cluster := range []string{"east", "west"} {
		for _, object := range []string{"configmaps/settings", "secrets/password", "secrets/pull", "serviceaccounts/web"} {
			if err := s.has(cluster, object); err != nil {
				t.Errorf("%s: %v", cluster, err)
			}
		}
		for _, object := range []string{"configmaps/unused", "secrets/unused", "serviceaccounts/unused"} {
			if err := s.has(cluster, object); !apierrors.IsNotFound(err) {
				t.Errorf("%s has %s, which nothing refers to (%v)", cluster, object, err)
			}
		}
	}
	if err := s.has("eu", "configmaps/settings"); !apierrors.IsNotFound(err) {
		t.Errorf("eu has configmaps/settings, and no workload (%v)", err)
	}

	s.kubectl("patch", "configmap", "settings", "-p", `{"data":{"v":"2"}}`)
	harness.Eventually(t, patience, func() error {
		c, err := s.in("west").CoreV1().ConfigMaps(s.name).Get(t.Context(), "settings", getOptions)
		if err == nil && c.Data["v"] != "2" {
			return fmt.Errorf("west has the data %v", c.Data)
		}
		return err
	})
	s.kubectl("patch", "deployment", "web", "--type", "json", "-p", `[{"op":"remove","path":"/spec/template/spec/containers/0/envFrom"}]`)
	for _, cluster := range []string{"east", "west"} {
		s.eventuallyGone("configmap settings in "+cluster, func() error { return s.has(cluster, "configmaps/settings") })
	}
	s.kubectl("patch", "placementpolicy", "web", "-p", `{"spec":{"clusters":[{"name":"west","weight":0}]}}`)
	s.eventuallyRuns("web", map[string]int32{"east": 4})
	for _, object := range []string{"secrets/password", "secrets/pull", "serviceaccounts/web"} {
		s.eventuallyGone(object+" in west", func() error { return s.has("west", object) })
	}
}

// has looks for an object, given as resource/name, in a member.
func (s *space) has(cluster, object string) error {
	return s.in(cluster).CoreV1().RESTClient().Get().AbsPath("/api/v1/namespaces/" + s.name + "/" + object).Do(s.Context()).Error()
}
