// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// written is the metadata of an object that users, servers and controllers have all written to.
func written() metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: "web", Namespace: "default", UID: "uid-1", Generation: 3, ResourceVersion: "17", GenerateName: "we",
		CreationTimestamp: metav1.Now(), DeletionTimestamp: ptr.To(metav1.Now()), DeletionGracePeriodSeconds: ptr.To[int64](0),
		Labels: map[string]string{"app": "web", "federation.drover.dev/managed": "forged", "federation.drover.dev/other": "x"},
		Annotations: map[string]string{
			"note": "kept", "kubectl.kubernetes.io/last-applied-configuration": "{}", "federation.drover.dev/federation": "forged", "federation.drover.dev/mine": "x",
			"deployment.kubernetes.io/revision": "7", "deprecated.daemonset.template.generation": "7",
		},
		Finalizers:      []string{"federation.drover.dev/sync"},
		OwnerReferences: []metav1.OwnerReference{{Kind: "App", Name: "app", UID: "uid-0"}},
		ManagedFields:   []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
	}
}

const goldenMetadata = `"metadata": {
	"name": "web", "namespace": "default",
	"labels": {"app": "web", "federation.drover.dev/managed": "true"},
	"annotations": {"note": "kept", "federation.drover.dev/federation": "federation-1", "federation.drover.dev/source-uid": "uid-1", "federation.drover.dev/source-generation": "3"}}`

// localized is the object as cluster east is to have it.
func localized(obj runtime.Object, replicas *int32) runtime.Object {
	kind := workload.KindOf(obj)
	if kind == nil {
		return obj
	}
	return kind.In("east", obj, &v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: "east", Replicas: replicas}}})
}

func TestManifest(t *testing.T) {
	selector := map[string]string{"app": "web"}
	for _, tt := range []struct {
		name     string
		kind     schema.GroupVersionKind
		object   runtime.Object
		replicas *int32
		want     string
	}{
		{"Deployment", workload.Deployment.GroupVersionKind, &appsv1.Deployment{
			ObjectMeta: written(),
			Spec: appsv1.DeploymentSpec{
				Replicas: ptr.To[int32](10), Selector: &metav1.LabelSelector{MatchLabels: selector},
				Template: corev1.PodTemplateSpec{
					ObjectMeta: metav1.ObjectMeta{Labels: selector},
					Spec: corev1.PodSpec{Containers: []corev1.Container{{
						Name: "web", Image: "nginx", Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("100m")}},
					}}},
				},
			},
			Status: appsv1.DeploymentStatus{Replicas: 7, Conditions: []appsv1.DeploymentCondition{{Type: "Available"}}},
		}, ptr.To[int32](4), `{"apiVersion": "apps/v1", "kind": "Deployment", ` + goldenMetadata + `, "spec": {
			"replicas": 4, "selector": {"matchLabels": {"app": "web"}}, "strategy": {},
			"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "nginx", "resources": {"requests": {"cpu": "100m"}}}]}}}}`},
		{
			"Deployment drained", workload.Deployment.GroupVersionKind, &appsv1.Deployment{ObjectMeta: written(), Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](10)}}, ptr.To[int32](0),
			`{"apiVersion": "apps/v1", "kind": "Deployment", ` + goldenMetadata + `, "spec": {"replicas": 0, "strategy": {}, "template": {"metadata": {}, "spec": {}}}}`,
		},
		{"Service", workload.Service.GroupVersionKind, &corev1.Service{
			ObjectMeta: written(),
			Spec: corev1.ServiceSpec{
				Type: "LoadBalancer", Selector: selector, ClusterIP: "10.0.0.1", ClusterIPs: []string{"10.0.0.1"}, HealthCheckNodePort: 31000,
				Ports: []corev1.ServicePort{{Port: 80, Protocol: "TCP", TargetPort: intstr.FromInt32(8080)}},
			},
			Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "1.2.3.4"}}}},
		}, nil, `{"apiVersion": "v1", "kind": "Service", ` + goldenMetadata + `, "spec": {
			"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "protocol": "TCP", "targetPort": 8080}]}}`},
		{
			"headless Service", workload.Service.GroupVersionKind, &corev1.Service{ObjectMeta: written(), Spec: corev1.ServiceSpec{ClusterIP: "None", ClusterIPs: []string{"None"}}}, nil,
			`{"apiVersion": "v1", "kind": "Service", ` + goldenMetadata + `, "spec": {"clusterIP": "None", "clusterIPs": ["None"]}}`,
		},
		{"Ingress", workload.Ingress.GroupVersionKind, &networkingv1.Ingress{
			ObjectMeta: written(),
			Spec:       networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "web", Port: networkingv1.ServiceBackendPort{Number: 80}}}},
			Status:     networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{{IP: "1.2.3.4"}}}},
		}, nil, `{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", ` + goldenMetadata + `, "spec": {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}}`},
		{
			"ConfigMap", corev1.SchemeGroupVersion.WithKind("ConfigMap"), &corev1.ConfigMap{ObjectMeta: written(), Data: map[string]string{"a": "b"}, BinaryData: map[string][]byte{"c": {1}}, Immutable: ptr.To(true)}, nil,
			`{"apiVersion": "v1", "kind": "ConfigMap", ` + goldenMetadata + `, "data": {"a": "b"}, "binaryData": {"c": "AQ=="}, "immutable": true}`,
		},
		{
			"Secret", corev1.SchemeGroupVersion.WithKind("Secret"), &corev1.Secret{ObjectMeta: written(), Type: "Opaque", Data: map[string][]byte{"a": []byte("b")}}, nil,
			`{"apiVersion": "v1", "kind": "Secret", ` + goldenMetadata + `, "data": {"a": "Yg=="}, "type": "Opaque"}`,
		},
		{
			"ServiceAccount", corev1.SchemeGroupVersion.WithKind("ServiceAccount"), &corev1.ServiceAccount{ObjectMeta: written(), ImagePullSecrets: []corev1.LocalObjectReference{{Name: "pull"}}}, nil,
			`{"apiVersion": "v1", "kind": "ServiceAccount", ` + goldenMetadata + `, "imagePullSecrets": [{"name": "pull"}]}`,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := tt.object.DeepCopyObject()
			got, err := newManifest(tt.kind, localized(tt.object, tt.replicas), "federation-1")
			if err != nil {
				t.Fatal(err)
			}
			written := decode(t, string(got.json))
			annotations := written["metadata"].(map[string]any)["annotations"].(map[string]any)
			if annotations[v1alpha1.AnnotationDigest] != got.digest {
				t.Errorf("the digest %v is not on the object, which has %v", got.digest, annotations[v1alpha1.AnnotationDigest])
			}
			delete(annotations, v1alpha1.AnnotationDigest)
			if diff := cmp.Diff(decode(t, tt.want), written); diff != "" {
				t.Errorf("manifest (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, tt.object); diff != "" {
				t.Errorf("the federated object was changed (-before +after):\n%s", diff)
			}
			if bytes.Contains(got.json, []byte("null")) {
				t.Errorf("it has nulls, which an apply would own: %s", got.json)
			}
			again, err := newManifest(tt.kind, localized(tt.object.DeepCopyObject(), tt.replicas), "federation-1")
			if err != nil || again.digest != got.digest || !bytes.Equal(again.json, got.json) {
				t.Errorf("made again it is another: %s", again.json)
			}
		})
	}
}

func decode(t *testing.T, data string) (out map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(data), &out); err != nil {
		t.Fatalf("%v in %s", err, data)
	}
	return out
}

// The digest changes when what a member is to hold does, and only then. Replicas are seen beside it.
func TestDigest(t *testing.T) {
	base := func() *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: written(), Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](10)}}
	}
	digest := func(d *appsv1.Deployment, identity string, replicas int32) string {
		m, err := newManifest(workload.Deployment.GroupVersionKind, localized(d, &replicas), identity)
		if err != nil {
			t.Fatal(err)
		}
		if ptr.Deref(m.replicas, -1) != replicas {
			t.Errorf("of %d replicas the manifest says %v", replicas, m.replicas)
		}
		return m.digest
	}
	want := digest(base(), "f", 4)
	for _, tt := range []struct {
		name   string
		change func(*appsv1.Deployment)
		same   bool
	}{
		{"status", func(d *appsv1.Deployment) { d.Status.Replicas = 9 }, true},
		{"resource version", func(d *appsv1.Deployment) { d.ResourceVersion = "99" }, true},
		{"managed fields", func(d *appsv1.Deployment) { d.ManagedFields = nil }, true},
		{"last applied", func(d *appsv1.Deployment) { delete(d.Annotations, corev1.LastAppliedConfigAnnotation) }, true},
		{"replicas of all clusters", func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](11) }, true},
		{"generation", func(d *appsv1.Deployment) { d.Generation++ }, false},
		{"a label", func(d *appsv1.Deployment) { d.Labels["a"] = "b" }, false},
		{"the template", func(d *appsv1.Deployment) { d.Spec.Template.Spec.NodeName = "x" }, false},
		{"another object of the name", func(d *appsv1.Deployment) { d.UID = "uid-2" }, false},
	} {
		d := base()
		tt.change(d)
		if got := digest(d, "f", 4); (got == want) != tt.same {
			t.Errorf("%s: the digest is the same: %v, want %v", tt.name, got == want, tt.same)
		}
	}
	if digest(base(), "f", 5) != want {
		t.Error("other replicas alone have another digest")
	}
	if digest(base(), "g", 4) == want {
		t.Error("another federation has the same digest")
	}
}

func TestAssignment(t *testing.T) {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{UID: "uid-1", Generation: 3}}
	placed := func(uid string, generation int64) *v1alpha1.Placement {
		return &v1alpha1.Placement{Spec: v1alpha1.PlacementSpec{
			Workload: v1alpha1.WorkloadReference{UID: uid}, WorkloadGeneration: generation, Clusters: []v1alpha1.ClusterAssignment{{Name: "east", Replicas: ptr.To[int32](4)}},
		}}
	}
	for _, tt := range []struct {
		name      string
		placement *v1alpha1.Placement
		cluster   string
		assigned  bool
		decided   bool
	}{
		{"not decided", nil, "east", false, false},
		{"decided on an older generation", placed("uid-1", 2), "east", false, false},
		{"decided on another object of the name", placed("uid-0", 3), "east", false, false},
		{"assigned", placed("uid-1", 3), "east", true, true},
		{"decided against", placed("uid-1", 3), "west", false, true},
	} {
		got, decided := assignment(tt.placement, d, tt.cluster)
		if decided != tt.decided || (got != nil) != tt.assigned {
			t.Errorf("%s: assigned %v, decided %v", tt.name, got, decided)
		}
	}
}

func TestOutcomes(t *testing.T) {
	web, api := workload.Key{Kind: workload.Deployment, Namespace: "default", Name: "web"}, workload.Key{Kind: workload.Deployment, Namespace: "default", Name: "api"}
	conflict := Outcome{Reason: "Conflict", Message: "in the way"}
	var told []string
	o := NewOutcomes()
	o.OnChange(func(key workload.Key) {
		told = append(told, key.Name)
		o.Of("east", key) // asking back must not hang
	})
	for i, step := range []struct {
		cluster string
		key     workload.Key
		outcome Outcome
		isNew   bool
	}{
		{"east", web, Outcome{}, false}, // all is well, as it was
		{"east", web, conflict, true},
		{"east", web, conflict, false},
		{"west", web, conflict, true},
		{"east", api, conflict, true},
		{"east", web, Outcome{Reason: "SyncFailed"}, true},
		{"east", web, Outcome{}, true},
		{"nowhere", web, Outcome{}, false},
	} {
		if got := o.record(step.cluster, step.key, step.outcome); got != step.isNew {
			t.Errorf("step %d is new: %v, want %v", i, got, step.isNew)
		}
		if got := o.Of(step.cluster, step.key); got != step.outcome {
			t.Errorf("step %d: outcome %+v", i, got)
		}
	}
	if diff := cmp.Diff([]string{"web", "web", "api", "web", "web"}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	o.forget("east")
	if o.Of("east", api) != (Outcome{}) || o.Of("west", web) != conflict {
		t.Error("forgot too much or too little")
	}
}

// TestRequest has requests say more than the manifest, whose digest they keep.
func TestRequest(t *testing.T) {
	m, err := newManifest(workload.Deployment.GroupVersionKind, &appsv1.Deployment{ObjectMeta: written()}, "federation-1")
	if err != nil {
		t.Fatal(err)
	}
	type fields struct {
		Metadata struct {
			ResourceVersion string
			Annotations     map[string]string
		}
		Spec struct{ Replicas *int32 }
	}
	for _, tt := range []struct {
		name          string
		scaled        *int32
		starts, makes bool
		wantReplicas  *int32
		wantVersion   string
	}{
		{name: "a change"},
		{name: "an autoscaler has it", scaled: ptr.To[int32](3)},
		{name: "an autoscaler is to have it", scaled: ptr.To[int32](3), starts: true, wantReplicas: ptr.To[int32](3)},
		{name: "made", makes: true, starts: true, wantVersion: unusedVersion},
		{name: "made for an autoscaler", scaled: ptr.To[int32](3), makes: true, starts: true, wantReplicas: ptr.To[int32](3), wantVersion: unusedVersion},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := desired{manifest: m, scaled: tt.scaled}
			request, err := want.request(tt.starts, tt.makes)
			if err != nil {
				t.Fatal(err)
			}
			var got fields
			if err := json.Unmarshal(request, &got); err != nil {
				t.Fatal(err)
			}
			if got.Metadata.ResourceVersion != tt.wantVersion || !ptr.Equal(got.Spec.Replicas, tt.wantReplicas) || got.Metadata.Annotations[v1alpha1.AnnotationDigest] != m.digest {
				t.Errorf("got %s", request)
			}
		})
	}
}
