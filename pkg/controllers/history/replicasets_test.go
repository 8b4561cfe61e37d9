// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/native"
)

func template(image string) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: image}}},
	}
}

// deployment has 3 replicas, all of which run what it asks for.
func deployment(image string, change ...func(*appsv1.Deployment)) *appsv1.Deployment {
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "1", Generation: 4, Annotations: map[string]string{"why": image}},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](3), RevisionHistoryLimit: ptr.To[int32](2), Template: template(image),
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		},
		Status: appsv1.DeploymentStatus{ObservedGeneration: 4, Replicas: 3, UpdatedReplicas: 3, ReadyReplicas: 3, AvailableReplicas: 3},
	}
	for _, c := range change {
		c(d)
	}
	return d
}

// revision is a ReplicaSet that records a Deployment with an image, and is not in force.
func revision(number int, image string, change ...func(*appsv1.ReplicaSet)) *appsv1.ReplicaSet {
	r := withHash(newReplicaSet(deployment(image), number), "web-"+image, image)
	r.Spec.Replicas, r.Generation, r.Status.ObservedGeneration = ptr.To[int32](0), 1, 1
	for _, c := range change {
		c(r)
	}
	return r
}

// inForce has as many replicas, all of them ready.
func inForce(replicas int32) func(*appsv1.ReplicaSet) {
	return func(r *appsv1.ReplicaSet) {
		r.Spec.Replicas = &replicas
		r.Status = appsv1.ReplicaSetStatus{Replicas: replicas, FullyLabeledReplicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas, ObservedGeneration: 1}
	}
}

// told is a plan in short: what is done to which image, with its number, replicas asked for, and replicas reported.
func told(p replicaSetPlan) []string {
	var out []string
	add := func(verb string, sets ...*appsv1.ReplicaSet) {
		for _, r := range sets {
			out = append(out, fmt.Sprintf("%s %s: revision %s, %d of %d", verb, r.Spec.Template.Spec.Containers[0].Image, r.Annotations[v1alpha1.AnnotationRevision], r.Status.Replicas, *r.Spec.Replicas))
		}
	}
	if p.create != nil {
		add("create", p.create)
	}
	add("update", p.update...)
	add("report", p.report...)
	add("remove", p.remove...)
	slices.Sort(out)
	if p.revision != "" {
		out = append(out, "at "+p.revision)
	}
	return out
}

func TestPlanReplicaSets(t *testing.T) {
	paused := func(d *appsv1.Deployment) { d.Spec.Paused = true }
	for _, tt := range []struct {
		name       string
		deployment *appsv1.Deployment
		records    []*appsv1.ReplicaSet
		want       []string
	}{
		{"new", deployment("a"), nil, []string{"create a: revision 1, 0 of 3", "at 1"}},
		{"recorded", deployment("a"), []*appsv1.ReplicaSet{revision(1, "a", inForce(3))}, []string{"at 1"}},
		{"a new template", deployment("b"), []*appsv1.ReplicaSet{revision(1, "a", inForce(3))}, []string{"create b: revision 2, 0 of 3", "update a: revision 1, 3 of 0", "at 2"}},
		{"rolled out", deployment("b"), []*appsv1.ReplicaSet{revision(1, "a", func(r *appsv1.ReplicaSet) { r.Status.Replicas = 3 }), revision(2, "b", func(r *appsv1.ReplicaSet) { r.Spec.Replicas = ptr.To[int32](3) })}, []string{"report a: revision 1, 0 of 0", "report b: revision 2, 3 of 3", "at 2"}},
		{"on its way", deployment("b", func(d *appsv1.Deployment) { d.Status.Replicas, d.Status.UpdatedReplicas = 4, 1 }), []*appsv1.ReplicaSet{revision(1, "a"), revision(2, "b", inForce(3))}, []string{"report a: revision 1, 3 of 0", "report b: revision 2, 1 of 3", "at 2"}},
		{"not observed yet", deployment("b", func(d *appsv1.Deployment) { d.Status.ObservedGeneration = 3 }), []*appsv1.ReplicaSet{revision(1, "a", func(r *appsv1.ReplicaSet) { r.Status.Replicas = 3 }), revision(2, "b", func(r *appsv1.ReplicaSet) { r.Spec.Replicas = ptr.To[int32](3) })}, []string{"at 2"}},
		{"set back", deployment("a"), []*appsv1.ReplicaSet{revision(1, "a"), revision(2, "b", inForce(3))}, []string{"update a: revision 3, 0 of 3", "update b: revision 2, 3 of 0", "at 3"}},
		{"scaled", deployment("a", func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](5) }), []*appsv1.ReplicaSet{revision(1, "a", inForce(3))}, []string{"update a: revision 1, 3 of 5", "at 1"}},
		{"somebody scaled a revision", deployment("b"), []*appsv1.ReplicaSet{revision(1, "a", func(r *appsv1.ReplicaSet) { r.Spec.Replicas = ptr.To[int32](7) }), revision(2, "b", inForce(3))}, []string{"update a: revision 1, 0 of 0", "at 2"}},
		{"annotated", deployment("a", func(d *appsv1.Deployment) { d.Annotations["why"] = "because" }), []*appsv1.ReplicaSet{revision(1, "a", inForce(3))}, []string{"update a: revision 1, 3 of 3", "at 1"}},
		{"paused before anything", deployment("a", paused), nil, nil},
		{"changed while paused", deployment("b", paused, func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 0 }), []*appsv1.ReplicaSet{revision(1, "a", inForce(3))}, nil},
		{"a record without a number", deployment("a"), []*appsv1.ReplicaSet{revision(1, "a", inForce(3), func(r *appsv1.ReplicaSet) { r.Annotations[v1alpha1.AnnotationRevision] = "x" })}, []string{"update a: revision 1, 3 of 3", "at 1"}},
		{"more than are kept", deployment("d"), []*appsv1.ReplicaSet{revision(1, "a"), revision(2, "b"), revision(3, "c"), revision(4, "d", inForce(3))}, []string{"remove a: revision 1, 0 of 0", "at 4"}},
		{"one that still has replicas is kept", deployment("d"), []*appsv1.ReplicaSet{revision(1, "a", func(r *appsv1.ReplicaSet) { r.Status.Replicas = 1 }), revision(2, "b"), revision(3, "c"), revision(4, "d", inForce(3))}, []string{"report a: revision 1, 0 of 0", "at 4"}},
		{"none are kept", deployment("b", func(d *appsv1.Deployment) { d.Spec.RevisionHistoryLimit = ptr.To[int32](0) }), []*appsv1.ReplicaSet{revision(1, "a"), revision(2, "b", inForce(3))}, []string{"remove a: revision 1, 0 of 0", "at 2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, told(planReplicaSets(tt.deployment, tt.records))); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

// A ReplicaSet that records a revision is one to kubectl, and goes to no cluster.
func TestNewReplicaSet(t *testing.T) {
	d := deployment("a", func(d *appsv1.Deployment) {
		d.Annotations[corev1.LastAppliedConfigAnnotation], d.Annotations[v1alpha1.AnnotationRevision] = "{}", "9"
	})
	r := withHash(newReplicaSet(d, 2), "web-x", "x")
	if !metav1.IsControlledBy(r, d) || !native.IsRevision(r) {
		t.Errorf("owners %+v", r.OwnerReferences)
	}
	labels := map[string]string{"app": "web", "pod-template-hash": "x"}
	for _, got := range []map[string]string{r.Labels, r.Spec.Selector.MatchLabels, r.Spec.Template.Labels} {
		if diff := cmp.Diff(labels, got); diff != "" {
			t.Errorf("labels (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(map[string]string{"why": "a", v1alpha1.AnnotationRevision: "2"}, r.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if len(d.Spec.Template.Labels) != 1 || len(d.Spec.Selector.MatchLabels) != 1 {
		t.Error("the Deployment was changed")
	}
}

// Which numbers a revision had before is kept with it.
func TestFormerNumbers(t *testing.T) {
	d, r := deployment("a"), revision(1, "a")
	for _, tt := range []struct {
		number int
		want   string
	}{{1, ""}, {3, "1"}, {3, "1"}, {6, "1,3"}} {
		r.Annotations = annotationsOf(d, r, tt.number)
		if got := r.Annotations[annotationRevisions]; got != tt.want || number(r) != tt.number {
			t.Errorf("as revision %s it was %q, want %d and %q", strconv.Itoa(number(r)), got, tt.number, tt.want)
		}
	}
}
