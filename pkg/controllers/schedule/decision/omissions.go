// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// omissions says what is not done of what a workload and its policy ask for, though it is placed. What its owner would
// miss first comes first.
func omissions(w Workload, in Inputs, next *v1alpha1.PlacementSpec) (out []v1alpha1.PlacementOmission) {
	if w.Finished {
		return nil
	}
	omit := func(code, format string, args ...any) {
		out = append(out, v1alpha1.PlacementOmission{Code: code, Message: fmt.Sprintf(format, args...)})
	}
	if w.Undivided != "" {
		omit(v1alpha1.OmittedDivision, "each cluster runs all of it: %s", w.Undivided)
	}
	if w.Begun != "" {
		omit(v1alpha1.OmittedChange, "it was begun %s, and stays so: a cluster cannot change the completions of a Job that it has", w.Begun)
	}
	if names := keptAsBegun(w, in, next); len(names) > 0 {
		omit(v1alpha1.OmittedChange, "it would leave %s by now, and does not: a Job that has begun runs to its end there", strings.Join(names, ", "))
	}
	if fields := ignoredFields(w, in, next); len(fields) > 0 {
		of := "a Job that is divided once"
		if w.Whole != "" {
			of = "what each cluster runs all of"
		}
		omit(v1alpha1.OmittedPolicyFields, "what policy %s says does not count for %s: %s", in.Policy.Name, of, strings.Join(fields, ", "))
	}
	if w.Numbered && w.Whole == "" && len(next.Clusters) > 1 {
		omit(v1alpha1.OmittedOrdinals, "each cluster numbers its pods anew: pods of several clusters have the same name")
	}
	if w.Volumes != "" {
		omit(v1alpha1.OmittedVolumes, "%s", w.Volumes)
	}
	return out
}

// keptAsBegun are the clusters that keep what they were given of a Job, though a policy or a migration would have it leave.
func keptAsBegun(w Workload, in Inputs, next *v1alpha1.PlacementSpec) (names []string) {
	if !w.Fixed || in.Current == nil {
		return nil
	}
	for _, cluster := range in.Clusters {
		if !isPlaced(next, cluster.Name) {
			continue
		}
		migrated := in.Migration != nil && in.Migration.Spec.From == cluster.Name
		if weight, excluded := weightOf(in, cluster); migrated || w.Whole == "" && (excluded || weight.preferred == 0) {
			names = append(names, cluster.Name)
		}
	}
	slices.Sort(names)
	return names
}

// clusterWeight is what a policy says of a cluster.
type clusterWeight struct {
	v1alpha1.ClusterWeight
	// preferred is the weight with all preferences.
	preferred int64
}

// weightOf is what the policy says of a cluster, or whether it excludes it.
func weightOf(in Inputs, cluster *v1alpha1.Cluster) (out clusterWeight, excluded bool) {
	weight, exclusion := weigh(in.Policy, cluster)
	if exclusion != nil {
		return out, true
	}
	preferred, exclusion := prefer(in, cluster, ptr.Deref(weight.Weight, 1))
	return clusterWeight{weight, preferred}, exclusion != nil
}

// ignoredFields are those of the policy that say something, and that count for nothing with the workload.
func ignoredFields(w Workload, in Inputs, next *v1alpha1.PlacementSpec) (fields []string) {
	if in.Policy == nil || w.Whole == "" && !w.Fixed {
		return nil
	}
	spec, unsaid := &in.Policy.Spec, v1alpha1.PlacementPolicySpec{}
	v1alpha1.SetDefaults_PlacementPolicySpec(&unsaid)
	if w.Whole != "" {
		fields = ignoredOfClusters(in, next)
		if len(spec.Spread) > 0 {
			fields = append(fields, "spread")
		}
	}
	for _, f := range []struct {
		name         string
		said, unsaid any
		counts       bool
	}{
		{"rebalance", spec.Rebalance, unsaid.Rebalance, false},
		{"overflow", spec.Overflow, unsaid.Overflow, false},
		{"move", spec.Move, unsaid.Move, !w.Fixed && !w.Timed},
	} {
		if !f.counts && !apiequality.Semantic.DeepEqual(f.said, f.unsaid) {
			fields = append(fields, f.name)
		}
	}
	return fields
}

// ignoredOfClusters are the fields of a policy's clusters that would have had one with all of a workload get another number
// than the others.
func ignoredOfClusters(in Inputs, next *v1alpha1.PlacementSpec) (fields []string) {
	var placed []clusterWeight
	for _, cluster := range in.Clusters {
		if weight, excluded := weightOf(in, cluster); !excluded && isPlaced(next, cluster.Name) {
			placed = append(placed, weight)
		}
	}
	for _, f := range []struct {
		name string
		says func(c clusterWeight) bool
	}{
		{"weight", func(c clusterWeight) bool { return c.preferred != placed[0].preferred }},
		{"minReplicas", func(c clusterWeight) bool { return c.MinReplicas > 0 }},
		{"maxReplicas", func(c clusterWeight) bool { return c.MaxReplicas != nil }},
		{"priority", func(c clusterWeight) bool { return c.Priority != placed[0].Priority }},
	} {
		for _, c := range placed {
			if f.says(c) {
				fields = append(fields, f.name)
				break
			}
		}
	}
	return fields
}

// volumesNotMoved says what does not become of the volumes of an object that are to outlive its pods; empty if it has none.
func volumesNotMoved(kind *workload.Kind, obj workload.Object) string {
	var said, named, made []string
	for _, v := range kind.Template(obj).Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			named = append(named, v.PersistentVolumeClaim.ClaimName)
		}
	}
	if s, ok := obj.(*appsv1.StatefulSet); ok {
		for i := range s.Spec.VolumeClaimTemplates {
			made = append(made, s.Spec.VolumeClaimTemplates[i].Name)
		}
	}
	if len(made) > 0 {
		said = append(said, fmt.Sprintf("each cluster makes volumes of its own (%s): what is in them is not copied, and does not move along", strings.Join(made, ", ")))
	}
	if len(named) > 0 {
		said = append(said, fmt.Sprintf("each cluster has to have the PersistentVolumeClaim already that the pods name (%s): none is made, nor moved", strings.Join(named, ", ")))
	}
	return strings.Join(said, "; ")
}
