// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"pgregory.net/rapid"
)

// What the indexes find is what is found by asking every object about every other.
func TestBehindIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		native := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
		listers, err := NewListers(native)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := NewListers(native); err != nil {
			t.Fatalf("the next listers of the same informers: %v", err)
		}
		var all []Object
		for i := range rapid.IntRange(0, 12).Draw(t, "objects") {
			obj := drawObject(t, i)
			if err := listers.Informer(KindOf(obj)).GetStore().Add(obj); err != nil {
				t.Fatal(err)
			}
			all = append(all, obj)
		}
		for _, obj := range all {
			kind := KindOf(obj)
			var behind, followers, guards []string
			for _, other := range all {
				if other.GetNamespace() != obj.GetNamespace() {
					continue
				}
				otherKind := KindOf(other)
				if kind.Behind != nil && otherKind.leads() && kind.Behind(obj, otherKind, other) {
					behind = append(behind, KeyFor(otherKind, other).String())
				}
				if kind.leads() && otherKind.Behind != nil && otherKind.Behind(other, kind, obj) {
					followers = append(followers, KeyFor(otherKind, other).String())
					if otherKind.Guards {
						guards = append(guards, KeyFor(otherKind, other).String())
					}
				}
			}
			for what, found := range map[string]struct{ got, want []string }{
				"behind":    {names(listers.Behind(kind, obj)), behind},
				"following": {names(listers.Followers(kind, obj)), followers},
				"guarding":  {names(listers.Guards(kind, obj)), guards},
			} {
				slices.Sort(found.want)
				if diff := cmp.Diff(found.want, found.got); diff != "" {
					t.Errorf("%s %s (-want +got):\n%s", what, KeyFor(kind, obj), diff)
				}
			}
		}
	})
}

func names(keys []Key) (out []string) {
	for _, key := range keys {
		out = append(out, key.String())
	}
	slices.Sort(out)
	return out
}

func drawObject(t *rapid.T, i int) Object {
	namespace := rapid.SampledFrom([]string{"default", "shop"}).Draw(t, "namespace")
	meta := metav1.ObjectMeta{Namespace: namespace, Name: fmt.Sprint("o", i)}
	labels := func(what string) map[string]string {
		return rapid.MapOfN(rapid.SampledFrom([]string{"app", "tier"}), rapid.SampledFrom([]string{"a", "b"}), 0, 2).Draw(t, what)
	}
	name := func() string { return fmt.Sprint("o", rapid.IntRange(0, 12).Draw(t, "name")) }
	template := corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels("template")}}
	selector := &metav1.LabelSelector{MatchLabels: labels("selector")}
	if rapid.Bool().Draw(t, "expression") {
		selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"b"}}}
	}
	backend := func() *networkingv1.IngressBackend {
		return &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: name()}}
	}
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Template: template}}
	case 1:
		return &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Template: template}}
	case 2:
		return &batchv1.CronJob{ObjectMeta: meta, Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: template}}}}
	case 3:
		return &corev1.Service{ObjectMeta: meta, Spec: corev1.ServiceSpec{Selector: selector.MatchLabels}}
	case 4:
		rule := networkingv1.IngressRule{IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{Backend: *backend()}}}}}
		return &networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{DefaultBackend: backend(), Rules: []networkingv1.IngressRule{rule}}}
	case 5:
		ref := autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: rapid.SampledFrom([]string{"Deployment", "StatefulSet"}).Draw(t, "scaled"), Name: name()}
		return &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: meta, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{ScaleTargetRef: ref}}
	case 6:
		return &policyv1.PodDisruptionBudget{ObjectMeta: meta, Spec: policyv1.PodDisruptionBudgetSpec{Selector: selector}}
	case 7:
		return &policyv1.PodDisruptionBudget{ObjectMeta: meta}
	case 8:
		return &networkingv1.NetworkPolicy{ObjectMeta: meta, Spec: networkingv1.NetworkPolicySpec{PodSelector: *selector}}
	default:
		return &corev1.ResourceQuota{ObjectMeta: meta}
	}
}
