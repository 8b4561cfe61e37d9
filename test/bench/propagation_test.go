//go:build bench

// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

// patience is how long one Deployment may take. It only passes when something is wrong.
const patience = 30 * time.Second

// BenchmarkPropagation measures from the moment the federation has acknowledged a Deployment to the moment the last of
// the members' API servers tells a watch that it has it too.
func BenchmarkPropagation(b *testing.B) {
	var arrivals, departures []<-chan sighting
	for _, m := range lab.members {
		added, deleted := watchDeployments(b, m.Client)
		arrivals, departures = append(arrivals, added), append(departures, deleted)
	}
	deployments := lab.federation.Kube.AppsV1().Deployments(metav1.NamespaceDefault)
	var took []time.Duration
	for b.Loop() {
		name := fmt.Sprintf("bench-%d", len(took))
		if _, err := deployments.Create(b.Context(), deployment(name), metav1.CreateOptions{}); err != nil {
			b.Fatal(err)
		}
		created := time.Now()
		took = append(took, lastOf(b, arrivals, name).Sub(created))

		b.StopTimer()
		if err := deployments.Delete(b.Context(), name, metav1.DeleteOptions{}); err != nil {
			b.Fatal(err)
		}
		lastOf(b, departures, name)
		b.StartTimer()
	}
	slices.Sort(took)
	p50, p99 := percentile(took, 50), percentile(took, 99)
	b.ReportMetric(float64(p50.Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(p99.Microseconds())/1000, "p99-ms")
	row("One Deployment, from the create's return until all three members hold it",
		fmt.Sprintf("p50 %s, p99 %s, n=%d", p50.Round(100*time.Microsecond), p99.Round(100*time.Microsecond), len(took)))
}

// sighting is when a Deployment was seen to come or go.
type sighting struct {
	name string
	at   time.Time
}

// watchDeployments tells when Deployments are added and deleted in a cluster, in time order.
func watchDeployments(b *testing.B, client kubernetes.Interface) (added, deleted <-chan sighting) {
	b.Helper()
	w, err := client.AppsV1().Deployments(metav1.NamespaceDefault).Watch(b.Context(), metav1.ListOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Stop)
	in, out := make(chan sighting, 100), make(chan sighting, 100)
	go func() {
		for event := range w.ResultChan() {
			seen := sighting{at: time.Now()}
			if d, ok := event.Object.(*appsv1.Deployment); ok {
				seen.name = d.Name
			}
			switch event.Type {
			case watch.Added:
				in <- seen
			case watch.Deleted:
				out <- seen
			}
		}
	}()
	return in, out
}

// lastOf waits until every cluster has seen the Deployment, and returns when the last one did.
func lastOf(b *testing.B, clusters []<-chan sighting, name string) time.Time {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	var last time.Time
	for i, sightings := range clusters {
		for found := false; !found; {
			select {
			case seen := <-sightings:
				if found = seen.name == name; found && seen.at.After(last) {
					last = seen.at
				}
			case <-ctx.Done():
				b.Fatalf("member %s has not seen %s within %s", lab.members[i].Name, name, patience)
			}
		}
	}
	return last
}

// percentile is by the nearest rank.
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

func deployment(name string) *appsv1.Deployment {
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](3),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
			},
		},
	}
}
