// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var daemonSets = func() kind.Kind {
	k := ident(appsv1.SchemeGroupVersion, "DaemonSet", "daemonsets", "daemonset", "ds")
	k.Categories = []string{"all"}
	k.New = func() runtime.Object { return &appsv1.DaemonSet{} }
	k.NewList = func() runtime.Object { return &appsv1.DaemonSetList{} }
	k.Status = kind.Of(func(d *appsv1.DaemonSet) any { return &d.Status })
	k.Spec = kind.Of(func(d *appsv1.DaemonSet) any { return &d.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Default = kind.On(setDaemonSetDefaults)
	k.Validate = kind.OfBoth(validateDaemonSet)
	count := func(of func(appsv1.DaemonSetStatus) int32) func(runtime.Object) any {
		return kind.Of(func(d *appsv1.DaemonSet) any { return int64(of(d.Status)) })
	}
	k.Columns = []kind.Column{
		{Name: "Desired", Type: "integer", Description: "Nodes that are to run the pod, over all clusters.", Value: count(func(s appsv1.DaemonSetStatus) int32 { return s.DesiredNumberScheduled })},
		{Name: "Current", Type: "integer", Description: "Nodes that run the pod, of those that are to.", Value: count(func(s appsv1.DaemonSetStatus) int32 { return s.CurrentNumberScheduled })},
		{Name: "Ready", Type: "integer", Description: "Nodes where the pod is ready.", Value: count(func(s appsv1.DaemonSetStatus) int32 { return s.NumberReady })},
		{Name: "Up-to-date", Type: "integer", Description: "Nodes that run a pod of the current template.", Value: count(func(s appsv1.DaemonSetStatus) int32 { return s.UpdatedNumberScheduled })},
		{Name: "Available", Type: "integer", Description: "Nodes where the pod has been ready for minReadySeconds.", Value: count(func(s appsv1.DaemonSetStatus) int32 { return s.NumberAvailable })},
		{Name: "Node Selector", Type: "string", Description: "Labels of the nodes that are to run the pod.", Value: kind.Of(func(d *appsv1.DaemonSet) any {
			return labels.FormatLabels(d.Spec.Template.Spec.NodeSelector)
		})},
		{Name: "Clusters", Type: "string", Description: "Clusters the DaemonSet is in.", Clusters: true},
	}
	k.Columns = append(k.Columns, podColumns(
		func(d *appsv1.DaemonSet) *corev1.PodTemplateSpec { return &d.Spec.Template },
		func(d *appsv1.DaemonSet) *metav1.LabelSelector { return d.Spec.Selector })...)
	return k
}()

func setDaemonSetDefaults(d *appsv1.DaemonSet) {
	setPodTemplateDefaults(&d.Spec.Template)
	setHistoryLimitDefault(&d.Spec.RevisionHistoryLimit)
	if d.Spec.UpdateStrategy.Type == "" {
		d.Spec.UpdateStrategy.Type = appsv1.RollingUpdateDaemonSetStrategyType // kubectl rollout status wants to know
	}
}

func validateDaemonSet(d, old *appsv1.DaemonSet) field.ErrorList {
	spec := field.NewPath("spec")
	errs := apivalidation.ValidateNonnegativeField(int64(d.Spec.MinReadySeconds), spec.Child("minReadySeconds"))
	errs = append(errs, validateTemplateSelector(d.Spec.Selector, d.Spec.Template.Labels, "DaemonSet", spec)...)
	errs = append(errs, validateServingTemplate(&d.Spec.Template, "DaemonSet", spec.Child("template"))...)
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(ptr.Deref(d.Spec.RevisionHistoryLimit, 0)), spec.Child("revisionHistoryLimit"))...)
	switch d.Spec.UpdateStrategy.Type {
	case appsv1.RollingUpdateDaemonSetStrategyType, appsv1.OnDeleteDaemonSetStrategyType:
	default:
		errs = append(errs, field.NotSupported(spec.Child("updateStrategy", "type"), d.Spec.UpdateStrategy.Type,
			[]appsv1.DaemonSetUpdateStrategyType{appsv1.OnDeleteDaemonSetStrategyType, appsv1.RollingUpdateDaemonSetStrategyType}))
	}
	if old != nil {
		errs = append(errs, validateUnchanged(d.Spec.Selector, old.Spec.Selector, spec.Child("selector"))...)
	}
	return errs
}
