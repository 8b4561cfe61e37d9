// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	appsapply "k8s.io/client-go/applyconfigurations/apps/v1"
	autoscalingapply "k8s.io/client-go/applyconfigurations/autoscaling/v1"
	coreapply "k8s.io/client-go/applyconfigurations/core/v1"
	metaapply "k8s.io/client-go/applyconfigurations/meta/v1"
	"k8s.io/utils/ptr"
)

// deployment is a plain Deployment.
func deployment(name string, replicas int32) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(replicas), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "nginx:1"}}},
			},
		},
	}
}

func TestScale(t *testing.T) {
	f, ctx := api(t), t.Context()
	client := f.kube.AppsV1().Deployments(f.namespace(t))
	created := must[*appsv1.Deployment](t)(client.Create(ctx, deployment("web", 3), metav1.CreateOptions{}))
	created.Status.Replicas = 2
	must[*appsv1.Deployment](t)(client.UpdateStatus(ctx, created, metav1.UpdateOptions{}))

	scale := must[*autoscalingv1.Scale](t)(client.GetScale(ctx, "web", metav1.GetOptions{}))
	if diff := cmp.Diff(autoscalingv1.ScaleStatus{Replicas: 2, Selector: "app=web"}, scale.Status); diff != "" || scale.Spec.Replicas != 3 {
		t.Errorf("scale is %d; status (-want +got):\n%s", scale.Spec.Replicas, diff)
	}

	old := scale.DeepCopy()
	scale.Spec.Replicas = 5
	scale = must[*autoscalingv1.Scale](t)(client.UpdateScale(ctx, "web", scale, metav1.UpdateOptions{}))
	if scale.Spec.Replicas != 5 {
		t.Errorf("scaled to %d, want 5", scale.Spec.Replicas)
	}
	got := must[*appsv1.Deployment](t)(client.Get(ctx, "web", metav1.GetOptions{}))
	if *got.Spec.Replicas != 5 || got.Generation != 2 || got.Status.Replicas != 2 {
		t.Errorf("the Deployment has %d replicas, generation %d, status %d", *got.Spec.Replicas, got.Generation, got.Status.Replicas)
	}
	if _, err := client.UpdateScale(ctx, "web", old, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("scaled an old version: %v", err)
	}
	if _, err := client.UpdateScale(ctx, "missing", &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "missing"}}, metav1.UpdateOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("scaled what is not there: %v", err)
	}
	// As kubectl scale does it.
	if _, err := client.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"replicas": 7}}`), metav1.PatchOptions{}, "scale"); err != nil {
		t.Error(err)
	}
	if _, err := client.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"replicas": 9}}`), metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}}, "scale"); err != nil {
		t.Error(err)
	}
	_, err := client.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"replicas": -1}}`), metav1.PatchOptions{}, "scale")
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "spec.replicas") {
		t.Errorf("scaled to less than nothing: %v", err)
	}
	if got := must[*appsv1.Deployment](t)(client.Get(ctx, "web", metav1.GetOptions{})); *got.Spec.Replicas != 7 {
		t.Errorf("the Deployment has %d replicas, want 7", *got.Spec.Replicas)
	}
}

// Every kind with replicas is scaled the same way.
func TestScaleOfEachKind(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		if s.Scale == nil {
			t.Skip("has no scale")
		}
		ctx := t.Context()
		created := s.create(t, "scaled")
		merge(t, created, s.status)
		if _, err := s.client().UpdateStatus(ctx, created, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		scaled, err := s.client().Patch(ctx, "scaled", types.MergePatchType, []byte(`{"spec": {"replicas": 7}}`), metav1.PatchOptions{}, "scale")
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{"spec": map[string]any{"replicas": int64(7)}, "status": map[string]any{"replicas": int64(3), "selector": "app=web"}}
		if diff := cmp.Diff(want, map[string]any{"spec": scaled.Object["spec"], "status": scaled.Object["status"]}); diff != "" {
			t.Errorf("scale (-want +got):\n%s", diff)
		}
		got, err := s.client().Get(ctx, "scaled", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if replicas, _, _ := unstructured.NestedInt64(got.Object, "spec", "replicas"); replicas != 7 || got.GetGeneration() != 2 {
			t.Errorf("it has %d replicas, generation %d", replicas, got.GetGeneration())
		}
	})
}

// Who scales owns the replicas, as if the Deployment itself had been written; so an autoscaler takes them over from a
// manifest, and a manifest that names them still is told so.
func TestScaleIsOwned(t *testing.T) {
	f, ctx := api(t), t.Context()
	namespace := f.namespace(t)
	client := f.kube.AppsV1().Deployments(namespace)
	labels := map[string]string{"app": "web"}
	manifest := func(replicas *int32) *appsapply.DeploymentApplyConfiguration {
		spec := appsapply.DeploymentSpec().WithSelector(metaapply.LabelSelector().WithMatchLabels(labels)).
			WithTemplate(coreapply.PodTemplateSpec().WithLabels(labels).WithSpec(
				coreapply.PodSpec().WithContainers(coreapply.Container().WithName("web").WithImage("nginx:1"))))
		spec.Replicas = replicas
		return appsapply.Deployment("web", namespace).WithSpec(spec)
	}
	if _, err := client.Apply(ctx, manifest(ptr.To[int32](3)), metav1.ApplyOptions{FieldManager: "manifest"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"manifest Apply "}, ownersOfReplicas(t, f, namespace)); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}

	scale := autoscalingapply.Scale().WithSpec(autoscalingapply.ScaleSpec().WithReplicas(5)).WithKind("Scale").WithAPIVersion("autoscaling/v1")
	if _, err := client.ApplyScale(ctx, "web", scale, metav1.ApplyOptions{FieldManager: "autoscaler"}); !apierrors.IsConflict(err) {
		t.Errorf("scaled over another's field: %v", err)
	}
	if _, err := client.ApplyScale(ctx, "web", scale, metav1.ApplyOptions{FieldManager: "autoscaler", Force: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"autoscaler Apply scale"}, ownersOfReplicas(t, f, namespace)); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	if _, err := client.Apply(ctx, manifest(ptr.To[int32](3)), metav1.ApplyOptions{FieldManager: "manifest"}); !apierrors.IsConflict(err) {
		t.Errorf("the manifest takes the replicas back without a word: %v", err)
	}
	got, err := client.Apply(ctx, manifest(nil), metav1.ApplyOptions{FieldManager: "manifest"})
	if err != nil || *got.Spec.Replicas != 5 {
		t.Errorf("the manifest let go of the replicas: %v", err)
	}
	if _, err := client.Patch(ctx, "web", types.MergePatchType, []byte(`{"spec": {"replicas": 6}}`), metav1.PatchOptions{FieldManager: "kubectl"}, "scale"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"kubectl Update scale"}, ownersOfReplicas(t, f, namespace)); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

// ownersOfReplicas are who owns the replicas of the Deployment web: manager, operation and subresource.
func ownersOfReplicas(t *testing.T, f *federation, namespace string) []string {
	t.Helper()
	d := must[*appsv1.Deployment](t)(f.kube.AppsV1().Deployments(namespace).Get(t.Context(), "web", metav1.GetOptions{}))
	var owners []string
	for _, e := range d.ManagedFields {
		if strings.Contains(e.FieldsV1.GetRawString(), `"f:replicas"`) {
			owners = append(owners, e.Manager+" "+string(e.Operation)+" "+e.Subresource)
		}
	}
	return owners
}
