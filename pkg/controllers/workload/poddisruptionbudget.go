// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"cmp"
	"slices"

	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/members"
)

// PodDisruptionBudget goes where the workloads run whose pods it selects. A number in it is divided by their replicas.
var PodDisruptionBudget = &Kind{
	GroupVersionKind: policyv1.SchemeGroupVersion.WithKind("PodDisruptionBudget"),
	Resource:         members.PodDisruptionBudgets,
	Behind: func(obj runtime.Object, kind *Kind, other runtime.Object) bool {
		return selectsPods(obj.(*policyv1.PodDisruptionBudget).Spec.Selector, kind, other)
	},
	Wants: kind.Of(func(p *policyv1.PodDisruptionBudget) []string {
		if p.Spec.Selector == nil {
			return nil
		}
		return labelsTerm(p.Spec.Selector.MatchLabels)
	}),
	Bound: kind.Of(func(p *policyv1.PodDisruptionBudget) *int32 {
		if n := numberOf(p); n != nil {
			return &n.IntVal
		}
		return nil
	}),
	Localize: func(obj runtime.Object, spec *v1alpha1.PlacementSpec, cluster string) {
		if n, share := numberOf(obj.(*policyv1.PodDisruptionBudget)), Share(spec, cluster); n != nil && share != nil && share.Budget != nil {
			n.IntVal = *share.Budget
		}
	},
	Local:    kind.Of(func(p *policyv1.PodDisruptionBudget) bool { return numberOf(p) != nil }),
	Observed: kind.Of(func(p *policyv1.PodDisruptionBudget) int64 { return p.Status.ObservedGeneration }),
	Report: reportBy(func(p *policyv1.PodDisruptionBudget, into *v1alpha1.ClusterPlacementStatus) {
		keep(into, policyv1.PodDisruptionBudgetStatus{
			DisruptionsAllowed: p.Status.DisruptionsAllowed, CurrentHealthy: p.Status.CurrentHealthy,
			DesiredHealthy: p.Status.DesiredHealthy, ExpectedPods: p.Status.ExpectedPods,
		})
	}),
	Sum: sumBy(sumBudget),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*policyv1.PodDisruptionBudget] {
		return kube.PolicyV1().PodDisruptionBudgets(namespace)
	}),
}

// selectsPods says whether an object of a kind makes pods that a selector matches: empty all of them, nil none.
// numberOf is how many pods a budget wants available, or lets be missing; nil where it says so in per cent, which is as right
// in each cluster.
func numberOf(p *policyv1.PodDisruptionBudget) *intstr.IntOrString {
	if n := cmp.Or(p.Spec.MinAvailable, p.Spec.MaxUnavailable); n != nil && n.Type == intstr.Int {
		return n
	}
	return nil
}

func selectsPods(selector *metav1.LabelSelector, kind *Kind, obj runtime.Object) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && makesPods(kind, obj, parsed) // a selector that is none is refused when it is written
}

func sumBudget(p *policyv1.PodDisruptionBudget, r Reports) {
	next := policyv1.PodDisruptionBudgetStatus{ObservedGeneration: r.observed(p.Status.ObservedGeneration), Conditions: slices.Clone(p.Status.Conditions)}
	for i := range r.Clusters {
		in := kept[policyv1.PodDisruptionBudgetStatus](&r.Clusters[i])
		next.DisruptionsAllowed += in.DisruptionsAllowed
		next.CurrentHealthy += in.CurrentHealthy
		next.DesiredHealthy += in.DesiredHealthy
		next.ExpectedPods += in.ExpectedPods
	}
	allowed := metav1.Condition{
		Type: policyv1.DisruptionAllowedCondition, Status: metav1.ConditionFalse, Reason: policyv1.InsufficientPodsReason,
		ObservedGeneration: next.ObservedGeneration, LastTransitionTime: metav1.NewTime(r.Now),
	}
	if next.DisruptionsAllowed > 0 {
		allowed.Status, allowed.Reason = metav1.ConditionTrue, policyv1.SufficientPodsReason
	}
	meta.SetStatusCondition(&next.Conditions, allowed)
	p.Status = next
}
