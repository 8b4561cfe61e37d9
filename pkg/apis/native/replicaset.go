// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var replicaSets = func() kind.Kind {
	k := ident(appsv1.SchemeGroupVersion, "ReplicaSet", "replicasets", "replicaset", "rs")
	k.Categories = []string{"all"}
	k.New = func() runtime.Object { return &appsv1.ReplicaSet{} }
	k.NewList = func() runtime.Object { return &appsv1.ReplicaSetList{} }
	k.Status = kind.Of(func(r *appsv1.ReplicaSet) any { return &r.Status })
	k.Spec = kind.Of(func(r *appsv1.ReplicaSet) any { return &r.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Unplaced = kind.Of(IsRevision)
	k.Default = kind.On(setReplicaSetDefaults)
	k.Validate = kind.OfBoth(validateReplicaSet)
	k.Scale = scale(func(r *appsv1.ReplicaSet) **int32 { return &r.Spec.Replicas }, func(r *appsv1.ReplicaSet) int32 { return r.Status.Replicas }, replicaSetSelector)
	k.Columns = []kind.Column{
		{Name: "Desired", Type: "integer", Description: "Replicas asked for, over all clusters.", Value: kind.Of(func(r *appsv1.ReplicaSet) any { return int64(ptr.Deref(r.Spec.Replicas, 0)) })},
		{Name: "Current", Type: "integer", Description: "Replicas there are.", Value: kind.Of(func(r *appsv1.ReplicaSet) any { return int64(r.Status.Replicas) })},
		{Name: "Ready", Type: "integer", Description: "Replicas that are ready.", Value: kind.Of(func(r *appsv1.ReplicaSet) any { return int64(r.Status.ReadyReplicas) })},
		{Name: "Clusters", Type: "string", Description: "Replicas placed on each cluster.", Clusters: true},
	}
	k.Columns = append(k.Columns, podColumns(replicaSetTemplate, replicaSetSelector)...)
	return k
}()

// IsRevision says whether a ReplicaSet is a revision of a Deployment. It records what the Deployment was, and is placed
// nowhere: the clusters' own Deployments make ReplicaSets there.
func IsRevision(r *appsv1.ReplicaSet) bool {
	owner := metav1.GetControllerOf(r)
	return owner != nil && schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind).GroupKind() == deployments.GroupVersionKind.GroupKind()
}

func replicaSetTemplate(r *appsv1.ReplicaSet) *corev1.PodTemplateSpec { return &r.Spec.Template }
func replicaSetSelector(r *appsv1.ReplicaSet) *metav1.LabelSelector   { return r.Spec.Selector }

func setReplicaSetDefaults(r *appsv1.ReplicaSet) {
	setReplicasDefault(&r.Spec.Replicas)
	setPodTemplateDefaults(&r.Spec.Template)
}

func validateReplicaSet(r, old *appsv1.ReplicaSet) field.ErrorList {
	spec := field.NewPath("spec")
	errs := apivalidation.ValidateNonnegativeField(int64(ptr.Deref(r.Spec.Replicas, 0)), spec.Child("replicas"))
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(r.Spec.MinReadySeconds), spec.Child("minReadySeconds"))...)
	errs = append(errs, validateTemplateSelector(r.Spec.Selector, r.Spec.Template.Labels, "ReplicaSet", spec)...)
	errs = append(errs, validateServingTemplate(&r.Spec.Template, "ReplicaSet", spec.Child("template"))...)
	if old != nil {
		errs = append(errs, validateUnchanged(r.Spec.Selector, old.Spec.Selector, spec.Child("selector"))...)
	}
	return errs
}
