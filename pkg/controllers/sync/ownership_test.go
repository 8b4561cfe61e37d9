// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// What Drover owns after a request is known before it: the same as an API server finds, list by list.
func TestOwnership(t *testing.T) {
	meta := metav1.ObjectMeta{Name: "web", Namespace: "shop", Labels: map[string]string{"app": "web"}}
	pod := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: meta.Labels}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{
			{
				Name: "web", Image: "nginx", Args: []string{"a", "b"},
				Env:       []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B"}},
				Ports:     []corev1.ContainerPort{{ContainerPort: 80, Protocol: corev1.ProtocolTCP}, {ContainerPort: 80, Protocol: corev1.ProtocolUDP}},
				Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1500m")}},
			},
			{Name: "log", Image: "log"},
		},
		Volumes:     []corev1.Volume{{Name: "tmp", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		Tolerations: []corev1.Toleration{{Key: "a"}},
	}}
	gv := func(gv schema.GroupVersion, kind string) schema.GroupVersionKind { return gv.WithKind(kind) }
	for gvk, tt := range map[schema.GroupVersionKind]struct {
		obj   runtime.Object
		apply func(*fake.Clientset, []byte) (metav1.Object, error)
	}{
		gv(appsv1.SchemeGroupVersion, "Deployment"): {
			&appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](2), Selector: &metav1.LabelSelector{MatchLabels: meta.Labels}, Template: pod}},
			func(c *fake.Clientset, data []byte) (metav1.Object, error) {
				return c.AppsV1().Deployments("shop").Patch(t.Context(), "web", types.ApplyPatchType, data, applying)
			},
		},
		gv(corev1.SchemeGroupVersion, "Service"): {
			&corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{
				Selector: meta.Labels, Ports: []corev1.ServicePort{{Name: "http", Port: 80, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromString("http")}},
			}},
			func(c *fake.Clientset, data []byte) (metav1.Object, error) {
				return c.CoreV1().Services("shop").Patch(t.Context(), "web", types.ApplyPatchType, data, applying)
			},
		},
		gv(corev1.SchemeGroupVersion, "Secret"): {
			&corev1.Secret{ObjectMeta: meta, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"a": []byte("b")}},
			func(c *fake.Clientset, data []byte) (metav1.Object, error) {
				return c.CoreV1().Secrets("shop").Patch(t.Context(), "web", types.ApplyPatchType, data, applying)
			},
		},
		gv(corev1.SchemeGroupVersion, "ServiceAccount"): {
			&corev1.ServiceAccount{ObjectMeta: meta, ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}}},
			func(c *fake.Clientset, data []byte) (metav1.Object, error) {
				return c.CoreV1().ServiceAccounts("shop").Patch(t.Context(), "web", types.ApplyPatchType, data, applying)
			},
		},
		gv(batchv1.SchemeGroupVersion, "CronJob"): {
			&batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{Schedule: "@hourly", JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: pod}}}},
			func(c *fake.Clientset, data []byte) (metav1.Object, error) {
				return c.BatchV1().CronJobs("shop").Patch(t.Context(), "web", types.ApplyPatchType, data, applying)
			},
		},
	} {
		t.Run(gvk.Kind, func(t *testing.T) {
			m, err := newManifest(gvk, tt.obj, "federation-1")
			if err != nil {
				t.Fatal(err)
			}
			live, err := tt.apply(fake.NewClientset(), m.json)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := ownership(m.json), members.OwnedFields(live); want == "" || got != want {
				t.Errorf("Drover would own %s, and owns %s: %s", got, want, live.GetManagedFields()[0].FieldsV1.GetRawBytes())
			}
		})
	}
	if got := ownership([]byte(`{"apiVersion":"v1","kind":"ConfigMap","data":{"a":"b"},"unheardOf":true}`)); got != "" {
		t.Errorf("of a field that is not known it is said to own %s", got)
	}
}

var applying = metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, Force: ptr.To(true)}
