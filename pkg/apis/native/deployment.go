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
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var deployments = func() kind.Kind {
	k := ident(appsv1.SchemeGroupVersion, "Deployment", "deployments", "deployment", "deploy")
	k.Categories = []string{"all"}
	k.New = func() runtime.Object { return &appsv1.Deployment{} }
	k.NewList = func() runtime.Object { return &appsv1.DeploymentList{} }
	k.Status = kind.Of(func(d *appsv1.Deployment) any { return &d.Status })
	k.Spec = kind.Of(func(d *appsv1.Deployment) any { return &d.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Default = kind.On(setDeploymentDefaults)
	k.Validate = kind.OfBoth(validateDeployment)
	k.Scale = scale(func(d *appsv1.Deployment) **int32 { return &d.Spec.Replicas }, func(d *appsv1.Deployment) int32 { return d.Status.Replicas }, deploymentSelector)
	k.Columns = []kind.Column{
		{Name: "Ready", Type: "string", Description: "Ready replicas of those asked for, over all clusters.", Value: kind.Of(func(d *appsv1.Deployment) any {
			return fmt.Sprintf("%d/%d", d.Status.ReadyReplicas, ptr.Deref(d.Spec.Replicas, 0))
		})},
		{Name: "Up-to-date", Type: "string", Description: "Replicas of the current template.", Value: kind.Of(func(d *appsv1.Deployment) any { return int64(d.Status.UpdatedReplicas) })},
		{Name: "Available", Type: "string", Description: "Replicas that have been ready for minReadySeconds.", Value: kind.Of(func(d *appsv1.Deployment) any { return int64(d.Status.AvailableReplicas) })},
		{Name: "Clusters", Type: "string", Description: "Replicas placed on each cluster.", Clusters: true},
	}
	k.Columns = append(k.Columns, podColumns(deploymentTemplate, deploymentSelector)...)
	return k
}()

func deploymentTemplate(d *appsv1.Deployment) *corev1.PodTemplateSpec { return &d.Spec.Template }
func deploymentSelector(d *appsv1.Deployment) *metav1.LabelSelector   { return d.Spec.Selector }

func setDeploymentDefaults(d *appsv1.Deployment) {
	setReplicasDefault(&d.Spec.Replicas)
	setPodTemplateDefaults(&d.Spec.Template)
	setHistoryLimitDefault(&d.Spec.RevisionHistoryLimit)
	strategy := &d.Spec.Strategy
	if strategy.Type == "" {
		strategy.Type = appsv1.RollingUpdateDeploymentStrategyType
	}
	if strategy.Type != appsv1.RollingUpdateDeploymentStrategyType {
		return
	}
	if strategy.RollingUpdate == nil {
		strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{}
	}
	for _, bound := range []**intstr.IntOrString{&strategy.RollingUpdate.MaxUnavailable, &strategy.RollingUpdate.MaxSurge} {
		if *bound == nil {
			*bound = ptr.To(intstr.FromString("25%"))
		}
	}
}

// validateStrategy checks how pods are replaced.
func validateStrategy(s *appsv1.DeploymentStrategy, path *field.Path) field.ErrorList {
	switch s.Type {
	case appsv1.RecreateDeploymentStrategyType:
		if s.RollingUpdate != nil {
			return field.ErrorList{field.Forbidden(path.Child("rollingUpdate"), "may not be specified when strategy `type` is '"+string(s.Type)+"'")}
		}
	case appsv1.RollingUpdateDeploymentStrategyType:
	default:
		return field.ErrorList{field.NotSupported(path, s, []appsv1.DeploymentStrategyType{appsv1.RecreateDeploymentStrategyType, appsv1.RollingUpdateDeploymentStrategyType})}
	}
	return nil
}

func validateDeployment(d, old *appsv1.Deployment) field.ErrorList {
	spec := field.NewPath("spec")
	errs := apivalidation.ValidateNonnegativeField(int64(ptr.Deref(d.Spec.Replicas, 0)), spec.Child("replicas"))
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(d.Spec.MinReadySeconds), spec.Child("minReadySeconds"))...)
	errs = append(errs, validateTemplateSelector(d.Spec.Selector, d.Spec.Template.Labels, "Deployment", spec)...)
	errs = append(errs, validateServingTemplate(&d.Spec.Template, "Deployment", spec.Child("template"))...)
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(ptr.Deref(d.Spec.RevisionHistoryLimit, 0)), spec.Child("revisionHistoryLimit"))...)
	errs = append(errs, validateStrategy(&d.Spec.Strategy, spec.Child("strategy"))...)
	if old != nil {
		errs = append(errs, validateUnchanged(d.Spec.Selector, old.Spec.Selector, spec.Child("selector"))...)
	}
	return errs
}
