// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"context"
	"errors"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// recordDeployment keeps the revisions of a Deployment as ReplicaSets.
func (c *Controller) recordDeployment(ctx context.Context, obj workload.Object, records []workload.Object) error {
	d := obj.(*appsv1.Deployment)
	sets := make([]*appsv1.ReplicaSet, len(records))
	for i, record := range records {
		sets[i] = record.(*appsv1.ReplicaSet)
	}
	todo := planReplicaSets(d, sets)
	client := c.kube.AppsV1().ReplicaSets(d.Namespace)
	if todo.create != nil {
		if err := c.createReplicaSet(ctx, d, todo.create); err != nil {
			return err
		}
	}
	var errs []error
	for _, set := range todo.update {
		_, err := client.Update(ctx, set, metav1.UpdateOptions{})
		errs = append(errs, workload.IgnoreNotFound(err))
	}
	for _, set := range todo.report {
		_, err := client.UpdateStatus(ctx, set, metav1.UpdateOptions{})
		errs = append(errs, workload.IgnoreNotFound(err))
	}
	for _, set := range todo.remove {
		errs = append(errs, c.remove(ctx, replicaSets, set))
	}
	if todo.revision != "" && todo.revision != d.Annotations[v1alpha1.AnnotationRevision] {
		errs = append(errs, c.patchMetadata(ctx, workload.Deployment.Resource, d, map[string]any{"annotations": map[string]any{v1alpha1.AnnotationRevision: todo.revision}}))
	}
	return errors.Join(errs...)
}

func (c *Controller) createReplicaSet(ctx context.Context, d *appsv1.Deployment, set *appsv1.ReplicaSet) error {
	client := c.kube.AppsV1().ReplicaSets(d.Namespace)
	return create(d, &d.Spec.Template, func(name, hash string) error {
		_, err := client.Create(ctx, withHash(set, name, hash), metav1.CreateOptions{})
		return err
	}, func(name string) (bool, error) {
		there, err := client.Get(ctx, name, metav1.GetOptions{})
		return err == nil && metav1.IsControlledBy(there, d) && sameTemplate(&there.Spec.Template, &d.Spec.Template), err
	})
}
