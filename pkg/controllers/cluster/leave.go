// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// leave lets go of a cluster whose Cluster is being deleted: the workloads there stay, Drover's marks and rights go.
func (c *Controller) leave(ctx context.Context, cluster *v1alpha1.Cluster) (time.Duration, error) {
	if !slices.Contains(cluster.Finalizers, v1alpha1.FinalizerLeave) {
		return 0, nil
	}
	if cluster.Annotations[v1alpha1.AnnotationForceLeave] != "true" {
		if err := c.cleanUp(ctx, cluster); err != nil {
			return retryInterval, c.reportLeaving(ctx, cluster, err)
		}
	}
	ref := cluster.Spec.CredentialsSecret
	secret, err := c.secrets.Secrets(ref.Namespace).Get(ref.Name)
	if err == nil && secret.Labels[v1alpha1.LabelCluster] == cluster.Name {
		err = c.kube.CoreV1().Secrets(ref.Namespace).Delete(ctx, ref.Name, metav1.DeleteOptions{Preconditions: metav1.NewUIDPreconditions(string(secret.UID))})
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return 0, fmt.Errorf("delete the cluster's credentials: %w", err)
	}
	updated := cluster.DeepCopy()
	updated.Finalizers = slices.DeleteFunc(updated.Finalizers, func(f string) bool { return f == v1alpha1.FinalizerLeave })
	_, err = c.client.FederationV1alpha1().Clusters().Update(ctx, updated, metav1.UpdateOptions{})
	return 0, err
}

// cleanUp removes what Drover put into the member, but not the workloads.
func (c *Controller) cleanUp(ctx context.Context, cluster *v1alpha1.Cluster) error {
	member, err := c.connect(cluster)
	if err != nil {
		return err
	}
	// From here on nobody else writes there: the set has no such member any more. Its clients still work.
	c.set.Disconnect(cluster.Name)
	if _, err := member.Probe(ctx); err != nil {
		return err
	}
	released, err := member.ReleaseAll(ctx, c.identity)
	if err != nil {
		return err
	}
	klog.FromContext(ctx).Info("Released the objects of a cluster that leaves", "cluster", cluster.Name, "objects", released)
	return member.RemoveAccess(ctx)
}

// reportLeaving says in a condition what keeps a cluster from leaving.
func (c *Controller) reportLeaving(ctx context.Context, cluster *v1alpha1.Cluster, cause error) error {
	_, message := explain(cluster, cause)
	updated := cluster.DeepCopy()
	changed := meta.SetStatusCondition(&updated.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionLeaving, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonCleanUpFailed,
		Message:            message + "; if the cluster no longer exists, let go of it with kubectl drover unjoin --force",
		ObservedGeneration: cluster.Generation,
	})
	if !changed {
		return nil
	}
	c.events.Event(cluster, corev1.EventTypeWarning, v1alpha1.ReasonCleanUpFailed, message)
	_, err := c.client.FederationV1alpha1().Clusters().UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	return err
}

// renewToken has the member issue a new token before the old one ends.
func (c *Controller) renewToken(ctx context.Context, cluster *v1alpha1.Cluster, member *members.Member) error {
	ref := cluster.Spec.CredentialsSecret
	secret, err := c.secrets.Secrets(ref.Namespace).Get(ref.Name)
	if err != nil {
		return err
	}
	expires, err := time.Parse(time.RFC3339, secret.Annotations[v1alpha1.AnnotationTokenExpires])
	if err != nil || expires.Sub(c.now()) > members.TokenLifetime*2/3 {
		return nil // not ours to renew, or young enough
	}
	token, expires, err := member.NewToken(ctx)
	if err != nil {
		return err
	}
	updated := secret.DeepCopy()
	updated.Data[corev1.ServiceAccountTokenKey] = []byte(token)
	updated.Annotations[v1alpha1.AnnotationTokenExpires] = expires.UTC().Format(time.RFC3339)
	_, err = c.kube.CoreV1().Secrets(ref.Namespace).Update(ctx, updated, metav1.UpdateOptions{})
	return err
}
