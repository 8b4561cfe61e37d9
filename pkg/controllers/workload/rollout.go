// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"cmp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// dividesRollout says whether a Deployment says in numbers how many replicas may be missing during a rollout, or more: what
// holds for all clusters together is divided then. Per cents are right in each cluster as they are.
func dividesRollout(d *appsv1.Deployment) bool {
	r := d.Spec.Strategy.RollingUpdate
	return r != nil && (isNumber(r.MaxUnavailable) || isNumber(r.MaxSurge))
}

func isNumber(n *intstr.IntOrString) bool { return n != nil && n.Type == intstr.Int && n.IntVal > 0 }

// divideRollout gives a cluster its part of the replicas that may be missing during a rollout, and of those beyond. A
// cluster whose part of both is none could not roll out: there may be one more there, or one may be missing where the
// Deployment allows for none more.
func divideRollout(d *appsv1.Deployment, spec *v1alpha1.PlacementSpec, cluster string) {
	if spec == nil || spec.Replicas == nil || !dividesRollout(d) {
		return
	}
	r := d.Spec.Strategy.RollingUpdate
	surges := !isNone(r.MaxSurge)
	for _, n := range []*intstr.IntOrString{r.MaxUnavailable, r.MaxSurge} {
		if isNumber(n) {
			n.IntVal = partOf(n.IntVal, spec.Clusters, cluster)
		}
	}
	one := ptr.To(intstr.FromInt32(1))
	switch {
	case !isNone(r.MaxUnavailable) || !isNone(r.MaxSurge):
	case surges:
		r.MaxSurge = one
	default:
		r.MaxUnavailable = one
	}
}

func isNone(n *intstr.IntOrString) bool {
	return n == nil || n.Type == intstr.Int && n.IntVal == 0 || n.Type == intstr.String && n.StrVal == "0%"
}

// partOf is a cluster's part of a number, by the replicas that each is to have. The parts add up to it.
func partOf(n int32, clusters []v1alpha1.ClusterAssignment, cluster string) int32 {
	type part struct {
		name        string
		whole, rest int64
	}
	var sum int64
	count := func(a v1alpha1.ClusterAssignment) int64 {
		return int64(ptr.Deref(cmp.Or(a.MaxReplicas, a.Target, a.Replicas), 0))
	}
	for _, a := range clusters {
		sum += count(a)
	}
	if sum == 0 {
		return n
	}
	var parts []part
	left := int64(n)
	for _, a := range clusters {
		p := part{name: a.Name, whole: int64(n) * count(a) / sum, rest: int64(n) * count(a) % sum}
		left -= p.whole
		parts = append(parts, p)
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(b.rest, a.rest), cmp.Compare(a.name, b.name)) })
	for i, p := range parts {
		if p.name == cluster {
			if int64(i) < left {
				p.whole++
			}
			return int32(p.whole)
		}
	}
	return 0
}
