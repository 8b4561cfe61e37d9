// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// bytesAnObject is what a managed object in a member may take in the cache.
const bytesAnObject = 2 << 10

// TestMemory reads Deployments as a member sends them into a cache as a Member's.
func TestMemory(t *testing.T) {
	const many = 20000
	store := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	before := heap()
	for i := range many {
		sent, err := deploymentOfAMember(i).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		received := &appsv1.Deployment{}
		if err := received.Unmarshal(sent); err != nil {
			t.Fatal(err)
		}
		kept, err := trim(received)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Add(kept); err != nil {
			t.Fatal(err)
		}
	}
	each := (heap() - before) / many
	t.Logf("%d bytes an object", each)
	if each > bytesAnObject {
		t.Errorf("a managed Deployment takes %d bytes, want at most %d", each, bytesAnObject)
	}
	runtime.KeepAlive(store)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// deploymentOfAMember is a Deployment as it is read from a member where it is available, with all that Drover and the
// member's controllers write.
func deploymentOfAMember(i int) *appsv1.Deployment {
	name := fmt.Sprintf("deployment-%d", i)
	uid := types.UID(fmt.Sprintf("0e2fba4a-9f3e-4d4f-a7d1-%012d", i))
	labels := map[string]string{"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "shop", "team": "checkout"}
	marked := map[string]string{v1alpha1.LabelManaged: "true"}
	for key, value := range labels {
		marked[key] = value
	}
	now := metav1.NewTime(time.Unix(1_700_000_000, 0))
	condition := func(of appsv1.DeploymentConditionType, reason, message string) appsv1.DeploymentCondition {
		return appsv1.DeploymentCondition{Type: of, Status: corev1.ConditionTrue, LastUpdateTime: now, LastTransitionTime: now, Reason: reason, Message: message}
	}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "shop", UID: uid, ResourceVersion: fmt.Sprint(100000 + i), Generation: 3, CreationTimestamp: now, Labels: marked,
			Annotations: map[string]string{
				v1alpha1.AnnotationFederation: "5a2fba4a-9f3e-4d4f-a7d1-000000000000", v1alpha1.AnnotationSourceUID: string(uid),
				v1alpha1.AnnotationSourceGeneration: "2", v1alpha1.AnnotationDigest: "2fzt7c1x0kq4z", "deployment.kubernetes.io/revision": "2",
			},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](3), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "registry.example.com/shop/web:v1.2.3", Env: []corev1.EnvVar{{Name: "LOG_LEVEL", Value: "info"}}}}},
			},
		},
		Status: appsv1.DeploymentStatus{
			ObservedGeneration: 3, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3,
			Conditions: []appsv1.DeploymentCondition{
				condition(appsv1.DeploymentAvailable, "MinimumReplicasAvailable", "Deployment has minimum availability."),
				condition(appsv1.DeploymentProgressing, "NewReplicaSetAvailable", fmt.Sprintf("ReplicaSet %q has successfully progressed.", name+"-6b7f6c8d9")),
			},
		},
	}
	owned, err := json.Marshal(map[string]any{"f:metadata": map[string]any{"f:labels": map[string]any{"f:team": struct{}{}}}, "f:spec": map[string]any{"f:replicas": struct{}{}}})
	if err != nil {
		panic(err)
	}
	d.ManagedFields = []metav1.ManagedFieldsEntry{
		{Manager: v1alpha1.FieldManager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: "apps/v1", Time: &now, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(owned))},
		{Manager: "kube-controller-manager", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "apps/v1", Time: &now, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(owned)), Subresource: "status"},
	}
	return d
}
