// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var statefulSets = func() kind.Kind {
	k := ident(appsv1.SchemeGroupVersion, "StatefulSet", "statefulsets", "statefulset", "sts")
	k.Categories = []string{"all"}
	k.New = func() runtime.Object { return &appsv1.StatefulSet{} }
	k.NewList = func() runtime.Object { return &appsv1.StatefulSetList{} }
	k.Status = kind.Of(func(s *appsv1.StatefulSet) any { return &s.Status })
	k.Spec = kind.Of(func(s *appsv1.StatefulSet) any { return &s.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Default = kind.On(setStatefulSetDefaults)
	k.ValidateName = validation.IsDNS1123Label // its pods have host names made of it
	k.Validate = kind.OfBoth(validateStatefulSet)
	k.Scale = scale(func(s *appsv1.StatefulSet) **int32 { return &s.Spec.Replicas }, func(s *appsv1.StatefulSet) int32 { return s.Status.Replicas },
		func(s *appsv1.StatefulSet) *metav1.LabelSelector { return s.Spec.Selector })
	k.Columns = []kind.Column{
		{Name: "Ready", Type: "string", Description: "Ready replicas of those asked for, over all clusters.", Value: kind.Of(func(s *appsv1.StatefulSet) any {
			return fmt.Sprintf("%d/%d", s.Status.ReadyReplicas, ptr.Deref(s.Spec.Replicas, 0))
		})},
		{Name: "Clusters", Type: "string", Description: "Replicas placed on each cluster.", Clusters: true},
	}
	k.Columns = append(k.Columns, templateColumns(func(s *appsv1.StatefulSet) *corev1.PodTemplateSpec { return &s.Spec.Template })...)
	return k
}()

func setStatefulSetDefaults(s *appsv1.StatefulSet) {
	setReplicasDefault(&s.Spec.Replicas)
	setPodTemplateDefaults(&s.Spec.Template)
	setHistoryLimitDefault(&s.Spec.RevisionHistoryLimit)
	if s.Spec.PodManagementPolicy == "" {
		s.Spec.PodManagementPolicy = appsv1.OrderedReadyPodManagement
	}
	if s.Spec.UpdateStrategy.Type == "" {
		s.Spec.UpdateStrategy.Type = appsv1.RollingUpdateStatefulSetStrategyType // kubectl rollout status wants to know
	}
}

func validateStatefulSet(s, old *appsv1.StatefulSet) field.ErrorList {
	spec := field.NewPath("spec")
	errs := apivalidation.ValidateNonnegativeField(int64(ptr.Deref(s.Spec.Replicas, 0)), spec.Child("replicas"))
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(s.Spec.MinReadySeconds), spec.Child("minReadySeconds"))...)
	if s.Spec.Ordinals != nil {
		errs = append(errs, apivalidation.ValidateNonnegativeField(int64(s.Spec.Ordinals.Start), spec.Child("ordinals", "start"))...)
	}
	if s.Spec.ServiceName != "" {
		for _, msg := range validation.IsDNS1123Label(s.Spec.ServiceName) {
			errs = append(errs, field.Invalid(spec.Child("serviceName"), s.Spec.ServiceName, msg))
		}
	}
	errs = append(errs, validateStatefulSetPolicies(&s.Spec, spec)...)
	errs = append(errs, validateTemplateSelector(s.Spec.Selector, s.Spec.Template.Labels, "StatefulSet", spec)...)
	errs = append(errs, validateServingTemplate(&s.Spec.Template, "StatefulSet", spec.Child("template"))...)
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(ptr.Deref(s.Spec.RevisionHistoryLimit, 0)), spec.Child("revisionHistoryLimit"))...)
	if old == nil {
		return errs
	}
	errs = append(errs, validateUnchanged(s.Spec.Selector, old.Spec.Selector, spec.Child("selector"))...)
	errs = append(errs, validateUnchanged(s.Spec.VolumeClaimTemplates, old.Spec.VolumeClaimTemplates, spec.Child("volumeClaimTemplates"))...)
	errs = append(errs, validateUnchanged(s.Spec.ServiceName, old.Spec.ServiceName, spec.Child("serviceName"))...)
	return append(errs, validateUnchanged(s.Spec.PodManagementPolicy, old.Spec.PodManagementPolicy, spec.Child("podManagementPolicy"))...)
}

func validateStatefulSetPolicies(s *appsv1.StatefulSetSpec, spec *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch s.PodManagementPolicy {
	case appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement:
	default:
		errs = append(errs, field.Invalid(spec.Child("podManagementPolicy"), s.PodManagementPolicy,
			fmt.Sprintf("must be '%s' or '%s'", appsv1.OrderedReadyPodManagement, appsv1.ParallelPodManagement)))
	}
	update, rolling := spec.Child("updateStrategy"), s.UpdateStrategy.RollingUpdate
	switch s.UpdateStrategy.Type {
	case appsv1.RollingUpdateStatefulSetStrategyType:
		if rolling != nil {
			errs = append(errs, validateNonnegative(rolling.Partition, update.Child("rollingUpdate", "partition"))...)
			errs = append(errs, validatePodCount(rolling.MaxUnavailable, update.Child("rollingUpdate", "maxUnavailable"))...)
		}
	case appsv1.OnDeleteStatefulSetStrategyType:
		if rolling != nil {
			errs = append(errs, field.Invalid(update.Child("rollingUpdate"), rolling,
				fmt.Sprintf("only allowed for updateStrategy '%s'", appsv1.RollingUpdateStatefulSetStrategyType)))
		}
	default:
		errs = append(errs, field.Invalid(update, s.UpdateStrategy,
			fmt.Sprintf("must be '%s' or '%s'", appsv1.RollingUpdateStatefulSetStrategyType, appsv1.OnDeleteStatefulSetStrategyType)))
	}
	return errs
}
