// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet_test

import (
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"

	"drover.dev/drover/pkg/members"
	"drover.dev/drover/test/harness"
)

// TestKinds creates, reads, lists, changes and deletes an object of each kind: in JSON, and its metadata alone.
func TestKinds(t *testing.T) {
	c, _ := one(t)
	objects, err := dynamic.NewForConfig(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	metas, err := metadata.NewForConfig(c.Config())
	if err != nil {
		t.Fatal(err)
	}
	meta := metav1.ObjectMeta{Name: "it"}
	web := deployment("it", 1).Spec
	once := batchv1.JobSpec{Template: *web.Template.DeepCopy()}
	once.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	for resource, obj := range map[schema.GroupVersionResource]runtime.Object{
		members.Namespaces:      &corev1.Namespace{ObjectMeta: meta},
		members.ConfigMaps:      &corev1.ConfigMap{ObjectMeta: meta, Data: map[string]string{"a": "b"}},
		members.Secrets:         &corev1.Secret{ObjectMeta: meta, Data: map[string][]byte{"a": []byte("b")}},
		members.ServiceAccounts: &corev1.ServiceAccount{ObjectMeta: meta},
		members.Services:        service("it", corev1.ServiceTypeClusterIP),
		members.Deployments:     deployment("it", 1),
		members.Ingresses: &networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{
			Service: &networkingv1.IngressServiceBackend{Name: "it", Port: networkingv1.ServiceBackendPort{Number: 80}},
		}}},
		members.NetworkPolicies: &networkingv1.NetworkPolicy{ObjectMeta: meta, Spec: networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}}},
		members.ResourceQuotas:  &corev1.ResourceQuota{ObjectMeta: meta},
		members.LimitRanges:     &corev1.LimitRange{ObjectMeta: meta},
		members.ReplicaSets:     &appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{Selector: web.Selector, Template: web.Template}},
		members.StatefulSets:    &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{ServiceName: "it", Selector: web.Selector, Template: web.Template}},
		members.DaemonSets:      &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Selector: web.Selector, Template: web.Template}},
		members.Jobs:            &batchv1.Job{ObjectMeta: meta, Spec: once},
		members.CronJobs:        &batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{Schedule: "@hourly", JobTemplate: batchv1.JobTemplateSpec{Spec: once}}},
		members.HorizontalPodAutoscalers: &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: meta, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			MaxReplicas: 2, ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "it"},
		}},
		members.PodDisruptionBudgets:                                  &policyv1.PodDisruptionBudget{ObjectMeta: meta, Spec: policyv1.PodDisruptionBudgetSpec{Selector: web.Selector}},
		members.EndpointSlices:                                        &discoveryv1.EndpointSlice{ObjectMeta: meta, AddressType: discoveryv1.AddressTypeIPv4, Endpoints: []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}}}},
		corev1.SchemeGroupVersion.WithResource("nodes"):               &corev1.Node{ObjectMeta: meta},
		corev1.SchemeGroupVersion.WithResource("pods"):                &corev1.Pod{ObjectMeta: meta},
		rbacv1.SchemeGroupVersion.WithResource("roles"):               &rbacv1.Role{ObjectMeta: meta, Rules: members.TokenRules()},
		rbacv1.SchemeGroupVersion.WithResource("rolebindings"):        &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{Kind: "Role", Name: "it"}},
		rbacv1.SchemeGroupVersion.WithResource("clusterroles"):        &rbacv1.ClusterRole{ObjectMeta: meta, Rules: members.Rules()},
		rbacv1.SchemeGroupVersion.WithResource("clusterrolebindings"): &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "it"}},
	} {
		t.Run(resource.Resource, func(t *testing.T) {
			namespace := metav1.NamespaceDefault
			if resource == members.Namespaces || resource.Resource == "nodes" || resource.Resource[:3] == "clu" {
				namespace = ""
			}
			if err := lifeOf(t, objects.Resource(resource).Namespace(namespace), metas.Resource(resource).Namespace(namespace), obj, resource.Resource); err != nil {
				t.Error(err)
			}
		})
	}
}

func lifeOf(t *testing.T, objects dynamic.ResourceInterface, metas metadata.ResourceInterface, obj runtime.Object, label string) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return err
	}
	created, err := objects.Create(t.Context(), withKind(content, obj), metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	created.SetLabels(map[string]string{"seen": label})
	created.SetResourceVersion("") // its status may have changed meanwhile
	if _, err := objects.Update(t.Context(), created, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	if _, err := metas.Patch(t.Context(), "it", types.MergePatchType, []byte(`{"metadata":{"annotations":{"a":"b"}}}`), metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("patch metadata: %w", err)
	}
	got, err := metas.Get(t.Context(), "it", metav1.GetOptions{})
	if err != nil || got.Annotations["a"] != "b" || got.UID != created.GetUID() {
		return fmt.Errorf("get metadata: %v, %w", got, err)
	}
	list, err := metas.List(t.Context(), metav1.ListOptions{LabelSelector: "seen=" + label})
	if err != nil || len(list.Items) != 1 {
		return fmt.Errorf("list metadata: %v, %w", list, err)
	}
	if err := objects.Delete(t.Context(), "it", metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	harness.Eventually(t, patience, func() error {
		if _, err := metas.Get(t.Context(), "it", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("it was deleted, and there is %w", err)
		}
		return nil
	})
	return nil
}

// withKind is an object as a client sends it.
func withKind(content map[string]any, obj runtime.Object) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: content}
	kinds, _, _ := clientScheme.ObjectKinds(obj)
	u.SetGroupVersionKind(kinds[0])
	return u
}

// TestDiscovery reads what kubectl and clients read before anything else.
func TestDiscovery(t *testing.T) {
	_, client := one(t)
	lists, err := client.Discovery().ServerPreferredResourcesWithContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, list := range lists {
		for _, r := range list.APIResources {
			served[list.GroupVersion+" "+r.Name] = true
		}
	}
	for _, r := range append(members.Synced, members.EndpointSlices, members.Pods) {
		if !served[r.GroupVersion().String()+" "+r.Resource] {
			t.Errorf("%s is not among %v", r, served)
		}
	}
	version, err := client.Discovery().ServerVersionWithContext(t.Context())
	if err != nil || version.GitVersion != "v1.37.0" {
		t.Errorf("version %v, %v", version, err)
	}
	if body, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(t.Context()); err != nil || string(body) != "ok" {
		t.Errorf("readyz %q, %v", body, err)
	}
}

// TestUnscheduledPods selects pods by their fields, as Drover does for those that no node has been found for.
func TestUnscheduledPods(t *testing.T) {
	_, client := one(t)
	pods := client.CoreV1().Pods(metav1.NamespaceDefault)
	for name, node := range map[string]string{"waits": "", "runs": "cluster-0000-node-0"} {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{NodeName: node},
			Status: corev1.PodStatus{Phase: corev1.PodPending},
		}
		created, err := pods.Create(t.Context(), pod, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		created.Status = pod.Status
		if _, err := pods.UpdateStatus(t.Context(), created, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := pods.List(t.Context(), metav1.ListOptions{FieldSelector: "spec.nodeName=,status.phase=Pending"})
	if err != nil || len(list.Items) != 1 || list.Items[0].Name != "waits" {
		t.Errorf("pods without a node: %v, %v", list, err)
	}
}

// TestNamespaceLifecycle sees that nothing is made in a namespace that is not there, and that a namespace empties itself.
func TestNamespaceLifecycle(t *testing.T) {
	c, client := one(t)
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "it"}}
	if _, err := client.CoreV1().ConfigMaps("shop").Create(t.Context(), config, metav1.CreateOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("in a namespace that is not there: %v", err)
	}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	config.Finalizers = []string{"example.com/wait"}
	if _, err := client.CoreV1().ConfigMaps("shop").Create(t.Context(), config, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := client.CoreV1().Namespaces().Delete(t.Context(), "shop", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := client.CoreV1().Secrets("shop").Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "late"}}, metav1.CreateOptions{})
	if !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		t.Errorf("in a namespace that is being deleted: %v", err)
	}
	if ns, ok := c.Get("namespaces", "", "shop").(*corev1.Namespace); !ok || ns.Status.Phase != corev1.NamespaceTerminating {
		t.Errorf("with an object in it that has a finalizer, the namespace is %v", ns)
	}
	if _, err := client.CoreV1().ConfigMaps("shop").Patch(t.Context(), "it", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, func() error {
		if ns := c.Get("namespaces", "", "shop"); ns != nil {
			return fmt.Errorf("still there: %v", ns)
		}
		return nil
	})
}
