// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package placementpolicy stores PlacementPolicies. They differ from plain kinds in a dry run: it warns of what would
// move.
package placementpolicy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/util/dryrun"
	"k8s.io/apiserver/pkg/warning"

	ownkinds "drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/registry"
	"drover.dev/drover/pkg/registry/placementreview"
)

// warnings is the most a dry run gives: one a workload that would move.
const warnings = 20

// REST serves PlacementPolicies.
type REST struct {
	*registry.REST
	stores placementreview.Stores
}

// New makes the storage of PlacementPolicies over their plain one.
func New(plain *registry.REST, stores placementreview.Stores) *REST {
	return &REST{REST: plain, stores: stores}
}

// Create creates a policy or, in a dry run, warns of what it would move.
func (r *REST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, options *metav1.CreateOptions) (runtime.Object, error) {
	sign(ctx, obj.(*v1alpha1.PlacementPolicy), nil)
	created, err := r.REST.Create(ctx, obj, validate, options)
	if err == nil && dryrun.IsDryRun(options.DryRun) {
		r.warn(ctx, created)
	}
	return created, err
}

// Update updates a policy or, in a dry run, warns of what it would move.
func (r *REST) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, create rest.ValidateObjectFunc, update rest.ValidateObjectUpdateFunc, force bool, options *metav1.UpdateOptions) (runtime.Object, bool, error) {
	info = rest.WrapUpdatedObjectInfo(info, func(ctx context.Context, obj, old runtime.Object) (runtime.Object, error) {
		sign(ctx, obj.(*v1alpha1.PlacementPolicy), old.(*v1alpha1.PlacementPolicy))
		return obj, nil
	})
	updated, made, err := r.REST.Update(ctx, name, info, create, update, force, options)
	if err == nil && dryrun.IsDryRun(options.DryRun) {
		r.warn(ctx, updated)
	}
	return updated, made, err
}

// sign writes who changed a policy's spec last on it, whatever the client says of that.
func sign(ctx context.Context, policy, old *v1alpha1.PlacementPolicy) {
	by := ""
	if user, ok := request.UserFrom(ctx); ok {
		by = user.GetName()
	}
	if old != nil && apiequality.Semantic.DeepEqual(policy.Spec, old.Spec) {
		by = old.Annotations[v1alpha1.AnnotationChangedBy]
	}
	if by == "" {
		delete(policy.Annotations, v1alpha1.AnnotationChangedBy)
		return
	}
	metav1.SetMetaDataAnnotation(&policy.ObjectMeta, v1alpha1.AnnotationChangedBy, by)
}

// warn says of each workload whose replicas would move which way.
func (r *REST) warn(ctx context.Context, obj runtime.Object) {
	policy, ok := obj.(*v1alpha1.PlacementPolicy)
	if !ok {
		return
	}
	placed, err := r.placed(request.WithNamespace(ctx, policy.Namespace))
	if err != nil {
		warning.AddWarning(ctx, "", "what would move is not known: "+err.Error())
		return
	}
	federation := placementreview.NewFederation(ctx, r.stores, policy)
	said := 0
	for _, obj := range placed {
		kind := workload.KindOf(obj)
		name := workload.KeyFor(kind, obj).InNamespace()
		then, now, err := placementreview.Answer(federation, kind, obj)
		if err != nil {
			warning.AddWarning(ctx, "", fmt.Sprintf("%s: %v", name, err))
			continue
		}
		moves := describe(now, &then)
		if moves == "" {
			continue
		}
		if said++; said > warnings {
			warning.AddWarning(ctx, "", "and more; kubectl drover plan -f shows one workload whole")
			return
		}
		warning.AddWarning(ctx, "", name+": "+moves)
	}
}

// placed are the workloads of a namespace that policies place, by kind and name.
func (r *REST) placed(ctx context.Context) (out []workload.Object, err error) {
	for _, kind := range workload.Kinds {
		if !kind.Placed() {
			continue
		}
		list, err := r.stores.Workloads[kind].List(ctx, &metainternalversion.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return nil, err
		}
		of := len(out)
		if err := meta.EachListItem(list, func(obj runtime.Object) error {
			out = append(out, obj.(workload.Object))
			return nil
		}); err != nil {
			return nil, err
		}
		slices.SortFunc(out[of:], func(a, b workload.Object) int { return strings.Compare(a.GetName(), b.GetName()) })
	}
	return out, nil
}

// describe says what a decision changes, "east 5 → 0, eu 15 → 18"; empty if nothing.
func describe(now, then *v1alpha1.PlacementSpec) string {
	var out []string
	for _, c := range decision.Changes(now, then) {
		if before, after := ownkinds.FormatChange(&c); before != after {
			out = append(out, fmt.Sprintf("%s %s → %s", c.Cluster, before, after))
		}
	}
	if then.Problem != "" && (now == nil || now.Problem != then.Problem) {
		out = append(out, then.ProblemMessage)
	}
	return strings.Join(out, ", ")
}
