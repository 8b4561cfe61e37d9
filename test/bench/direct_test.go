//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	appsclient "k8s.io/client-go/kubernetes/typed/apps/v1"
	"k8s.io/client-go/util/workqueue"
)

// direct is the first bound: a loop that writes to the clusters. There is no federation that could be slower.
type direct struct {
	ctx      context.Context
	clusters []*cluster
	writing  sync.WaitGroup
}

func (d *direct) name() string { return "direct" }

func (d *direct) create(_ context.Context, deployments []*appsv1.Deployment) (time.Time, error) {
	began := time.Now()
	d.write(len(deployments), func(ctx context.Context, client appsclient.DeploymentInterface, i int) error {
		_, err := client.Create(ctx, deployments[i], metav1.CreateOptions{})
		return err
	})
	return began, nil
}

func (d *direct) change(_ context.Context, names []string) error {
	d.write(len(names), func(ctx context.Context, client appsclient.DeploymentInterface, i int) error {
		return setReplicas(ctx, client, names[i], 2*replicas)
	})
	return nil
}

func (d *direct) remove(_ context.Context, names []string) error {
	d.writing.Wait() // or what is created after all would stay
	d.write(len(names), func(ctx context.Context, client appsclient.DeploymentInterface, i int) error {
		return client.Delete(ctx, names[i], metav1.DeleteOptions{})
	})
	return nil
}

// write begins to do something n times in each cluster. What fails is tried again, as a cluster may be stopped.
func (d *direct) write(n int, do func(ctx context.Context, client appsclient.DeploymentInterface, i int) error) {
	for _, c := range d.clusters {
		client := c.client.AppsV1().Deployments(metav1.NamespaceDefault)
		d.writing.Go(func() {
			workqueue.ParallelizeUntil(d.ctx, workers, n, func(i int) {
				_ = wait.PollUntilContextCancel(d.ctx, retryInterval, true, func(ctx context.Context) (bool, error) {
					ctx, cancel := context.WithTimeout(ctx, requestTimeout)
					defer cancel()
					err := do(ctx, client, i)
					return err == nil || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err), nil
				}) // it only fails when all is over
			})
		})
	}
}

// retryInterval is the time between two tries, in both bounds.
const retryInterval = time.Second

func setReplicas(ctx context.Context, client appsclient.DeploymentInterface, name string, replicas int32) error {
	_, err := client.Patch(ctx, name, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas), metav1.PatchOptions{})
	return err
}
