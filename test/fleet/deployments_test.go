// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// TestAdvance follows one Deployment from its creation through changes of its size and its template.
func TestAdvance(t *testing.T) {
	const delay = 10 * time.Second
	d, now := &appsv1.Deployment{}, time.Now()
	d.Generation = 1
	d.Spec.Replicas = ptr.To[int32](4)
	for _, step := range []struct {
		name                                  string
		passes                                time.Duration
		change                                func()
		due                                   time.Duration // until the next step
		replicas, updated, ready, unavailable int32
	}{
		{"created", 0, func() {}, delay, 4, 0, 0, 4},
		{"half of the delay later", delay / 2, func() {}, delay / 2, 4, 0, 0, 4},
		{"the delay later", delay / 2, func() {}, 0, 4, 4, 4, 0},
		{"seen again", 0, func() {}, 0, 4, 4, 4, 0},
		{"scaled up", 0, func() { d.Spec.Replicas = ptr.To[int32](6) }, delay, 6, 6, 4, 2},
		{"ready again", delay, func() {}, 0, 6, 6, 6, 0},
		{"scaled down", 0, func() { d.Spec.Replicas = ptr.To[int32](3) }, delay, 3, 3, 3, 0},
		{"settled", delay, func() {}, 0, 3, 3, 3, 0},
		{"another template", 0, func() { d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "web"}} }, delay, 3, 0, 3, 0},
		{"changed again before it was ready", delay / 2, func() { d.Spec.Template.Spec.Containers[0].Image = "nginx" }, delay, 3, 0, 3, 0},
		{"scaled up before it was ready", delay / 2, func() { d.Spec.Replicas = ptr.To[int32](5) }, delay, 5, 0, 3, 2},
		{"half of the delay after that", delay / 2, func() {}, delay / 2, 5, 0, 3, 2},
		{"rolled out", delay / 2, func() {}, 0, 5, 5, 5, 0},
		{"scaled to none", 0, func() { d.Spec.Replicas = ptr.To[int32](0) }, delay, 0, 0, 0, 0},
	} {
		now = now.Add(step.passes)
		before := d.Spec.DeepCopy()
		if step.change(); templateHash(&appsv1.Deployment{Spec: *before}) != templateHash(d) || *before.Replicas != *d.Spec.Replicas {
			d.Generation++
		}
		due := advance(d, now, delay)
		s := d.Status
		if due != step.due || s.Replicas != step.replicas || s.UpdatedReplicas != step.updated || s.ReadyReplicas != step.ready ||
			s.AvailableReplicas != step.ready || s.UnavailableReplicas != step.unavailable || s.ObservedGeneration != d.Generation {
			t.Errorf("%s: the next step in %s, status %+v", step.name, due, s)
		}
	}
}
