// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"

	"drover.dev/drover/pkg/apis/kind"
)

var namespaces = func() kind.Kind {
	k := ident(corev1.SchemeGroupVersion, "Namespace", "namespaces", "namespace", "ns")
	k.Namespaced = false
	k.New = func() runtime.Object { return &corev1.Namespace{} }
	k.NewList = func() runtime.Object { return &corev1.NamespaceList{} }
	k.Status = kind.Of(func(n *corev1.Namespace) any { return &n.Status })
	k.Fields = kind.Of(func(n *corev1.Namespace) fields.Set { return fields.Set{"status.phase": string(n.Status.Phase)} })
	k.Prepare = func(obj, old runtime.Object) { prepareNamespace(obj.(*corev1.Namespace), old) }
	k.ValidateName = validation.IsDNS1123Label
	k.Columns = []kind.Column{
		{Name: "Status", Type: "string", Description: "Active, or Terminating while its contents are deleted.", Value: kind.Of(func(n *corev1.Namespace) any { return string(n.Status.Phase) })},
	}
	return k
}()

// prepareNamespace gives a new namespace the finalizer that keeps it until its contents are gone. Updates cannot touch
// that: it has a subresource of its own, finalize.
func prepareNamespace(n *corev1.Namespace, old runtime.Object) {
	if n.Labels == nil {
		n.Labels = map[string]string{}
	}
	n.Labels[corev1.LabelMetadataName] = n.Name
	if previous, ok := old.(*corev1.Namespace); ok {
		n.Spec.Finalizers = previous.Spec.Finalizers
		return
	}
	n.Status = corev1.NamespaceStatus{Phase: corev1.NamespaceActive}
	n.Spec.Finalizers = []corev1.FinalizerName{corev1.FinalizerKubernetes}
}
