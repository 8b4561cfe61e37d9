// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	appsac "k8s.io/client-go/applyconfigurations/apps/v1"
	coreac "k8s.io/client-go/applyconfigurations/core/v1"
	metaac "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"

	"drover.dev/drover/test/harness"
)

var clientScheme = scheme.Scheme

// applied is a Deployment as it is applied, with some labels.
func applied(replicas int32, labels map[string]string) *appsac.DeploymentApplyConfiguration {
	app := map[string]string{"app": "web"}
	return appsac.Deployment("web", metav1.NamespaceDefault).WithLabels(labels).WithSpec(appsac.DeploymentSpec().WithReplicas(replicas).
		WithSelector(metaac.LabelSelector().WithMatchLabels(app)).
		WithTemplate(coreac.PodTemplateSpec().WithLabels(app).WithSpec(coreac.PodSpec().WithContainers(coreac.Container().WithName("web").WithImage("nginx")))))
}

func apply(t *testing.T, client kubernetes.Interface, manager string, force bool, what *appsac.DeploymentApplyConfiguration) (*appsv1.Deployment, error) {
	return client.AppsV1().Deployments(metav1.NamespaceDefault).Apply(t.Context(), what, metav1.ApplyOptions{FieldManager: manager, Force: force})
}

// TestApply goes through the rules of server-side apply that Drover lives by.
func TestApply(t *testing.T) {
	_, client := one(t)
	first, err := apply(t, client, "drover", false, applied(2, map[string]string{"mine": "1", "gone": "soon"}))
	if err != nil {
		t.Fatal(err)
	}
	if first.Generation != 1 || first.Spec.Strategy.Type == "" {
		t.Errorf("after the first apply: generation %d, defaults %v", first.Generation, first.Spec.Strategy)
	}

	t.Run("the same again changes nothing", func(t *testing.T) {
		settled := settle(t, client, first.Name)
		again, err := apply(t, client, "drover", false, applied(2, map[string]string{"mine": "1", "gone": "soon"}))
		if err != nil || again.ResourceVersion != settled.ResourceVersion {
			t.Errorf("resource version %s after %s, %v", again.ResourceVersion, settled.ResourceVersion, err)
		}
	})
	t.Run("another manager's value is a conflict", func(t *testing.T) {
		_, err := apply(t, client, "somebody", false, applied(5, nil))
		if !apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the same value is shared", func(t *testing.T) {
		if _, err := apply(t, client, "somebody", false, applied(2, nil)); err != nil {
			t.Error(err)
		}
	})
	t.Run("force takes it", func(t *testing.T) {
		taken, err := apply(t, client, "somebody", true, applied(5, nil))
		if err != nil || *taken.Spec.Replicas != 5 || taken.Generation != 2 {
			t.Fatalf("%v, %v", taken, err)
		}
		if _, err := apply(t, client, "drover", false, applied(2, nil)); !apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict) {
			t.Errorf("and the one it was taken from: %v", err)
		}
	})
	t.Run("what is left out is removed, if nobody else has it", func(t *testing.T) {
		if _, err := client.AppsV1().Deployments(metav1.NamespaceDefault).Patch(t.Context(), "web", types.MergePatchType,
			[]byte(`{"metadata":{"labels":{"theirs":"1"}}}`), metav1.PatchOptions{FieldManager: "kubectl"}); err != nil {
			t.Fatal(err)
		}
		less, err := apply(t, client, "drover", true, applied(2, map[string]string{"mine": "2"}))
		if err != nil || fmt.Sprint(less.Labels) != fmt.Sprint(map[string]string{"mine": "2", "theirs": "1"}) {
			t.Errorf("labels %v, %v", less.Labels, err)
		}
	})
	t.Run("the status is nobody's to apply", func(t *testing.T) {
		if d := settle(t, client, "web"); d.Status.ReadyReplicas != *d.Spec.Replicas {
			t.Errorf("%d ready", d.Status.ReadyReplicas)
		}
	})
	t.Run("ownership can be given up", func(t *testing.T) {
		released, err := client.AppsV1().Deployments(metav1.NamespaceDefault).Patch(t.Context(), "web", types.MergePatchType,
			[]byte(`{"metadata":{"managedFields":[{}]}}`), metav1.PatchOptions{FieldManager: "drover"})
		if err != nil || len(released.ManagedFields) != 0 {
			t.Errorf("managed fields %v, %v", released.ManagedFields, err)
		}
	})
}

// settle waits until the Deployment's status is what its spec asks for.
func settle(t *testing.T, client kubernetes.Interface, name string) (d *appsv1.Deployment) {
	t.Helper()
	harness.Eventually(t, patience, func() (err error) {
		d, err = client.AppsV1().Deployments(metav1.NamespaceDefault).Get(t.Context(), name, metav1.GetOptions{})
		if err == nil && (d.Status.ObservedGeneration != d.Generation || d.Status.ReadyReplicas != *d.Spec.Replicas) {
			err = fmt.Errorf("generation %d, status %+v", d.Generation, d.Status)
		}
		return err
	})
	return d
}

// TestPatch tries the three kinds of patches, and what they are conditioned on.
func TestPatch(t *testing.T) {
	_, client := one(t)
	deployments := client.AppsV1().Deployments(metav1.NamespaceDefault)
	if _, err := deployments.Create(t.Context(), deployment("web", 1), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		kind    types.PatchType
		patch   string
		refused func(error) bool
		holds   func(*appsv1.Deployment) bool
	}{
		{types.MergePatchType, `{"spec":{"replicas":2}}`, nil, func(d *appsv1.Deployment) bool { return *d.Spec.Replicas == 2 }},
		{types.JSONPatchType, `[{"op":"replace","path":"/spec/replicas","value":3}]`, nil, func(d *appsv1.Deployment) bool { return *d.Spec.Replicas == 3 }},
		{
			types.StrategicMergePatchType, `{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"busybox"}]}}}}`, nil,
			func(d *appsv1.Deployment) bool { return len(d.Spec.Template.Spec.Containers) == 2 },
		},
		{types.MergePatchType, `{"metadata":{"resourceVersion":"1"},"spec":{"replicas":9}}`, apierrors.IsConflict, nil},
		{types.MergePatchType, `{"metadata":{"uid":"another"},"spec":{"replicas":9}}`, apierrors.IsInvalid, nil},
		{types.MergePatchType, `{"spec":{"replicas":-1}}`, apierrors.IsInvalid, nil},
	} {
		d, err := deployments.Patch(t.Context(), "web", tt.kind, []byte(tt.patch), metav1.PatchOptions{})
		switch {
		case tt.refused != nil && !tt.refused(err):
			t.Errorf("%s: %v", tt.patch, err)
		case tt.refused == nil && (err != nil || !tt.holds(d)):
			t.Errorf("%s: %v, %v", tt.patch, d, err)
		}
	}
	scale, err := deployments.GetScale(t.Context(), "web", metav1.GetOptions{})
	if err != nil || scale.Spec.Replicas != 3 {
		t.Errorf("scale %v, %v", scale, err)
	}
}
