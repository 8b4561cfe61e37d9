// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
	annotations := map[string]string{}
	for key, value := range marks(federated, q.controller.identity) {
		annotations[key] = fmt.Sprint(value)
	}
	ctx, cancel := context.WithTimeout(ctx, members.RequestTimeout)
	defer cancel()
	_, err = q.member.Client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: name, Labels: map[string]string{v1alpha1.LabelManaged: "true"}, Annotations: annotations,
	}}, metav1.CreateOptions{FieldManager: v1alpha1.FieldManager})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.namespaces[name] = true
	return nil
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
