// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// A namespace is made with the labels and annotations that somebody gave it, besides Drover's marks, and nothing else.
func TestNamespaceFor(t *testing.T) {
	federated := &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{
			Name: "shop", UID: "u", ResourceVersion: "5", Finalizers: []string{"somebody.example.com/waits"},
			Labels:      map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
			Annotations: map[string]string{"team": "red", corev1.LastAppliedConfigAnnotation: "{}", v1alpha1.AnnotationImportedFrom: "a"},
		},
		Spec:   corev1.NamespaceSpec{Finalizers: []corev1.FinalizerName{corev1.FinalizerKubernetes}},
		Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive},
	}
	got, err := namespaceFor(federated, "id")
	want := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   "shop",
		Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted", v1alpha1.LabelManaged: "true"},
		Annotations: map[string]string{
			"team": "red", v1alpha1.AnnotationFederation: "id", v1alpha1.AnnotationSourceUID: "u", v1alpha1.AnnotationSourceGeneration: "0",
		},
	}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("error %v; namespace (-want +got):\n%s", err, diff)
	}
}
