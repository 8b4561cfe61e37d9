// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"drover.dev/drover/test/harness"
)

// What others change in a member of what Drover decided is put back; what Drover did not decide is left alone.
func TestDriftIsPutBack(t *testing.T) {
	s := sharedSpace(t)
	if _, err := s.Kube.CoreV1().ConfigMaps(s.name).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"v": "1"}}, createOptions); err != nil {
		t.Fatal(err)
	}
	d := deployment("web", 2)
	d.Labels["team"] = "blue"
	d.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}
	s.weigh("web", map[string]int64{"east": 1})
	if _, err := s.Kube.AppsV1().Deployments(s.name).Create(t.Context(), d, createOptions); err != nil {
		t.Fatal(err)
	}
	s.expose("web")
	want := map[string]int32{"east": 2}
	s.eventuallyRuns("web", want)
	s.eventuallyAddresses("web", 1)
	east := s.members["east"].Kubectl()
	inEast := func(args ...string) {
		t.Helper()
		if _, err := east.Run(t.Context(), append([]string{"-n", s.name}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	apps, core := s.in("east").AppsV1().Deployments(s.name), s.in("east").CoreV1()
	image := func() error {
		d, err := apps.Get(t.Context(), "web", getOptions)
		if err == nil && d.Spec.Template.Spec.Containers[0].Image != "example.com/web:1" {
			return fmt.Errorf("the image is %s", d.Spec.Template.Spec.Containers[0].Image)
		}
		return err
	}
	label := func(key, want string) func() error {
		return func() error {
			d, err := apps.Get(t.Context(), "web", getOptions)
			if err == nil && d.Labels[key] != want {
				return fmt.Errorf("the labels are %v", d.Labels)
			}
			return err
		}
	}

	inEast("scale", "deployment", "web", "--replicas", "7")
	s.eventuallyRuns("web", want)
	inEast("set", "image", "deployment/web", "web=example.com/evil")
	harness.Eventually(t, patience, image)
	inEast("label", "deployment", "web", "team-")
	harness.Eventually(t, patience, label("team", "blue"))
	inEast("label", "deployment", "web", "team=red", "--overwrite")
	harness.Eventually(t, patience, label("team", "blue"))
	inEast("delete", "deployment", "web")
	s.eventuallyRuns("web", want)
	inEast("delete", "service", "web")
	harness.Eventually(t, patience, func() error { return s.has("east", "services/web") })

	inEast("patch", "configmap", "settings", "-p", `{"data":{"v":"2"}}`)
	data := func() error {
		c, err := core.ConfigMaps(s.name).Get(t.Context(), "settings", getOptions)
		if err == nil && c.Data["v"] != "1" {
			return fmt.Errorf("the data are %v", c.Data)
		}
		return err
	}
	harness.Eventually(t, patience, data)
	inEast("delete", "configmap", "settings")
	harness.Eventually(t, patience, data)

	// What is not Drover's stays, also over a change that Drover makes.
	inEast("label", "deployment", "web", "local=yes")
	patch := []byte(`{"metadata":{"labels":{"team":"green"}}}`)
	if _, err := s.Kube.AppsV1().Deployments(s.name).Patch(t.Context(), "web", types.MergePatchType, patch, patchOptions); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error { return errors.Join(label("team", "green")(), label("local", "yes")()) })
	s.eventuallyRuns("web", want)
}
