// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"drover.dev/drover/pkg/controllers/workload"
)

// templated is what is recorded of a StatefulSet or DaemonSet.
type templated struct {
	workload.Object
	kind     *workload.Kind
	template *corev1.PodTemplateSpec
	limit    *int32
	// current names the revision that pods may still be of; empty if that is not known.
	current string
}

func templatedOf(obj workload.Object) templated {
	out := templated{Object: obj, kind: workload.KindOf(obj)}
	out.template = out.kind.Template(obj)
	switch o := obj.(type) {
	case *appsv1.StatefulSet:
		out.limit, out.current = o.Spec.RevisionHistoryLimit, o.Status.CurrentRevision
	case *appsv1.DaemonSet:
		out.limit = o.Spec.RevisionHistoryLimit
	}
	return out
}

// recordTemplate keeps the revisions of a StatefulSet or DaemonSet as ControllerRevisions.
func (c *Controller) recordTemplate(ctx context.Context, obj workload.Object, records []workload.Object) error {
	revisions := make([]*appsv1.ControllerRevision, len(records))
	for i, record := range records {
		revisions[i] = record.(*appsv1.ControllerRevision)
	}
	of := templatedOf(obj)
	todo, err := planRevisions(of, revisions)
	if err != nil {
		return err
	}
	var errs []error
	if todo.create != nil {
		errs = append(errs, c.createRevision(ctx, of, todo.create))
	}
	if todo.update != nil {
		_, err := c.kube.AppsV1().ControllerRevisions(obj.GetNamespace()).Update(ctx, todo.update, metav1.UpdateOptions{})
		errs = append(errs, workload.IgnoreNotFound(err))
	}
	for _, r := range todo.remove {
		errs = append(errs, c.remove(ctx, controllerRevisions, r))
	}
	return errors.Join(errs...)
}

func (c *Controller) createRevision(ctx context.Context, of templated, revision *appsv1.ControllerRevision) error {
	client := c.kube.AppsV1().ControllerRevisions(of.GetNamespace())
	return create(of, of.template, func(name, hash string) error {
		named := revision.DeepCopy()
		named.Name = name
		named.Labels[appsv1.ControllerRevisionHashLabelKey] = hash
		_, err := client.Create(ctx, named, metav1.CreateOptions{})
		return err
	}, func(name string) (bool, error) {
		there, err := client.Get(ctx, name, metav1.GetOptions{})
		return err == nil && metav1.IsControlledBy(there, of) && isOf(there, of.template), err
	})
}

// revisionPlan is what is to be written so that ControllerRevisions tell the history of a template.
type revisionPlan struct {
	// create has neither a name nor a hash yet. Nil if nothing is to be created; so is update.
	create, update *appsv1.ControllerRevision
	remove         []*appsv1.ControllerRevision
}

// planRevisions compares the ControllerRevisions that record a workload with what its template is now: each template has
// one, and the one in force has the highest number.
func planRevisions(of templated, revisions []*appsv1.ControllerRevision) (plan revisionPlan, err error) {
	slices.SortFunc(revisions, func(a, b *appsv1.ControllerRevision) int { return cmp.Compare(b.Revision, a.Revision) })
	var current *appsv1.ControllerRevision
	if i := slices.IndexFunc(revisions, func(r *appsv1.ControllerRevision) bool { return isOf(r, of.template) }); i >= 0 {
		current = revisions[i]
	}
	past := slices.DeleteFunc(slices.Clone(revisions), func(r *appsv1.ControllerRevision) bool { return r == current })
	next := int64(1)
	if len(past) > 0 {
		next = past[0].Revision + 1
	}
	annotations := recorded(of.GetAnnotations())
	if current == nil {
		plan.create, err = newRevision(of, next, annotations)
	} else {
		updated := current.DeepCopy()
		updated.Revision, updated.Annotations = max(next, current.Revision), annotations
		if !apiequality.Semantic.DeepEqual(current, updated) {
			plan.update = updated
		}
	}
	plan.remove = beyond(of.limit, past, func(r *appsv1.ControllerRevision) bool { return r.Name == of.current })
	return plan, err
}

// newRevision records a template as kubectl compares and applies it: a patch that replaces it.
func newRevision(of templated, number int64, annotations map[string]string) (*appsv1.ControllerRevision, error) {
	var template map[string]any
	data, err := json.Marshal(of.template)
	if err == nil {
		err = json.Unmarshal(data, &template)
	}
	if err != nil {
		return nil, fmt.Errorf("record a revision of %s: %w", workload.KeyFor(of.kind, of), err)
	}
	template["$patch"] = "replace"
	data, err = json.Marshal(map[string]any{"spec": map[string]any{"template": template}})
	if err != nil {
		return nil, err
	}
	labels := maps.Clone(of.template.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: of.GetNamespace(), Labels: labels, Annotations: annotations,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(of, of.kind.GroupVersionKind)},
		},
		Revision: number, Data: runtime.RawExtension{Raw: data},
	}, nil
}

// isOf says whether a revision is of a template.
func isOf(r *appsv1.ControllerRevision, template *corev1.PodTemplateSpec) bool {
	recorded := workload.RevisionTemplate(r)
	return recorded != nil && apiequality.Semantic.DeepEqual(recorded, template)
}
