// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// annotationRevisions lists the numbers that a revision had before the Deployment was set back to it.
const annotationRevisions = "deployment.kubernetes.io/revision-history"

// replicaSetPlan is what is to be written so that ReplicaSets tell the history of a Deployment.
type replicaSetPlan struct {
	// create has neither a name nor a hash yet. Nil if nothing is to be created.
	create                 *appsv1.ReplicaSet
	update, report, remove []*appsv1.ReplicaSet
	// revision of the Deployment; empty while it has none.
	revision string
}

// planReplicaSets compares the ReplicaSets that record a Deployment with what the Deployment is now. As in any cluster,
// each template has one; the one in force has the highest number, and its replicas and annotations are the Deployment's.
func planReplicaSets(d *appsv1.Deployment, records []*appsv1.ReplicaSet) (plan replicaSetPlan) {
	slices.SortFunc(records, func(a, b *appsv1.ReplicaSet) int { return cmp.Compare(number(b), number(a)) })
	var current *appsv1.ReplicaSet
	if i := slices.IndexFunc(records, func(r *appsv1.ReplicaSet) bool { return sameTemplate(&r.Spec.Template, &d.Spec.Template) }); i >= 0 {
		current = records[i]
	}
	past := slices.DeleteFunc(slices.Clone(records), func(r *appsv1.ReplicaSet) bool { return r == current })
	next := 1
	if len(past) > 0 {
		next = number(past[0]) + 1
	}
	running := current
	switch {
	case current != nil:
		next = max(next, number(current))
		plan.revision = strconv.Itoa(next)
	case d.Spec.Paused && len(past) > 0:
		running = past[0] // what is new is not rolled out, nor recorded
	case !d.Spec.Paused:
		plan.revision = strconv.Itoa(next)
		plan.create = newReplicaSet(d, next)
	}
	numbers := share(d, current, past)
	for _, r := range records {
		updated := r.DeepCopy()
		updated.Spec.Replicas = ptr.To[int32](0)
		if r == running {
			updated.Spec.Replicas = ptr.To(ptr.Deref(d.Spec.Replicas, 1))
		}
		if r == current {
			updated.Annotations = annotationsOf(d, r, next)
		}
		if !apiequality.Semantic.DeepEqual(r, updated) {
			plan.update = append(plan.update, updated)
			continue // its status is for the next time
		}
		if status, known := numbers[r]; known {
			updated.Status = status
			updated.Status.ObservedGeneration = r.Generation
			if !apiequality.Semantic.DeepEqual(r, updated) {
				plan.report = append(plan.report, updated)
			}
		}
	}
	plan.remove = beyond(d.Spec.RevisionHistoryLimit, past, func(r *appsv1.ReplicaSet) bool { return r == running || r.Status.Replicas > 0 })
	return plan
}

// beyond are the records, the newest first, that are more than are to be kept. One that is in use is kept.
func beyond[T any](limit *int32, records []T, inUse func(T) bool) (remove []T) {
	for i, r := range records {
		if i >= int(ptr.Deref(limit, 10)) && !inUse(r) {
			remove = append(remove, r)
		}
	}
	return remove
}

// share divides the replicas that a Deployment reports over its revisions: those updated are of the one in force, others
// of the one before. Which of them are ready is not told; the older ones are taken to be ready first.
func share(d *appsv1.Deployment, current *appsv1.ReplicaSet, past []*appsv1.ReplicaSet) map[*appsv1.ReplicaSet]appsv1.ReplicaSetStatus {
	if d.Status.ObservedGeneration < d.Generation {
		return nil // not known
	}
	out := map[*appsv1.ReplicaSet]appsv1.ReplicaSetStatus{}
	of := func(replicas, ready, available int32) appsv1.ReplicaSetStatus {
		return appsv1.ReplicaSetStatus{Replicas: replicas, FullyLabeledReplicas: replicas, ReadyReplicas: ready, AvailableReplicas: available}
	}
	for _, r := range past {
		out[r] = of(0, 0, 0)
	}
	s := d.Status
	old := max(0, s.Replicas-s.UpdatedReplicas)
	oldReady, oldAvailable := min(old, s.ReadyReplicas), min(old, s.AvailableReplicas)
	if len(past) > 0 {
		out[past[0]] = of(old, oldReady, oldAvailable)
	}
	if current != nil {
		out[current] = of(s.UpdatedReplicas, s.ReadyReplicas-oldReady, s.AvailableReplicas-oldAvailable)
	}
	return out
}

// newReplicaSet records a Deployment as it is.
func newReplicaSet(d *appsv1.Deployment, revision int) *appsv1.ReplicaSet {
	return &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Annotations: annotationsOf(d, nil, revision),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(d, workload.Deployment.GroupVersionKind)},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: ptr.To(ptr.Deref(d.Spec.Replicas, 1)), MinReadySeconds: d.Spec.MinReadySeconds,
			Selector: d.Spec.Selector.DeepCopy(), Template: *d.Spec.Template.DeepCopy(),
		},
	}
}

// withHash gives a new ReplicaSet its name, and the label that tells its pods from those of other revisions.
func withHash(set *appsv1.ReplicaSet, name, hash string) *appsv1.ReplicaSet {
	set = set.DeepCopy()
	set.Name = name
	for _, labels := range []*map[string]string{&set.Spec.Template.Labels, &set.Spec.Selector.MatchLabels} {
		if *labels == nil {
			*labels = map[string]string{}
		}
		(*labels)[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	}
	set.Labels = maps.Clone(set.Spec.Template.Labels)
	return set
}

// annotationsOf are the Deployment's, as kubectl rollout undo gives them back to it, and the number of the revision.
func annotationsOf(d *appsv1.Deployment, record *appsv1.ReplicaSet, revision int) map[string]string {
	out := recorded(d.Annotations)
	out[v1alpha1.AnnotationRevision] = strconv.Itoa(revision)
	if record == nil {
		return out
	}
	before := record.Annotations[annotationRevisions]
	if was := number(record); was > 0 && was != revision {
		before = strings.TrimPrefix(before+","+strconv.Itoa(was), ",")
	}
	if before != "" {
		out[annotationRevisions] = before
	}
	return out
}

// recorded are the annotations of a workload that its revisions keep: all but those that are about the object itself.
func recorded(annotations map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range annotations {
		switch key {
		case corev1.LastAppliedConfigAnnotation, v1alpha1.AnnotationRevision, annotationRevisions, appsv1.DeprecatedTemplateGeneration,
			"deployment.kubernetes.io/desired-replicas", "deployment.kubernetes.io/max-replicas":
		default:
			out[key] = value
		}
	}
	return out
}

// number of a revision; 0 if it has none.
func number(record *appsv1.ReplicaSet) int {
	n, err := strconv.Atoi(record.Annotations[v1alpha1.AnnotationRevision])
	if err != nil {
		return 0
	}
	return n
}

// sameTemplate compares two templates, but for the label that tells the pods of one revision from those of another.
func sameTemplate(a, b *corev1.PodTemplateSpec) bool {
	a, b = a.DeepCopy(), b.DeepCopy()
	delete(a.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	delete(b.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	return apiequality.Semantic.DeepEqual(a, b)
}
