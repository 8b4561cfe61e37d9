// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
)

// namespaceLifecycle refuses what is created in namespaces that do not exist or are being deleted.
type namespaceLifecycle struct{}

var _ admission.ValidationInterface = namespaceLifecycle{}

func (namespaceLifecycle) Handles(operation admission.Operation) bool {
	return operation == admission.Create
}

func (namespaceLifecycle) Validate(ctx context.Context, a admission.Attributes, _ admission.ObjectInterfaces) error {
	name := a.GetNamespace()
	if name == "" || a.GetKind().GroupKind() == corev1.SchemeGroupVersion.WithKind("Namespace").GroupKind() {
		return nil
	}
	ns, ok := clusterOf(ctx).space.Get("namespaces", "", name).(*corev1.Namespace)
	if !ok {
		return apierrors.NewNotFound(corev1.Resource("namespaces"), name)
	}
	if ns.DeletionTimestamp.IsZero() {
		return nil
	}
	err := apierrors.NewForbidden(a.GetResource().GroupResource(), a.GetName(), fmt.Errorf("unable to create new content in namespace %s because it is being terminated", name))
	err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
		Type: corev1.NamespaceTerminatingCause, Message: fmt.Sprintf("namespace %s is being terminated", name), Field: "metadata.namespace",
	})
	return err
}
