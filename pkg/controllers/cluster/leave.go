// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
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

// leave lets go of a cluster whose Cluster is being deleted: the workloads there stay, or go if that was asked for, and
// Drover's marks and rights go.
func (c *Controller) leave(ctx context.Context, cluster *v1alpha1.Cluster) (time.Duration, error) {
	if !slices.Contains(cluster.Finalizers, v1alpha1.FinalizerLeave) {
		return 0, nil
	}
	cluster = cluster.DeepCopy()
	// Before anything else: nobody is to write there, or delete, any more.
	c.set.Disconnect(cluster.Name)
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

// cleanUp removes what Drover put into the member: the workloads only if that was asked for.
func (c *Controller) cleanUp(ctx context.Context, cluster *v1alpha1.Cluster) error {
	member, err := c.connect(cluster)
	c.set.Disconnect(cluster.Name) // its clients still work
	if err == nil {
		_, err = member.Probe(ctx)
	}
	if err != nil {
		var credentials *credentialsError
		if wasReleased(cluster) && (errors.As(err, &credentials) || apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err)) {
			return nil // cut short after the access was removed, which is the last thing to do there
		}
		return err
	}
	if _, err := member.SettleAll(ctx, c.identity, cluster.Status.Owed); err != nil {
		return err
	}
	became := "released"
	if cluster.Annotations[v1alpha1.AnnotationLeaveDeletes] == "true" {
		became = "deleted"
		if _, err := member.DeleteAll(ctx, c.identity); err != nil {
			return err
		}
	}
	released, err := member.ReleaseAll(ctx, c.identity) // what is on its way out, and namespaces, if the others are deleted
	if err != nil {
		return err
	}
	klog.FromContext(ctx).Info("Released the objects of a cluster that leaves", "cluster", cluster.Name, "objects", released)
	if err := c.setLeaving(ctx, cluster, metav1.ConditionTrue, v1alpha1.ReasonReleased, "what Drover ran there is "+became+"; Drover's access is being removed"); err != nil {
		return err
	}
	return member.RemoveAccess(ctx)
}

func wasReleased(cluster *v1alpha1.Cluster) bool {
	leaving := meta.FindStatusCondition(cluster.Status.Conditions, v1alpha1.ConditionLeaving)
	return leaving != nil && leaving.Reason == v1alpha1.ReasonReleased
}

// reportLeaving says in a condition what keeps a cluster from leaving.
func (c *Controller) reportLeaving(ctx context.Context, cluster *v1alpha1.Cluster, cause error) error {
	if wasReleased(cluster) {
		return nil // said already, and to be remembered
	}
	_, message := explain(cluster, cause)
	return c.setLeaving(ctx, cluster, metav1.ConditionFalse, v1alpha1.ReasonCleanUpFailed,
		message+"; if the cluster no longer exists, let go of it with kubectl drover unjoin --force")
}

func (c *Controller) setLeaving(ctx context.Context, cluster *v1alpha1.Cluster, status metav1.ConditionStatus, reason, message string) error {
	updated := cluster.DeepCopy()
	changed := meta.SetStatusCondition(&updated.Status.Conditions, metav1.Condition{
		Type: v1alpha1.ConditionLeaving, Status: status, Reason: reason, Message: message, ObservedGeneration: cluster.Generation,
	})
	if !changed {
		return nil
	}
	if status == metav1.ConditionFalse {
		c.events.Event(cluster, corev1.EventTypeWarning, reason, message)
	}
	written, err := c.client.FederationV1alpha1().Clusters().UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	if err == nil {
		*cluster = *written // a copy of the caller's: what is written next is written onto this
	}
	return err
}

// renewToken has the member issue a new token before the old one ends.
func (c *Controller) renewToken(ctx context.Context, cluster *v1alpha1.Cluster, member *members.Member) error {
	ref := cluster.Spec.CredentialsSecret
	secret, err := c.secrets.Secrets(ref.Namespace).Get(ref.Name)
	if err != nil {
		return err
	}
	if _, ours := secret.Annotations[v1alpha1.AnnotationTokenExpires]; !ours || !members.TokenAged(string(secret.Data[corev1.ServiceAccountTokenKey]), c.now()) {
		return nil
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
