// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package federation

import (
	"fmt"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var placements = func() kind.Kind {
	k := ident("Placement", "placements", "placement", "pl")
	k.New = func() runtime.Object { return &v1alpha1.Placement{} }
	k.NewList = func() runtime.Object { return &v1alpha1.PlacementList{} }
	k.Status = kind.Of(func(p *v1alpha1.Placement) any { return &p.Status })
	k.Spec = kind.Of(func(p *v1alpha1.Placement) any { return &p.Spec })
	k.Prepare = func(obj, _ runtime.Object) { forgetOwners(obj.(*v1alpha1.Placement)) }
	k.Validate = kind.OfBoth(validatePlacement)
	k.Columns = []kind.Column{
		{Name: "Desired", Type: "string", Description: "Replicas asked for.", Value: kind.Of(func(p *v1alpha1.Placement) any {
			if p.Spec.Replicas == nil {
				return "-"
			}
			return fmt.Sprint(*p.Spec.Replicas)
		})},
		{Name: "Ready", Type: "string", Description: "Replicas that are ready.", Value: kind.Of(func(p *v1alpha1.Placement) any {
			if p.Spec.Replicas == nil {
				return "-"
			}
			return fmt.Sprint(p.Status.ReadyReplicas)
		})},
		{Name: "Clusters", Type: "string", Description: "Replicas placed on each cluster.", Value: kind.Of(func(p *v1alpha1.Placement) any { return FormatClusters(p) })},
		{Name: "Revision", Type: "integer", Description: "Counts the decisions.", Value: kind.Of(func(p *v1alpha1.Placement) any { return p.Spec.Revision })},
		{Name: "Policy", Type: "string", Wide: true, Description: "Policy that applied.", Value: kind.Of(func(p *v1alpha1.Placement) any { return p.Spec.Policy })},
	}
	return k
}()

// forgetOwners drops who owns the fields of a Placement that nobody has applied: Drover's controllers alone write it, and to
// keep account of that takes longer than much else of a write. What has no owners is given none by updates either.
func forgetOwners(p *v1alpha1.Placement) {
	if !slices.ContainsFunc(p.ManagedFields, func(e metav1.ManagedFieldsEntry) bool { return e.Operation == metav1.ManagedFieldsOperationApply }) {
		p.ManagedFields = nil
	}
}

// FormatClusters says in a word where a workload is placed: "east=4 west=2", or the names alone where there are no
// replicas to count. Clusters on their way to another number show it: "east=4>6".
func FormatClusters(p *v1alpha1.Placement) string {
	var out []string
	for _, c := range p.Spec.Clusters {
		switch {
		case c.Idle:
			out = append(out, c.Name+"=0")
		case c.Target != nil && c.MaxReplicas != nil:
			out = append(out, fmt.Sprintf("%s=%d-%d>%d", c.Name, ptr.Deref(c.MinReplicas, 1), *c.MaxReplicas, *c.Target))
		case c.Target != nil && *c.Target == 0 && c.Replicas == nil:
			out = append(out, c.Name+"=all>0")
		case c.MaxReplicas != nil:
			out = append(out, fmt.Sprintf("%s=%d-%d", c.Name, ptr.Deref(c.MinReplicas, 1), *c.MaxReplicas))
		case c.Budget != nil:
			out = append(out, fmt.Sprintf("%s=%d", c.Name, *c.Budget))
		case c.Replicas == nil:
			out = append(out, c.Name)
		case c.Target != nil && *c.Target != *c.Replicas:
			out = append(out, fmt.Sprintf("%s=%d>%d", c.Name, *c.Replicas, *c.Target))
		default:
			out = append(out, fmt.Sprintf("%s=%d", c.Name, *c.Replicas))
		}
	}
	if len(out) == 0 {
		return "<none>"
	}
	return strings.Join(out, " ")
}

// FormatChange says in a word each what a cluster has of a workload and would have: a number of replicas, or all.
func FormatChange(c *v1alpha1.PlacementChange) (now, then string) {
	format := func(replicas int32, whole bool) string {
		if whole {
			return "all"
		}
		return fmt.Sprint(replicas)
	}
	return format(c.Now, c.NowWhole), format(c.Then, c.ThenWhole)
}

func validatePlacement(p, _ *v1alpha1.Placement) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	if p.Spec.Workload.Kind == "" || p.Spec.Workload.Name == "" {
		errs = append(errs, field.Required(spec.Child("workload"), "kind and name of the workload"))
	}
	seen := map[string]bool{}
	for i, c := range p.Spec.Clusters {
		at := spec.Child("clusters").Index(i)
		errs = append(errs, apivalidation.ValidateNonnegativeField(int64(ptr.Deref(c.Replicas, 0)), at.Child("replicas"))...)
		if seen[c.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), c.Name))
		}
		seen[c.Name] = true
	}
	return errs
}
