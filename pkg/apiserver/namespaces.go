// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// systemNamespaces are there from the start.
var systemNamespaces = []string{metav1.NamespaceDefault, v1alpha1.SystemNamespace}

// ensureSystemNamespaces creates the namespaces that are always there, and holds readiness until they are.
func ensureSystemNamespaces(hook genericapiserver.PostStartHookContext) error {
	client, err := kubernetes.NewForConfig(hook.LoopbackClientConfig)
	if err != nil {
		return err
	}
	return wait.PollUntilContextCancel(hook, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		for _, name := range systemNamespaces {
			_, err := client.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
			if err != nil && !apierrors.IsAlreadyExists(err) {
				klog.FromContext(ctx).Info("Namespace not created yet, trying again", "namespace", name, "error", err)
				return false, nil
			}
		}
		return true, nil
	})
}
