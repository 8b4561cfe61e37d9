// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package federation

import (
	"fmt"
	"slices"
	"strings"

	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/override"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var placementPolicies = func() kind.Kind {
	k := ident("PlacementPolicy", "placementpolicies", "placementpolicy", "pp")
	k.New = func() runtime.Object { return &v1alpha1.PlacementPolicy{} }
	k.NewList = func() runtime.Object { return &v1alpha1.PlacementPolicyList{} }
	k.Spec = kind.Of(func(p *v1alpha1.PlacementPolicy) any { return &p.Spec })
	k.Status = kind.Of(func(p *v1alpha1.PlacementPolicy) any { return &p.Status })
	k.Validate = kind.OfBoth(validatePlacementPolicy)
	k.Columns = []kind.Column{
		{Name: "Selector", Type: "string", Description: "Workloads the policy applies to.", Value: kind.Of(func(p *v1alpha1.PlacementPolicy) any {
			if len(p.Spec.Selector.MatchLabels)+len(p.Spec.Selector.MatchExpressions) == 0 {
				return "<all>"
			}
			return metav1.FormatLabelSelector(&p.Spec.Selector)
		})},
		{Name: "Priority", Type: "integer", Description: "The highest of the matching policies applies.", Value: kind.Of(func(p *v1alpha1.PlacementPolicy) any { return int64(p.Spec.Priority) })},
		{Name: "Weights", Type: "string", Description: "Weight of each cluster.", Value: kind.Of(func(p *v1alpha1.PlacementPolicy) any {
			var out []string
			for _, c := range p.Spec.Clusters {
				out = append(out, fmt.Sprintf("%s=%d", c.Name, ptr.Deref(c.Weight, 1)))
			}
			return strings.Join(out, " ")
		})},
		{Name: "Applied", Type: "string", Description: "Workloads it applies to, of those it selects.", Value: kind.Of(func(p *v1alpha1.PlacementPolicy) any {
			return fmt.Sprintf("%d/%d", p.Status.Applied, p.Status.Selected)
		})},
		{Name: "Rebalance", Type: "string", Wide: true, Description: "When running replicas are moved to meet the weights again.", Value: kind.Of(func(p *v1alpha1.PlacementPolicy) any { return string(p.Spec.Rebalance.Mode) })},
	}
	return k
}()

func validatePlacementPolicy(p, _ *v1alpha1.PlacementPolicy) field.ErrorList {
	spec := field.NewPath("spec")
	options := metav1validation.LabelSelectorValidationOptions{}
	errs := metav1validation.ValidateLabelSelector(&p.Spec.Selector, options, spec.Child("selector"))
	errs = append(errs, validateClusterWeights(p.Spec.Clusters, spec.Child("clusters"))...)
	if p.Spec.ClusterAffinity != nil {
		errs = append(errs, metav1validation.ValidateLabelSelector(p.Spec.ClusterAffinity.Required, options, spec.Child("clusterAffinity", "required"))...)
	}
	errs = append(errs, validatePreferred(p.Spec.ClusterAffinity, spec.Child("clusterAffinity", "preferred"))...)
	errs = append(errs, validateWorkloadAffinity(p.Spec.WorkloadAffinity, spec.Child("workloadAffinity"))...)
	errs = append(errs, validateSpread(p.Spec.Spread, spec.Child("spread"))...)
	errs = append(errs, validateTolerations(p.Spec.Tolerations, spec.Child("tolerations"))...)
	errs = append(errs, override.Validate(p.Spec.Overrides, spec.Child("overrides"))...)
	for path, duration := range map[*field.Path]*metav1.Duration{
		spec.Child("failover", "after"): p.Spec.Failover.After, spec.Child("overflow", "after"): p.Spec.Overflow.After,
		spec.Child("move", "settle"): p.Spec.Move.Settle,
	} {
		if duration != nil && duration.Duration < 0 {
			errs = append(errs, field.Invalid(path, duration.Duration.String(), "must not be negative"))
		}
	}
	errs = append(errs, validateTolerance(p.Spec.Move.MaxSurge, spec.Child("move", "maxSurge"))...)
	errs = append(errs, validateTolerance(p.Spec.Move.MaxUnavailable, spec.Child("move", "maxUnavailable"))...)
	errs = append(errs, apivalidation.ValidateNonnegativeField(int64(ptr.Deref(p.Spec.Move.ParallelClusters, 0)), spec.Child("move", "parallelClusters"))...)
	if moves := ptr.Deref(p.Spec.Rebalance.MaxMovesPerMinute, 1); moves < 1 {
		errs = append(errs, field.Invalid(spec.Child("rebalance", "maxMovesPerMinute"), moves, "must be greater than or equal to 1"))
	}
	if divisions := []v1alpha1.Division{v1alpha1.Divide, v1alpha1.Whole}; p.Spec.Division != "" && !slices.Contains(divisions, p.Spec.Division) {
		errs = append(errs, field.NotSupported(spec.Child("division"), p.Spec.Division, divisions))
	}
	if modes := []v1alpha1.RebalanceMode{v1alpha1.RebalanceAutomatic, v1alpha1.RebalanceNever, v1alpha1.RebalanceOnChange}; !slices.Contains(modes, p.Spec.Rebalance.Mode) {
		errs = append(errs, field.NotSupported(spec.Child("rebalance", "mode"), p.Spec.Rebalance.Mode, modes))
	}
	if policies := []v1alpha1.ConflictPolicy{v1alpha1.ConflictAdopt, v1alpha1.ConflictFail}; !slices.Contains(policies, p.Spec.Conflict) {
		errs = append(errs, field.NotSupported(spec.Child("conflict"), p.Spec.Conflict, policies))
	}
	return errs
}

// validateTolerance takes a number, or per cent up to 100.
func validateTolerance(value *intstr.IntOrString, path *field.Path) field.ErrorList {
	if value == nil {
		return nil
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(value, 100, true)
	switch {
	case err != nil:
		return field.ErrorList{field.Invalid(path, value.String(), "must be an integer or percentage (e.g '5%')")}
	case n < 0:
		return field.ErrorList{field.Invalid(path, value.String(), "must be greater than or equal to 0")}
	case value.Type == intstr.String && n > 100:
		return field.ErrorList{field.Invalid(path, value.String(), "must not be greater than 100%")}
	}
	return nil
}

func validateClusterWeights(clusters []v1alpha1.ClusterWeight, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, c := range clusters {
		at := path.Index(i)
		errs = append(errs, validateClusterName(c.Name, seen, at.Child("name"))...)
		errs = append(errs, validateWeight(c.Weight, at.Child("weight"))...)
		errs = append(errs, apivalidation.ValidateNonnegativeField(int64(c.MinReplicas), at.Child("minReplicas"))...)
		if c.MaxReplicas == nil {
			continue
		}
		errs = append(errs, apivalidation.ValidateNonnegativeField(int64(*c.MaxReplicas), at.Child("maxReplicas"))...)
		if *c.MaxReplicas < c.MinReplicas {
			errs = append(errs, field.Invalid(at.Child("maxReplicas"), *c.MaxReplicas, "must not be less than minReplicas"))
		}
	}
	return errs
}

// maxPreferences is the most of a kind that a policy may have: a weight that all of them raise is one that placement.Plan
// accepts.
const maxPreferences = 50

func validatePreferred(affinity *v1alpha1.ClusterAffinity, path *field.Path) field.ErrorList {
	if affinity == nil {
		return nil
	}
	var errs field.ErrorList
	if len(affinity.Preferred) > maxPreferences {
		errs = append(errs, field.TooMany(path, len(affinity.Preferred), maxPreferences))
	}
	for i := range affinity.Preferred {
		p, at := &affinity.Preferred[i], path.Index(i)
		errs = append(errs, validatePercent(p.Weight, at.Child("weight"))...)
		errs = append(errs, metav1validation.ValidateLabelSelector(&p.Selector, metav1validation.LabelSelectorValidationOptions{}, at.Child("selector"))...)
	}
	return errs
}

func validateSpread(spread []v1alpha1.Spread, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	seen := map[string]bool{}
	for i, s := range spread {
		at := path.Index(i)
		if s.Topology == "" {
			errs = append(errs, field.Required(at.Child("topology"), "continent, region, zone, cluster, or the key of a label of clusters"))
		} else {
			errs = append(errs, metav1validation.ValidateLabelName(s.Topology, at.Child("topology"))...)
		}
		if seen[s.Topology] {
			errs = append(errs, field.Duplicate(at.Child("topology"), s.Topology))
		}
		seen[s.Topology] = true
		if s.MinDomains < 1 {
			errs = append(errs, field.Invalid(at.Child("minDomains"), s.MinDomains, "must be greater than or equal to 1"))
		}
	}
	return errs
}

func validatePercent(weight int32, path *field.Path) field.ErrorList {
	if weight < -100 || weight > 100 {
		return field.ErrorList{field.Invalid(path, weight, "must be between -100 and 100")}
	}
	return nil
}

func validateWorkloadAffinity(affinity []v1alpha1.WorkloadAffinity, path *field.Path) field.ErrorList {
	topologies := []v1alpha1.Topology{v1alpha1.TopologyCluster, v1alpha1.TopologyContinent, v1alpha1.TopologyRegion, v1alpha1.TopologyZone}
	var kinds []string
	for _, k := range v1alpha1.PlacedKinds {
		kinds = append(kinds, k.Kind)
	}
	var errs field.ErrorList
	if len(affinity) > maxPreferences {
		errs = append(errs, field.TooMany(path, len(affinity), maxPreferences))
	}
	for i, a := range affinity {
		at := path.Index(i)
		if a.Workload.Name == "" {
			errs = append(errs, field.Required(at.Child("workload", "name"), "the workload to follow, or keep apart from"))
		}
		if !slices.Contains(kinds, a.Workload.Kind) {
			errs = append(errs, field.NotSupported(at.Child("workload", "kind"), a.Workload.Kind, kinds))
		}
		if !slices.Contains(topologies, a.Topology) {
			errs = append(errs, field.NotSupported(at.Child("topology"), a.Topology, topologies))
		}
		weight := ptr.Deref(a.Weight, 100)
		errs = append(errs, validatePercent(weight, at.Child("weight"))...)
		if weight == 0 {
			errs = append(errs, field.Invalid(at.Child("weight"), weight, "must not be 0: positive to follow, negative to keep apart"))
		}
	}
	return errs
}

func validateTolerations(tolerations []v1alpha1.Toleration, path *field.Path) field.ErrorList {
	operators := []v1alpha1.TolerationOperator{v1alpha1.TolerationEqual, v1alpha1.TolerationExists}
	var errs field.ErrorList
	for i, t := range tolerations {
		at := path.Index(i)
		if !slices.Contains(operators, t.Operator) {
			errs = append(errs, field.NotSupported(at.Child("operator"), t.Operator, operators))
		}
		if t.Key == "" && t.Operator != v1alpha1.TolerationExists {
			errs = append(errs, field.Invalid(at.Child("operator"), t.Operator, "operator must be Exists when `key` is empty"))
		}
		if t.Operator == v1alpha1.TolerationExists && t.Value != "" {
			errs = append(errs, field.Invalid(at.Child("value"), t.Value, "value must be empty when `operator` is Exists"))
		}
		if t.Key != "" {
			errs = append(errs, metav1validation.ValidateLabelName(t.Key, at.Child("key"))...)
		}
		if t.Effect != "" && !slices.Contains(taintEffects, t.Effect) {
			errs = append(errs, field.NotSupported(at.Child("effect"), t.Effect, taintEffects))
		}
	}
	return errs
}
