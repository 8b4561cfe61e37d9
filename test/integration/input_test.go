// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Bad input gets an error that names the field, and nothing is stored.
func TestBadInput(t *testing.T) {
	f := api(t)
	namespace := f.namespace(t)
	deployments := appsv1.SchemeGroupVersion.WithResource("deployments")
	policies := v1alpha1.SchemeGroupVersion.WithResource("placementpolicies")
	clusters := v1alpha1.SchemeGroupVersion.WithResource("clusters")
	const template = `"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}}`

	for _, tt := range []struct {
		name     string
		resource schema.GroupVersionResource
		kind     string
		manifest string
		code     int
		want     string
	}{
		{"an unknown field", deployments, "Deployment", `{"spec": {"replica": 3, ` + template + `}}`, 400, `unknown field "spec.replica"`},
		{
			"an unknown field deep down", deployments, "Deployment",
			`{"spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx", "imagePolicy": "x"}]}}}}`,
			400, `unknown field "spec.template.spec.containers[0].imagePolicy"`,
		},
		{"an unknown field of our own", policies, "PlacementPolicy", `{"spec": {"clusters": [{"name": "east", "wieght": 2}]}}`, 400, `unknown field "spec.clusters[0].wieght"`},
		{"a wrong type", deployments, "Deployment", `{"spec": {"replicas": "three", ` + template + `}}`, 400, "replicas"},
		{
			"a selector that does not match", deployments, "Deployment",
			`{"spec": {"selector": {"matchLabels": {"app": "other"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}}}}`,
			422, "spec.template.metadata.labels",
		},
		{"negative replicas", deployments, "Deployment", `{"spec": {"replicas": -1, ` + template + `}}`, 422, "spec.replicas: Invalid value: -1"},
		{
			"no containers", deployments, "Deployment",
			`{"spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": {}}}}`, 422, "spec.template.spec.containers: Required value",
		},
		{"a negative weight", policies, "PlacementPolicy", `{"spec": {"clusters": [{"name": "east", "weight": -1}]}}`, 422, "spec.clusters[0].weight: Invalid value: -1"},
		{"a weight beyond 2³¹−1", policies, "PlacementPolicy", `{"spec": {"clusters": [{"name": "east", "weight": 2147483648}]}}`, 422, "spec.clusters[0].weight"},
		{"a cluster twice", policies, "PlacementPolicy", `{"spec": {"clusters": [{"name": "east"}, {"name": "east"}]}}`, 422, `spec.clusters[1].name: Duplicate value: "east"`},
		{"a maximum below the minimum", policies, "PlacementPolicy", `{"spec": {"clusters": [{"name": "east", "minReplicas": 2, "maxReplicas": 1}]}}`, 422, "spec.clusters[0].maxReplicas"},
		{"a server without https", clusters, "Cluster", `{"spec": {"server": "http://10.0.0.1", "credentialsSecret": {"namespace": "a", "name": "b"}}}`, 422, "spec.server"},
		{"no credentials", clusters, "Cluster", `{"spec": {"server": "https://10.0.0.1"}}`, 422, "spec.credentialsSecret.name: Required value"},
		{"a Service without ports", corev1.SchemeGroupVersion.WithResource("services"), "Service", `{"spec": {"selector": {"app": "web"}}}`, 422, "spec.ports: Required value"},
		{"a TLS Secret without a key", corev1.SchemeGroupVersion.WithResource("secrets"), "Secret", `{"type": "kubernetes.io/tls"}`, 422, "data[tls.crt]: Required value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			scope := namespace
			if tt.kind == "Cluster" {
				scope = ""
			}
			obj := object(t, tt.resource.GroupVersion().WithKind(tt.kind), scope, "bad", tt.manifest)
			client := f.dynamic.Resource(tt.resource).Namespace(scope)
			if _, err := client.Create(t.Context(), obj, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}); code(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("create: %v, want %d with %q", err, tt.code, tt.want)
			}
			if _, err := client.Apply(t.Context(), "bad", obj, metav1.ApplyOptions{FieldManager: "test"}); err == nil {
				t.Error("it can be applied")
			}
			if list, err := client.List(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=bad"}); err != nil || len(list.Items) > 0 {
				t.Errorf("%d are stored, %v", len(list.Items), err)
			}
		})
	}
}

// What is stored stays as it was when an update of it is bad.
func TestBadUpdate(t *testing.T) {
	f, ctx := api(t), t.Context()
	client := f.kube.AppsV1().Deployments(f.namespace(t))
	created := must[*appsv1.Deployment](t)(client.Create(ctx, deployment("web", 3), metav1.CreateOptions{}))
	for _, tt := range []struct{ name, patch, want string }{
		{"negative replicas", `{"spec": {"replicas": -1}}`, "spec.replicas"},
		{"another selector", `{"spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}}}}}`, "field is immutable"},
		{"a selector that does not match", `{"spec": {"template": {"metadata": {"labels": {"app": "x"}}}}}`, "does not match template"},
	} {
		if _, err := client.Patch(ctx, "web", types.StrategicMergePatchType, []byte(tt.patch), metav1.PatchOptions{}); !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	if got := must[*appsv1.Deployment](t)(client.Get(ctx, "web", metav1.GetOptions{})); got.ResourceVersion != created.ResourceVersion {
		t.Error("it was changed")
	}
}

// An unknown field is told of, and dropped, unless the client asks for more.
func TestUnknownFieldsWarn(t *testing.T) {
	f := api(t)
	namespace := f.namespace(t)
	resource := corev1.SchemeGroupVersion.WithResource("configmaps")
	for _, tt := range []struct {
		validation string
		code       int
	}{
		{metav1.FieldValidationIgnore, 200}, {metav1.FieldValidationWarn, 200}, {metav1.FieldValidationStrict, 400}, {"Nonsense", 422},
	} {
		obj := object(t, corev1.SchemeGroupVersion.WithKind("ConfigMap"), namespace, strings.ToLower("unknown-"+tt.validation), `{"dada": {"a": "b"}}`)
		got, err := f.dynamic.Resource(resource).Namespace(namespace).Create(t.Context(), obj, metav1.CreateOptions{FieldValidation: tt.validation})
		if code(err) != tt.code {
			t.Errorf("%s: %v", tt.validation, err)
		}
		if err == nil && got.Object["dada"] != nil {
			t.Errorf("%s: the unknown field is stored", tt.validation)
		}
	}
}
