// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"cmp"
	"encoding/json"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Rolling is how the pods of an object are replaced when its template changes.
type Rolling struct {
	// Paused says that they are not, for now.
	Paused bool
	// Strategy bounds how many may be missing meanwhile, or more, over all clusters. Nil where each cluster has bounds of
	// its own.
	Strategy *appsv1.DeploymentStrategy
}

// Bounds are how many more pods than a number of replicas there may be meanwhile, and how many fewer available, over all
// clusters.
func (r *Rolling) Bounds(replicas int32) (surge, unavailable int64) {
	return bounds(r.Strategy, replicas)
}

// BoundsIn are the same of one cluster that has so many replicas.
func (r *Rolling) BoundsIn(spec *v1alpha1.PlacementSpec, cluster string, replicas int32) (surge, unavailable int64) {
	strategy := r.Strategy.DeepCopy()
	divideRollout(strategy, spec, cluster)
	return bounds(strategy, replicas)
}

// bounds resolves a strategy as Kubernetes does: what may be missing is rounded down, what may be more is rounded up, and
// at least one pod may move.
func bounds(strategy *appsv1.DeploymentStrategy, replicas int32) (surge, unavailable int64) {
	if strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return 0, int64(replicas)
	}
	if surge, unavailable = resolve(strategy, replicas); surge == 0 && unavailable == 0 {
		unavailable = 1
	}
	return surge, min(unavailable, int64(replicas))
}

// resolve is what a strategy comes to, which may be that no pod may move.
func resolve(strategy *appsv1.DeploymentStrategy, replicas int32) (surge, unavailable int64) {
	fewer, more := intstr.FromString("25%"), intstr.FromString("25%")
	if r := strategy.RollingUpdate; r != nil {
		fewer, more = ptr.Deref(r.MaxUnavailable, fewer), ptr.Deref(r.MaxSurge, more)
	}
	u, err := intstr.GetScaledValueFromIntOrPercent(&fewer, int(replicas), false)
	if err != nil {
		u = 0 // refused when it is written
	}
	s, err := intstr.GetScaledValueFromIntOrPercent(&more, int(replicas), true)
	if err != nil {
		s = 1
	}
	return int64(s), int64(u)
}

// TemplateIn is the hash of the pod template that a cluster is to have; empty where it is not told.
func TemplateIn(spec *v1alpha1.PlacementSpec, cluster string) string {
	if share := Share(spec, cluster); share != nil && share.TemplateHash != "" {
		return share.TemplateHash
	}
	return spec.TemplateHash
}

// Template is the pod template of before that a cluster keeps until it is its turn; nil if it has that of the workload, or
// if it is not known any more: what is in the cluster is left as it is then.
func Template(spec *v1alpha1.PlacementSpec, cluster string) (before *corev1.PodTemplateSpec, waits bool) {
	hash := TemplateIn(spec, cluster)
	if hash == spec.TemplateHash {
		return nil, false
	}
	for _, t := range spec.Templates {
		if t.Hash == hash {
			before = &corev1.PodTemplateSpec{}
			if json.Unmarshal(t.Template.Raw, before) != nil {
				return nil, true
			}
		}
	}
	return before, true
}

// Waiting are the clusters that keep a pod template of before until it is their turn.
func Waiting(spec *v1alpha1.PlacementSpec) (clusters []string) {
	for _, a := range spec.Clusters {
		if a.TemplateHash != "" {
			clusters = append(clusters, a.Name)
		}
	}
	return clusters
}

// setTemplate gives a cluster's copy of an object the pod template that the cluster is to have, and has it say which it is.
func (k *Kind) setTemplate(obj runtime.Object, spec *v1alpha1.PlacementSpec, cluster string) {
	if spec == nil || spec.TemplateHash == "" {
		return
	}
	if before, _ := Template(spec, cluster); before != nil {
		*k.Template(obj) = *before
	}
	o := obj.(metav1.Object)
	annotations := o.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.AnnotationTemplateHash] = TemplateIn(spec, cluster)
	o.SetAnnotations(annotations)
}

// dividesRollout says whether a strategy says in numbers how many replicas may be missing during a rollout, or more: what
// holds for all clusters together is divided then. Per cents are right in each cluster as they are.
func dividesRollout(strategy *appsv1.DeploymentStrategy) bool {
	r := strategy.RollingUpdate
	return r != nil && (isNumber(r.MaxUnavailable) || isNumber(r.MaxSurge))
}

func isNumber(n *intstr.IntOrString) bool { return n != nil && n.Type == intstr.Int && n.IntVal > 0 }

// divideRollout gives a cluster its part of the replicas that may be missing during a rollout, and of those beyond. A
// cluster whose part of both is none could not roll out: there may be one more there, or one may be missing where the
// Deployment allows for none more.
func divideRollout(strategy *appsv1.DeploymentStrategy, spec *v1alpha1.PlacementSpec, cluster string) {
	if spec == nil || spec.Replicas == nil || !dividesRollout(strategy) {
		return
	}
	r := strategy.RollingUpdate
	surges := !isNone(r.MaxSurge)
	for _, n := range []*intstr.IntOrString{r.MaxUnavailable, r.MaxSurge} {
		if isNumber(n) {
			n.IntVal = PartOf(n.IntVal, spec.Clusters, cluster)
		}
	}
	one := ptr.To(intstr.FromInt32(1))
	switch surge, unavailable := resolve(strategy, fewestIn(spec, cluster)); {
	case surge > 0 || unavailable > 0:
	case surges:
		r.MaxSurge = one
	default:
		r.MaxUnavailable = one
	}
}

// fewestIn is how many replicas a cluster has at least.
func fewestIn(spec *v1alpha1.PlacementSpec, cluster string) int32 {
	share := Share(spec, cluster)
	if share == nil {
		return 0
	}
	return ptr.Deref(cmp.Or(share.MinReplicas, share.Replicas), 0)
}

func isNone(n *intstr.IntOrString) bool {
	return n == nil || n.Type == intstr.Int && n.IntVal == 0 || n.Type == intstr.String && n.StrVal == "0%"
}

// PartOf is a cluster's part of a number, by the replicas that each is to have. The parts add up to it.
func PartOf(n int32, clusters []v1alpha1.ClusterAssignment, cluster string) int32 {
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
