// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// referred are References as "resource/name", in order.
func referred(obj any) []string {
	var out []string
	for ref := range References(obj) {
		out = append(out, ref.Resource.Resource+"/"+ref.Name)
	}
	slices.Sort(out)
	return out
}

func TestReferences(t *testing.T) {
	env := func(name string) []corev1.EnvVar {
		return []corev1.EnvVar{
			{Name: "PLAIN", Value: "x"},
			{Name: "FIELD", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
			{Name: "MAP", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name + "-env"}}}},
			{Name: "SECRET", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: name + "-env"}}}},
		}
	}
	from := func(name string) []corev1.EnvFromSource {
		return []corev1.EnvFromSource{
			{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name + "-from"}}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name + "-from"}}},
		}
	}
	volume := func(source corev1.VolumeSource) corev1.Volume { return corev1.Volume{Name: "v", VolumeSource: source} }
	deployment := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
		ServiceAccountName: "robot",
		ImagePullSecrets:   []corev1.LocalObjectReference{{Name: "pull"}, {}},
		InitContainers:     []corev1.Container{{Env: env("init"), EnvFrom: from("init")}},
		Containers:         []corev1.Container{{Env: env("main"), EnvFrom: from("main")}, {Env: env("main")}},
		Volumes: []corev1.Volume{
			volume(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}),
			volume(corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "volume"}}}),
			volume(corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "volume"}}),
			volume(corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{NodePublishSecretRef: &corev1.LocalObjectReference{Name: "csi"}}}),
			volume(corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
				{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "projected"}}},
				{Secret: &corev1.SecretProjection{LocalObjectReference: corev1.LocalObjectReference{Name: "projected"}}},
				{DownwardAPI: &corev1.DownwardAPIProjection{}},
			}}}),
		},
	}}}}
	for _, tt := range []struct {
		name string
		obj  any
		want []string
	}{
		{"a pod template, from everywhere", deployment, []string{
			"configmaps/init-env", "configmaps/init-from", "configmaps/main-env", "configmaps/main-from", "configmaps/projected", "configmaps/volume",
			"secrets/csi", "secrets/init-env", "secrets/init-from", "secrets/main-env", "secrets/main-from", "secrets/projected", "secrets/pull", "secrets/volume",
			"serviceaccounts/robot",
		}},
		{"the default account is there already", &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{ServiceAccountName: "default"}}}}, nil},
		{"an Ingress: its certificates", &networkingv1.Ingress{Spec: networkingv1.IngressSpec{TLS: []networkingv1.IngressTLS{{SecretName: "tls"}, {}}}}, []string{"secrets/tls"}},
		{"a ServiceAccount: its Secrets", &corev1.ServiceAccount{Secrets: []corev1.ObjectReference{{Name: "token"}}, ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}}}, []string{"secrets/pull", "secrets/token"}},
		{"a Service refers to nothing", &corev1.Service{}, nil},
		{"nothing", nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, referred(tt.obj)); diff != "" {
				t.Errorf("references (-want +got):\n%s", diff)
			}
		})
	}
}

// Every field of a pod that names a Secret or a ConfigMap by a local reference is followed: a volume of a kind that is
// new to the API must not be forgotten. A pod that has all of them is made by reflection.
func TestNoReferenceIsForgotten(t *testing.T) {
	spec := &corev1.PodSpec{}
	var want []string
	fill(reflect.ValueOf(spec).Elem(), "", &want, map[reflect.Type]bool{})
	slices.Sort(want)
	if len(want) < 10 {
		t.Fatalf("the test finds %d only", len(want))
	}
	got := map[string]bool{}
	for ref := range References(&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{Spec: *spec}}}) {
		got[ref.Name] = true
	}
	for _, path := range want {
		if !got[path] {
			t.Errorf("%s is not followed", path)
		}
	}
}

// debugging containers cannot be in a template.
var notInTemplates = []string{".EphemeralContainers"}

// fill sets every reference to a Secret or ConfigMap to its own path, and collects the paths.
func fill(v reflect.Value, path string, paths *[]string, above map[reflect.Type]bool) {
	if slices.Contains(notInTemplates, path) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type().Elem().Kind() != reflect.Struct || above[v.Type()] {
			return
		}
		above[v.Type()] = true
		defer delete(above, v.Type())
		v.Set(reflect.New(v.Type().Elem()))
		before := len(*paths)
		fill(v.Elem(), path, paths, above)
		if len(*paths) == before {
			v.SetZero()
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() != reflect.Struct || above[v.Type()] {
			return
		}
		above[v.Type()] = true
		defer delete(above, v.Type())
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		before := len(*paths)
		fill(v.Index(0), path, paths, above)
		if len(*paths) == before {
			v.SetZero()
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Type().Field(i)
			if !field.IsExported() {
				continue
			}
			at := path + "." + field.Name
			local := v.Field(i).Type() == reflect.TypeFor[corev1.LocalObjectReference]() || v.Field(i).Type() == reflect.TypeFor[*corev1.LocalObjectReference]()
			named := strings.Contains(path, "Secret") || strings.Contains(path, "ConfigMap") || strings.Contains(at, "Secret")
			switch {
			case field.Name == "SecretName" && field.Type.Kind() == reflect.String:
				v.Field(i).SetString(at)
				*paths = append(*paths, at)
			case field.Name == "SecretName" && field.Type == reflect.TypeFor[*string]():
				v.Field(i).Set(reflect.ValueOf(&at))
				*paths = append(*paths, at)
			case local && named:
				fill(v.Field(i), at, paths, above)
			case field.Name == "Name" && v.Type() == reflect.TypeFor[corev1.LocalObjectReference]():
				v.Field(i).SetString(at)
				*paths = append(*paths, at)
			default:
				fill(v.Field(i), at, paths, above)
			}
		}
	}
}

func TestBackends(t *testing.T) {
	backend := func(name string) networkingv1.IngressBackend {
		return networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: name}}
	}
	rule := func(names ...string) networkingv1.IngressRule {
		http := &networkingv1.HTTPIngressRuleValue{}
		for _, name := range names {
			http.Paths = append(http.Paths, networkingv1.HTTPIngressPath{Backend: backend(name)})
		}
		return networkingv1.IngressRule{IngressRuleValue: networkingv1.IngressRuleValue{HTTP: http}}
	}
	fallback := backend("fallback")
	for _, tt := range []struct {
		name string
		spec networkingv1.IngressSpec
		want []string
	}{
		{"none", networkingv1.IngressSpec{}, nil},
		{"the default", networkingv1.IngressSpec{DefaultBackend: &fallback}, []string{"fallback"}},
		{"by path", networkingv1.IngressSpec{DefaultBackend: &fallback, Rules: []networkingv1.IngressRule{rule("web", "api"), rule("web"), {}}}, []string{"api", "fallback", "web"}},
		{"a resource is no Service", networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{Resource: &corev1.TypedLocalObjectReference{Name: "bucket"}}}, nil},
	} {
		got := Backends(&networkingv1.Ingress{Spec: tt.spec}).UnsortedList()
		slices.Sort(got)
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestKeys(t *testing.T) {
	key := Key{Kind: Deployment, Namespace: "default", Name: "web"}
	if key.String() != "deployment/default/web" || key.PlacementName() != "deployment-web" || key.Kind.Resource != members.Deployments {
		t.Errorf("%s, %s, %s", key, key.PlacementName(), key.Kind.Resource)
	}
	p := &v1alpha1.Placement{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "deployment-web"}, Spec: v1alpha1.PlacementSpec{Workload: v1alpha1.WorkloadReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web"}}}
	if got, known := KeyOf(p); !known || got != key {
		t.Errorf("of its Placement: %v, %v", got, known)
	}
	p.Spec.Workload.APIVersion = "apps/v2"
	if _, known := KeyOf(p); known {
		t.Error("a kind that is unknown here is known")
	}
	meta := &metav1.ObjectMeta{Namespace: "default", Name: "web"}
	if got, ok := KeyIn(members.Deployments, meta); !ok || got != key {
		t.Errorf("in a member: %v, %v", got, ok)
	}
	if _, ok := KeyIn(members.Secrets, meta); ok {
		t.Error("a Secret has a Placement")
	}
}
