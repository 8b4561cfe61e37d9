// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// newUnscheduled watches the pods of a member that have no node, which are few. They are not labelled as managed: their
// owners are.
func newUnscheduled(client kubernetes.Interface) cache.SharedIndexInformer {
	waiting := func(o *metav1.ListOptions) {
		o.FieldSelector = fields.SelectorFromSet(fields.Set{"spec.nodeName": "", "status.phase": string(corev1.PodPending)}).String()
	}
	return informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(waiting), informers.WithTransform(trim)).
		Core().V1().Pods().Informer()
}

// trimPod keeps whose a pod is, and whether the scheduler has given up on it for now.
func trimPod(pod *corev1.Pod) {
	hash := pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
	pod.ObjectMeta = metav1.ObjectMeta{
		Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID, ResourceVersion: pod.ResourceVersion, OwnerReferences: pod.OwnerReferences,
	}
	if hash != "" {
		pod.Labels = map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: hash}
	}
	status := corev1.PodStatus{Phase: pod.Status.Phase}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled {
			c.Message = ""
			status.Conditions = []corev1.PodCondition{c}
		}
	}
	pod.Spec, pod.Status = corev1.PodSpec{}, status
}

// Unschedulable counts the pods of a workload that the member's scheduler finds no node for, and says since when it has
// found none for the first of them.
func (m *Member) Unschedulable(kind, namespace, name string) (pods int32, since time.Time) {
	found, err := m.informers[Pods].GetIndexer().ByIndex(byOwner, ownerKey(kind, namespace, name))
	if err != nil {
		return 0, since
	}
	for _, item := range found {
		for _, c := range item.(*corev1.Pod).Status.Conditions {
			if c.Status != corev1.ConditionFalse || c.Reason != corev1.PodReasonUnschedulable {
				continue
			}
			pods++
			if at := c.LastTransitionTime.Time; since.IsZero() || at.Before(since) {
				since = at
			}
		}
	}
	return pods, since
}

// byOwner indexes pods by the workloads they belong to.
const byOwner = "owner"

func ownerKey(kind, namespace, name string) string { return kind + "/" + namespace + "/" + name }

func indexByOwner(obj any) ([]string, error) {
	pod := obj.(metav1.Object)
	var out []string
	for _, owner := range Owners(pod) {
		out = append(out, ownerKey(owner.Kind, pod.GetNamespace(), owner.Name))
	}
	return out, nil
}

// Owners are the workloads that a pod belongs to: the object that controls it and, where that is a ReplicaSet that a
// Deployment made, the Deployment.
func Owners(pod metav1.Object) []metav1.OwnerReference {
	controller := metav1.GetControllerOf(pod)
	if controller == nil {
		return nil
	}
	out := []metav1.OwnerReference{*controller}
	hash := pod.GetLabels()[appsv1.DefaultDeploymentUniqueLabelKey]
	if name, ok := strings.CutSuffix(controller.Name, "-"+hash); ok && hash != "" && controller.Kind == "ReplicaSet" {
		out = append(out, metav1.OwnerReference{APIVersion: controller.APIVersion, Kind: "Deployment", Name: name})
	}
	return out
}
