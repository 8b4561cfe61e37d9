// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bootstrap

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"
	"k8s.io/component-helpers/auth/rbac/reconciliation"
	"k8s.io/klog/v2"
)

// Ensure makes the roles and bindings, and adds to those that are there what they miss. What an operator added to one stays,
// and one that is annotated rbac.authorization.kubernetes.io/autoupdate: "false" is left alone. It tries until it succeeds
// or the context ends.
func Ensure(ctx context.Context, client kubernetes.Interface) error {
	return wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := reconcile(client); err != nil {
			klog.FromContext(ctx).Info("Roles not made yet, trying again", "error", err)
			return false, nil
		}
		return true, nil
	})
}

func reconcile(client kubernetes.Interface) error {
	roles := reconciliation.ClusterRoleModifier{Client: client.RbacV1().ClusterRoles()}
	for _, r := range Roles() {
		options := reconciliation.ReconcileRoleOptions{Role: reconciliation.ClusterRoleRuleOwner{ClusterRole: &r}, Client: roles, Confirm: true}
		if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			_, err := options.Run()
			return err
		}); err != nil {
			return fmt.Errorf("clusterrole %s: %w", r.Name, err)
		}
	}
	bindings := reconciliation.ClusterRoleBindingClientAdapter{Client: client.RbacV1().ClusterRoleBindings()}
	for _, b := range Bindings() {
		options := reconciliation.ReconcileRoleBindingOptions{RoleBinding: reconciliation.ClusterRoleBindingAdapter{ClusterRoleBinding: &b}, Client: bindings, Confirm: true}
		if err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
			_, err := options.Run()
			return err
		}); err != nil {
			return fmt.Errorf("clusterrolebinding %s: %w", b.Name, err)
		}
	}
	return nil
}
