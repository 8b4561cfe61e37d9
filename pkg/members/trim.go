// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"bytes"
	"hash/fnv"
	"strconv"
	"strings"
	"unique"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// trim drops from an object read from a member what nobody here asks for, before it is cached: of many members with
// many objects each the caches are what fills memory.
func trim(obj any) (any, error) {
	m, err := meta.Accessor(obj)
	if err != nil {
		return obj, nil // a tombstone, passed through as it is
	}
	if pod, ok := obj.(*corev1.Pod); ok {
		trimPod(pod)
		return obj, nil
	}
	trimMetadata(m)
	switch o := obj.(type) {
	case *appsv1.Deployment:
		o.Spec = appsv1.DeploymentSpec{Replicas: o.Spec.Replicas}
		o.Status.Conditions = failed(o.Status.Conditions)
	case *appsv1.ReplicaSet:
		o.Spec = appsv1.ReplicaSetSpec{Replicas: o.Spec.Replicas}
	case *appsv1.StatefulSet:
		o.Spec = appsv1.StatefulSetSpec{Replicas: o.Spec.Replicas}
	case *appsv1.DaemonSet:
		o.Spec = appsv1.DaemonSetSpec{}
	case *batchv1.Job:
		o.Spec = batchv1.JobSpec{Completions: o.Spec.Completions, Parallelism: o.Spec.Parallelism}
		o.Status.UncountedTerminatedPods = nil
	case *batchv1.CronJob:
		o.Spec = batchv1.CronJobSpec{}
	case *corev1.Service:
		o.Spec = corev1.ServiceSpec{}
	case *corev1.ResourceQuota:
		o.Spec = corev1.ResourceQuotaSpec{}
	case *networkingv1.Ingress:
		o.Spec = networkingv1.IngressSpec{}
	case *autoscalingv2.HorizontalPodAutoscaler:
		o.Spec = autoscalingv2.HorizontalPodAutoscalerSpec{}
	case *policyv1.PodDisruptionBudget:
		o.Spec, o.Status.DisruptedPods = policyv1.PodDisruptionBudgetSpec{}, nil
	case *discoveryv1.EndpointSlice:
		for i := range o.Endpoints {
			o.Endpoints[i] = discoveryv1.Endpoint{Conditions: o.Endpoints[i].Conditions}
		}
	}
	return obj, nil
}

// onlyManaged are the labels of nearly every object. All objects that have no others share them.
var onlyManaged = map[string]string{v1alpha1.LabelManaged: "true"}

// trimMetadata keeps Drover's own marks, and which Service an EndpointSlice is of. What all objects have alike is kept once.
func trimMetadata(m metav1.Object) {
	m.SetNamespace(same(m.GetNamespace()))
	m.SetManagedFields(digestManagedFields(m.GetManagedFields()))
	service, sliced := m.GetLabels()[discoveryv1.LabelServiceName]
	switch managed, marked := m.GetLabels()[v1alpha1.LabelManaged]; {
	case sliced:
		m.SetLabels(map[string]string{discoveryv1.LabelServiceName: service, v1alpha1.LabelManaged: same(managed)})
	case marked && managed == onlyManaged[v1alpha1.LabelManaged]:
		m.SetLabels(onlyManaged)
	default:
		m.SetLabels(nil)
	}
	var kept map[string]string
	for key, value := range m.GetAnnotations() {
		if strings.HasPrefix(key, v1alpha1.GroupName+"/") {
			if kept == nil {
				kept = map[string]string{}
			}
			kept[same(key)] = value
		}
	}
	if federation, ok := kept[v1alpha1.AnnotationFederation]; ok {
		kept[v1alpha1.AnnotationFederation] = same(federation)
	}
	m.SetAnnotations(kept)
}

// failed are the conditions that say that a rollout was given up. All others of a Deployment follow from its numbers.
func failed(conditions []appsv1.DeploymentCondition) (out []appsv1.DeploymentCondition) {
	for _, c := range conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse {
			out = append(out, c)
		}
	}
	return out
}

// same is one string for all that are equal to it.
func same(s string) string { return unique.Make(s).Value() }

// digestManagedFields keeps one entry of Drover's own only, and of the fields in it a digest: enough to see them change.
// What is digested already stays as it is.
func digestManagedFields(entries []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	owned := ownedFields(entries)
	if owned == "" {
		return nil
	}
	return []metav1.ManagedFieldsEntry{{Manager: v1alpha1.FieldManager, Operation: metav1.ManagedFieldsOperationApply, FieldsType: same(owned)}}
}

func digestOf(e metav1.ManagedFieldsEntry) string {
	if e.FieldsV1 == nil {
		return e.FieldsType
	}
	return DigestFields(e.FieldsV1)
}

// DigestFields is the digest by which OwnedFields knows a set of fields.
func DigestFields(fields *metav1.FieldsV1) string {
	before, after, counted := bytes.Cut(fields.GetRawBytes(), replicasField)
	if counted && bytes.HasPrefix(after, []byte(",")) {
		after = after[1:]
	} else if counted {
		before = bytes.TrimSuffix(before, []byte(","))
	}
	h := fnv.New64a()
	h.Write(before)
	h.Write(after)
	digest := strconv.FormatUint(h.Sum64(), 36)
	if counted {
		digest += withReplicas
	}
	return digest
}

// withReplicas ends the digest of fields that spec.replicas is among, in place of replicasField: that may be owned by an
// apply request, or by one to the subresource scale.
const withReplicas = "+replicas"

// replicasField is spec.replicas in a set of fields: of what Drover applies, only a spec has one of that name.
var replicasField = []byte(`"f:replicas":{}`)

// OwnsReplicas says whether Drover owns spec.replicas of an object as a member returned it or a Member caches it.
func OwnsReplicas(obj metav1.Object) bool { return strings.HasSuffix(OwnedFields(obj), withReplicas) }

// OwnedFields is a digest of the fields that Drover owns in an object as a member returned it or a Member caches it.
// It changes when another writer takes one of them over. Empty if Drover owns none.
func OwnedFields(obj metav1.Object) string {
	return ownedFields(obj.GetManagedFields())
}

func ownedFields(entries []metav1.ManagedFieldsEntry) (owned string) {
	scaled := false
	for _, e := range entries {
		switch {
		case e.Manager != v1alpha1.FieldManager || e.Operation != metav1.ManagedFieldsOperationApply:
		case e.Subresource == "":
			owned = digestOf(e)
		default:
			scaled = scaled || e.FieldsV1 != nil && bytes.Contains(e.FieldsV1.GetRawBytes(), replicasField)
		}
	}
	if owned != "" && scaled && !strings.HasSuffix(owned, withReplicas) {
		owned += withReplicas
	}
	return owned
}
