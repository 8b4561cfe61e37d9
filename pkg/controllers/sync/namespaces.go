// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// ensureNamespace makes a namespace that is missing. One that is there already stays whose it is.
func (q *queue) ensureNamespace(ctx context.Context, name string) error {
	if name == "" || q.hasNamespace(name) {
		return nil
	}
	defer q.making.take(name)()
	if q.hasNamespace(name) {
		return nil // made while it was waited for
	}
	federated, err := q.controller.namespaces.Get(name)
	if err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	wanted, err := namespaceFor(federated, q.controller.identity)
	if err != nil {
		return fmt.Errorf("namespace %s: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, members.RequestTimeout)
	defer cancel()
	_, err = q.member.Client.CoreV1().Namespaces().Create(ctx, wanted, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.namespaces[name] = true
	return nil
}

// namespaceFor is a namespace of the federation as a member is to have it. Its labels say what may run in it, and who may
// reach it: there must be no moment without them.
func namespaceFor(federated *corev1.Namespace, identity string) (*corev1.Namespace, error) {
	ns := &corev1.Namespace{}
	return ns, runtime.DefaultUnstructuredConverter.FromUnstructured(map[string]any{"metadata": metadataOf(federated, identity)}, ns)
}

func (q *queue) hasNamespace(name string) bool {
	if q.member.Get(members.Namespaces, "", name) != nil {
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.namespaces[name]
}

func (q *queue) forgetNamespace(name string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.namespaces, name)
}
