// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/native"
	"drover.dev/drover/pkg/controllers"
)

// withControllers runs all of Drover's controllers.
func withControllers(ctx context.Context, config *rest.Config) error {
	options := controllers.NewOptions()
	options.Identity = "test"
	return options.Run(ctx, config)
}

func TestNamespaceMustExist(t *testing.T) {
	eachKind(t, func(t *testing.T, s subject) {
		if !s.Namespaced {
			return
		}
		s.namespace = "missing"
		if _, err := s.client().Create(t.Context(), s.object(t, "orphan"), metav1.CreateOptions{}); !apierrors.IsNotFound(err) || !strings.Contains(err.Error(), `"missing" not found`) {
			t.Errorf("created in a namespace that does not exist: %v", err)
		}
		if _, err := s.client().Apply(t.Context(), "orphan", s.object(t, "orphan"), metav1.ApplyOptions{FieldManager: "test"}); !apierrors.IsNotFound(err) {
			t.Errorf("applied in a namespace that does not exist: %v", err)
		}
	})
}

// A new namespace can be used at once: nobody has to wait until a cache has seen it.
func TestNamespaceCanBeUsedAtOnce(t *testing.T) {
	f := api(t)
	for range 5 {
		if _, err := f.kube.CoreV1().ConfigMaps(f.namespace(t)).Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "first"}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSystemNamespaces(t *testing.T) {
	f := api(t)
	for _, name := range []string{"default", "drover-system"} {
		if _, err := f.kube.CoreV1().Namespaces().Get(t.Context(), name, metav1.GetOptions{}); err != nil {
			t.Errorf("not there from the start: %v", err)
		}
		if err := f.kube.CoreV1().Namespaces().Delete(t.Context(), name, metav1.DeleteOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("%s can be deleted: %v", name, err)
		}
	}
}

// The label that selects a namespace by its name always tells the truth.
func TestNamespaceIsLabelledWithItsName(t *testing.T) {
	f := api(t)
	name := f.namespace(t)
	got := must[*corev1.Namespace](t)(f.kube.CoreV1().Namespaces().Patch(t.Context(), name, types.MergePatchType, []byte(`{"metadata": {"labels": {"kubernetes.io/metadata.name": "drover-system"}}}`), metav1.PatchOptions{}))
	if got.Labels[corev1.LabelMetadataName] != name {
		t.Errorf("namespace %s is labelled as %s", name, got.Labels[corev1.LabelMetadataName])
	}
}

// While a namespace ends, nothing new comes into it, and its finalizer cannot be taken off but by who finalizes.
func TestTerminatingNamespace(t *testing.T) {
	f, ctx := api(t), t.Context()
	name, client := f.namespace(t), f.kube.CoreV1().Namespaces()
	before := must[*corev1.Namespace](t)(client.Get(ctx, name, metav1.GetOptions{}))
	if before.Status.Phase != corev1.NamespaceActive || before.Labels[corev1.LabelMetadataName] != name {
		t.Errorf("a new namespace is %s, with the labels %v", before.Status.Phase, before.Labels)
	}
	before.Spec.Finalizers = nil
	if got := must[*corev1.Namespace](t)(client.Update(ctx, before, metav1.UpdateOptions{})); len(got.Spec.Finalizers) != 1 {
		t.Error("an update takes the finalizer off")
	}
	if err := client.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	ending := must[*corev1.Namespace](t)(client.Get(ctx, name, metav1.GetOptions{}))
	if ending.Status.Phase != corev1.NamespaceTerminating || ending.DeletionTimestamp == nil {
		t.Errorf("a deleted namespace is %s", ending.Status.Phase)
	}
	eventually(t, "nothing new comes in", func() string {
		_, err := f.kube.CoreV1().ConfigMaps(name).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "late-"}}, metav1.CreateOptions{})
		if !apierrors.IsForbidden(err) || !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return "created"
		}
		return ""
	})
	if err := client.Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsConflict(err) {
		t.Errorf("deleted again: %v", err)
	}
}

// A namespace goes with all that is in it, of every kind.
func TestNamespaceIsEmptied(t *testing.T) {
	f, ctx := startFor(t, withControllers), t.Context()
	name := f.namespace(t)
	for _, k := range append(native.Kinds(), ownkinds.Kinds()...) {
		if !k.Namespaced {
			continue
		}
		s := subject{Kind: k, sample: samples[k.Kind], f: f, namespace: name}
		s.create(t, "content")
	}
	if err := f.kube.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace is gone", func() string {
		ns, err := f.kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return ""
		case err != nil:
			return err.Error()
		default:
			return "it is " + string(ns.Status.Phase)
		}
	})
	for _, k := range append(native.Kinds(), ownkinds.Kinds()...) {
		if !k.Namespaced {
			continue
		}
		list, err := f.dynamic.Resource(k.GroupVersionResource()).Namespace(name).List(ctx, metav1.ListOptions{})
		if err != nil || len(list.Items) > 0 {
			t.Errorf("%d %s are left, %v", len(list.Items), k.Resource, err)
		}
	}
}
