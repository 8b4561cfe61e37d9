// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
)

// importedPriority is that of the policies that import makes: every policy of somebody else's overrules them.
const importedPriority = -100

// policyOf keeps what is in a namespace in the cluster that it was imported from, and takes over what is there.
func policyOf(cluster, namespace string) *v1alpha1.PlacementPolicy {
	return &v1alpha1.PlacementPolicy{
		ObjectMeta: metav1.ObjectMeta{
			Name: "imported-from-" + cluster, Namespace: namespace, Annotations: map[string]string{v1alpha1.AnnotationImportedFrom: cluster},
		},
		Spec: v1alpha1.PlacementPolicySpec{
			Priority: importedPriority, Clusters: []v1alpha1.ClusterWeight{{Name: cluster, Weight: ptr.To[int64](1)}}, Conflict: v1alpha1.ConflictAdopt,
		},
	}
}

// isOurs says whether a policy is one that import has made.
func isOurs(p *v1alpha1.PlacementPolicy, cluster string) bool {
	return p.Name == "imported-from-"+cluster && p.Annotations[v1alpha1.AnnotationImportedFrom] == cluster
}

// keeps says whether a policy leaves what is taken over from a cluster there.
func keeps(p *v1alpha1.PlacementPolicy, cluster string) bool {
	named := false
	for _, c := range p.Spec.Clusters {
		weighs := ptr.Deref(c.Weight, 1) > 0
		if c.Name == cluster {
			named = weighs
		} else if weighs {
			return false
		}
	}
	return named && (isOurs(p, cluster) || p.Spec.Conflict == v1alpha1.ConflictAdopt)
}

// labelled is what a policy sees of a workload.
type labelled struct {
	name   string // as people write it
	labels map[string]string
}

// misplaced says of the workloads of a namespace which would not stay where they are: those that are taken over if another
// policy selects them, and those that are in the federation already if the policy of the import is the one that does.
func misplaced(cluster, namespace string, taken, here []labelled, policies []*v1alpha1.PlacementPolicy) (problems []string) {
	if !slices.ContainsFunc(policies, func(p *v1alpha1.PlacementPolicy) bool { return isOurs(p, cluster) }) {
		policies = append(slices.Clone(policies), policyOf(cluster, namespace))
	}
	for _, w := range taken {
		p, err := decision.SelectPolicy(labels.Set(w.labels), policies)
		if err == nil && p != nil && !keeps(p, cluster) {
			problems = append(problems, fmt.Sprintf("%s: placementpolicy/%s would not keep it in %s alone. Give it one that does, of a higher priority, with conflict: Adopt", w.name, p.Name, cluster))
		}
	}
	for _, w := range here {
		if p, err := decision.SelectPolicy(labels.Set(w.labels), policies); err == nil && p != nil && isOurs(p, cluster) && p.ResourceVersion == "" {
			problems = append(problems, fmt.Sprintf("%s: is in the federation and not from %s, but would be placed there. Give it a policy of its own", w.name, cluster))
		}
	}
	return problems
}

// obstacles are what in the federation is in the way.
func (i *importing) obstacles(ctx context.Context) (problems []string, err error) {
	for _, o := range i.foreign {
		problems = append(problems, o.String()+": the federation has one already. Rename or delete one of the two")
	}
	coming := slices.Concat(i.missing, i.begun, i.foreign)
	concerned := namespacesOf(coming)
	for _, ns := range i.namespaces {
		if !slices.Contains(concerned, ns.GetName()) {
			continue
		}
		taken := labelledIn(ns.GetName(), coming)
		list, err := i.federation.drover.FederationV1alpha1().PlacementPolicies(ns.GetName()).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, i.federation.explain("list placementpolicies in "+ns.GetName(), err)
		}
		var policies []*v1alpha1.PlacementPolicy
		for n := range list.Items {
			policies = append(policies, &list.Items[n])
		}
		here, err := i.placedHere(ctx, ns.GetName())
		if err != nil {
			return nil, err
		}
		problems = append(problems, misplaced(i.Cluster, ns.GetName(), taken, here, policies)...)
	}
	slices.Sort(problems)
	return problems, nil
}

// placedHere are the workloads of a namespace that the federation has, and not from the cluster.
func (i *importing) placedHere(ctx context.Context, namespace string) ([]labelled, error) {
	var out []object
	for _, kind := range workload.Kinds {
		if !kind.Placed() {
			continue
		}
		list, err := i.here.Resource(kind.Resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, i.federation.explain("list "+kind.Resource.Resource+" in "+namespace, err)
		}
		for n := range list.Items {
			o := object{kind.Resource, &list.Items[n]}
			isRevision := strings.EqualFold(o.GetKind(), workload.ReplicaSet.Kind) && len(o.GetOwnerReferences()) > 0
			if o.GetAnnotations()[v1alpha1.AnnotationImportedFrom] != i.Cluster && !isRevision {
				out = append(out, o)
			}
		}
	}
	return labelledIn(namespace, out), nil
}

// labelledIn are the workloads among objects that policies of a namespace place.
func labelledIn(namespace string, objects []object) (out []labelled) {
	for _, o := range objects {
		if kind := workload.KindOfResource(o.resource); kind != nil && kind.Placed() && o.GetNamespace() == namespace {
			out = append(out, labelled{o.String(), o.GetLabels()})
		}
	}
	return out
}
