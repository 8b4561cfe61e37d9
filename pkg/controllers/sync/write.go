// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// write sends what is desired. Of what the cache does not have, only the member knows whether somebody else has it there:
// one request makes it if nobody has.
func (q *queue) write(ctx context.Context, it item, want desired, live metav1.Object) (*metav1.PartialObjectMetadata, Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, members.RequestTimeout)
	defer cancel()
	if live != nil {
		result, err := q.patch(ctx, it, want, !runsAny(it, live), false)
		return result, Outcome{}, err
	}
	result, err := q.patch(ctx, it, want, true, true)
	if !apierrors.IsConflict(err) {
		return result, Outcome{}, err
	}
	found, err := q.member.Metadata.Resource(it.resource).Namespace(it.namespace).Get(ctx, it.name, metav1.GetOptions{})
	gone := apierrors.IsNotFound(err)
	if err != nil && !gone {
		return nil, Outcome{}, err
	}
	if !gone {
		if outcome := q.inTheWay(it, want, found); outcome.Reason != "" {
			return nil, outcome, nil
		}
	}
	// One that is taken over has its replicas: its autoscaler goes on from there.
	result, err = q.patch(ctx, it, want, gone, false)
	return result, Outcome{}, err
}

func (q *queue) patch(ctx context.Context, it item, want desired, starts, makes bool) (*metav1.PartialObjectMetadata, error) {
	request, err := want.request(starts, makes)
	if err != nil {
		return nil, err
	}
	return q.member.Metadata.Resource(it.resource).Namespace(it.namespace).Patch(ctx, it.name, types.ApplyPatchType, request, applyOptions)
}

var applyOptions = metav1.PatchOptions{
	FieldManager: v1alpha1.FieldManager, Force: ptr.To(true),
	// An apply request with fields that are not known fails in any case; this only spares the member a second reading.
	FieldValidation: metav1.FieldValidationIgnore,
}

// scale sets the replicas of an object that is otherwise as it is to be: that costs the member much less than to apply all
// of it. It does nothing where that cannot be, or is not allowed: the cluster was joined by a Drover that did not ask for it.
func (q *queue) scale(ctx context.Context, it item, live metav1.Object, replicas int32) (bool, error) {
	if !slices.Contains(members.Scaled, it.resource) || q.noScale.Load() {
		return false, nil
	}
	request, err := json.Marshal(map[string]any{
		"apiVersion": autoscalingv1.SchemeGroupVersion.String(), "kind": "Scale",
		"metadata": map[string]any{"name": it.name, "namespace": it.namespace, "uid": live.GetUID()},
		"spec":     map[string]any{"replicas": replicas},
	})
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, members.RequestTimeout)
	defer cancel()
	_, err = q.member.Metadata.Resource(it.resource).Namespace(it.namespace).Patch(ctx, it.name, types.ApplyPatchType, request, applyOptions, "scale")
	if apierrors.IsForbidden(err) || apierrors.IsMethodNotSupported(err) {
		q.noScale.Store(true)
		return false, nil
	}
	return err == nil, err
}

// inTheWay says whether an object that has the name is somebody else's.
func (q *queue) inTheWay(it item, want desired, live metav1.Object) Outcome {
	what := fmt.Sprintf("%s %s/%s is already in the cluster", it.resource.GroupResource(), it.namespace, it.name)
	switch owner := live.GetAnnotations()[v1alpha1.AnnotationFederation]; {
	case owner == q.controller.identity:
		return Outcome{} // ours, though it has lost its label
	case owner == "" && live.GetLabels()[v1alpha1.LabelManaged] == "true" && want.source != nil && live.GetAnnotations()[v1alpha1.AnnotationSourceUID] == string(want.source.GetUID()):
		return Outcome{} // ours, though it has lost its annotation
	case live.GetLabels()[v1alpha1.LabelManaged] != "true" || owner == "":
		if want.adopt {
			return Outcome{}
		}
		return Outcome{Reason: v1alpha1.ReasonConflict, Message: what + " and not managed by Drover: rename or remove one of the two, or set conflict: Adopt in a PlacementPolicy to take it over"}
	case owner != q.controller.identity:
		return Outcome{Reason: v1alpha1.ReasonConflict, Message: what + " and belongs to another federation, " + owner}
	}
	return Outcome{}
}
