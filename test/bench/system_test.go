//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
)

const (
	// workers write to one API server at once, in every system. It is what Drover has for a member.
	workers = 16
	// requestTimeout is the most one request may take, in every system; also what Drover has.
	requestTimeout = 10 * time.Second
	// patience is how long anything waited for may take. It only passes when something is wrong.
	patience = 3 * time.Minute
	// replicas is how many a Deployment has in each cluster, before they are changed.
	replicas = 3
	// systemLabel tells which system a Deployment is there for.
	systemLabel = "bench.drover.dev/system"
)

// system is a way to have Deployments in all clusters. What it does in the clusters it does after the call has returned.
type system interface {
	name() string
	// create returns once the Deployments are the system's to bring, and when that was.
	create(ctx context.Context, deployments []*appsv1.Deployment) (time.Time, error)
	// change gives each cluster another number of replicas of each Deployment.
	change(ctx context.Context, names []string) error
	// remove takes them out of all clusters again, and what was changed for them back.
	remove(ctx context.Context, names []string) error
}

// cluster is where Deployments are to be.
type cluster struct {
	name   string
	client kubernetes.Interface
	view   *view
}

// newCluster connects the bounds to a cluster, the way Drover does: protobuf, and no rate limit.
func newCluster(ctx context.Context, name string, config *rest.Config) (*cluster, error) {
	client, err := connect(config)
	if err != nil {
		return nil, err
	}
	v, err := newView(ctx, name, client)
	return &cluster{name: name, client: client, view: v}, err
}

func connect(config *rest.Config) (kubernetes.Interface, error) {
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	return kubernetes.NewForConfig(config)
}

// parallel does something for 0 to n-1, so many at once, each within the time for a request. The first failure ends it.
func parallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	workqueue.ParallelizeUntil(ctx, workers, n, func(i int) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		if err := do(ctx, i); err != nil {
			fail(err)
		}
	})
	return context.Cause(ctx)
}

// series makes Deployments with names of their own, for a system.
type series struct{ count int }

// next are n more. They are paused: the members keep them and start nothing, so that what is measured is not what pods cost.
func (s *series) next(of system, n int) (deployments []*appsv1.Deployment, names []string) {
	for range n {
		s.count++
		name := fmt.Sprintf("%s-%d", of.name(), s.count)
		deployments, names = append(deployments, deployment(of, name)), append(names, name)
	}
	return deployments, names
}

func deployment(of system, name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: metav1.NamespaceDefault, Labels: map[string]string{"app": name, systemLabel: of.name()}},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](replicas),
			Paused:   true,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
			},
		},
	}
}

// expectations wait for several clusters.
type expectations []*expectation

func expect(clusters []*cluster, names []string, meets condition) (out expectations) {
	for _, c := range clusters {
		out = append(out, c.view.expect(names, meets))
	}
	return out
}

// last waits, and returns when the last of the clusters had the last of the Deployments as expected.
func (e expectations) last(b *testing.B) (last time.Time) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	for _, one := range e {
		at, err := one.wait(ctx)
		if err != nil {
			b.Fatal(err)
		}
		if at.After(last) {
			last = at
		}
	}
	return last
}
