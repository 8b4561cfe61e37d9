// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// Every row says what the controllers rely on.
func TestRows(t *testing.T) {
	var placed []schema.GroupVersionKind
	for _, k := range Kinds {
		if k.Placed() {
			placed = append(placed, k.GroupVersionKind)
		}
		if k.Placed() == (k.Behind != nil) {
			t.Errorf("%s is placed by policy and follows, or neither", k.Kind)
		}
		if k.Placed() != (k.Template != nil) {
			t.Errorf("%s is placed and makes no pods, or makes pods and is not placed", k.Kind)
		}
		if (k.Report == nil) != (k.Sum == nil) || (k.Sum == nil) != (k.UpdateStatus == nil) {
			t.Errorf("%s has half a status", k.Kind)
		}
		obj, err := scheme.Scheme.New(k.GroupVersionKind)
		if err != nil {
			t.Fatal(err)
		}
		if KindOf(obj) != k || KindOfResource(k.Resource) != k || k.Resource.GroupVersion() != k.GroupVersion() || !strings.HasPrefix(k.Resource.Resource, strings.ToLower(k.Kind)[:len(k.Kind)-1]) {
			t.Errorf("%s is not found again: as %s", k.Kind, k.Resource)
		}
		if k.UpdateStatus == nil {
			continue
		}
		named := obj.(Object)
		named.SetName("web")
		named.SetNamespace("default")
		client := fake.NewClientset(named)
		if err := k.UpdateStatus(t.Context(), client, named); err != nil {
			t.Errorf("%s: %v", k.Kind, err)
		}
		if a := client.Actions(); len(a) != 1 || a[0].GetResource() != k.Resource || a[0].GetSubresource() != "status" {
			t.Errorf("the status of %s is written by %v", k.Kind, a)
		}
		k.Sum(named, Reports{Placement: &v1alpha1.PlacementSpec{}, Now: now}) // nothing is reported yet
	}
	if fmt.Sprint(placed) != fmt.Sprint(v1alpha1.PlacedKinds) {
		t.Errorf("placed are %v, policies name %v", placed, v1alpha1.PlacedKinds)
	}
	for _, k := range Kinds {
		if !strings.Contains(fmt.Sprint(members.Synced), k.Resource.String()) {
			t.Errorf("%s is not among what is written to members", k.Resource)
		}
	}
	if KindOf(&corev1.Secret{}) != nil || KindNamed("Service") != nil || KindNamed("Job") != Job {
		t.Error("kinds are named wrongly")
	}
}

func labelled(name string, app string) (metav1.ObjectMeta, corev1.PodTemplateSpec) {
	return metav1.ObjectMeta{Namespace: "default", Name: name}, corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}}}
}

func TestBehind(t *testing.T) {
	meta, template := labelled("web", "web")
	web := &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Template: template}}
	set := &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Template: template}}
	cron := &batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}}}}
	otherMeta, otherTemplate := labelled("api", "api")
	api := &appsv1.Deployment{ObjectMeta: otherMeta, Spec: appsv1.DeploymentSpec{Template: otherTemplate}}
	service := &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "web"}}}
	objects := []Object{web, set, cron, api, service}
	app := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	scaling := func(version, kind string) *autoscalingv2.HorizontalPodAutoscaler {
		return &autoscalingv2.HorizontalPodAutoscaler{Spec: autoscalingv2.HorizontalPodAutoscalerSpec{ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: version, Kind: kind, Name: "web"}}}
	}
	const selected, all = "deployment/web statefulset/web cronjob/web", "deployment/web statefulset/web cronjob/web deployment/api"
	for _, tt := range []struct {
		name string
		obj  runtime.Object
		want string
	}{
		{"a Service", service, selected},
		{"a Service that selects nothing", &corev1.Service{}, ""},
		{"an Ingress", &networkingv1.Ingress{Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web"}}}}, "service/web"},
		{"a budget", &policyv1.PodDisruptionBudget{Spec: policyv1.PodDisruptionBudgetSpec{Selector: app}}, selected},
		{"a budget of all", &policyv1.PodDisruptionBudget{Spec: policyv1.PodDisruptionBudgetSpec{Selector: &metav1.LabelSelector{}}}, all},
		{"a budget of none", &policyv1.PodDisruptionBudget{}, ""},
		{"a network policy", &networkingv1.NetworkPolicy{Spec: networkingv1.NetworkPolicySpec{PodSelector: *app}}, selected},
		{"a network policy of all", &networkingv1.NetworkPolicy{}, all},
		{"an autoscaler", scaling("apps/v1", "StatefulSet"), "statefulset/web"},
		{"an autoscaler of another version", scaling("apps/v1beta1", "Deployment"), "deployment/web"},
		{"an autoscaler of another group", scaling("batch/v1", "Deployment"), ""},
		{"a quota", &corev1.ResourceQuota{}, all},
		{"limits", &corev1.LimitRange{}, all},
	} {
		var got []string
		for _, other := range objects {
			if kind := KindOf(other); KindOf(tt.obj).Behind(tt.obj, kind, other) {
				got = append(got, KeyFor(kind, other).InNamespace())
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("behind %s: %v, want %s", tt.name, got, tt.want)
		}
	}
	for obj, want := range map[runtime.Object]bool{service: false, &corev1.Service{}: true, &networkingv1.Ingress{}: true} {
		if got := KindOf(obj).Everywhere(obj); got != want {
			t.Errorf("%T everywhere: %v", obj, got)
		}
	}
}

// A cluster's share is written where it belongs, and the federation's object stays as it is.
func TestIn(t *testing.T) {
	spec := &v1alpha1.PlacementSpec{Replicas: ptr.To[int32](9), Clusters: []v1alpha1.ClusterAssignment{
		{Name: "east", Replicas: ptr.To[int32](6)}, {Name: "west", Replicas: ptr.To[int32](3)},
	}}
	whole := &v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: "west"}}}
	job := func(completions, parallelism *int32) *batchv1.Job {
		return &batchv1.Job{Spec: batchv1.JobSpec{Completions: completions, Parallelism: parallelism, TTLSecondsAfterFinished: ptr.To[int32](5)}}
	}
	n := ptr.To[int32]
	for _, tt := range []struct {
		name string
		obj  Object
		spec *v1alpha1.PlacementSpec
		want string // replicas, or completions and parallelism
	}{
		{"a Deployment", &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: n(9)}}, spec, "3"},
		{"a ReplicaSet", &appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Replicas: n(9)}}, spec, "3"},
		{"a StatefulSet", &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: n(9)}}, spec, "3"},
		{"a StatefulSet whole", &appsv1.StatefulSet{Spec: appsv1.StatefulSetSpec{Replicas: n(9)}}, whole, "9"},
		{"a Job", job(n(9), n(3)), spec, "3 1"},
		{"a Job with one pod at a time", job(n(9), n(1)), spec, "3 1"},
		{"a Job with a default", job(n(9), nil), spec, "3 1"},
		{"a Job that is paused", job(n(9), n(0)), spec, "3 0"},
		{"a Job off a queue", job(nil, n(9)), spec, "- 3"},
		{"a Job whole", job(n(9), n(4)), whole, "9 4"},
	} {
		before := tt.obj.DeepCopyObject()
		in := KindOf(tt.obj).In("west", tt.obj, tt.spec)
		var got string
		if j, ok := in.(*batchv1.Job); ok {
			got = strings.TrimSpace(strings.ReplaceAll(fmt.Sprint(ptr.Deref(j.Spec.Completions, -1), ptr.Deref(j.Spec.Parallelism, -1)), "-1", "-"))
			if j.Spec.TTLSecondsAfterFinished != nil {
				t.Errorf("%s expires in the cluster, and would be made again", tt.name)
			}
		} else {
			got = fmt.Sprint(**KindOf(tt.obj).Replicas(in))
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if fmt.Sprintf("%+v", before) != fmt.Sprintf("%+v", tt.obj) {
			t.Errorf("%s was changed itself", tt.name)
		}
	}
}
