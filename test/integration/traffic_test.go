// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// A TrafficPolicy says whether clients are led by it, whatever anybody else writes into its status.
func TestTrafficPolicyStatus(t *testing.T) {
	f, ctx := startFor(t, withControllers), t.Context()
	namespace := f.namespace(t)
	policies, services := f.own.FederationV1alpha1().TrafficPolicies(namespace), f.kube.CoreV1().Services(namespace)
	for _, name := range []string{"web", "web-too"} {
		p := &v1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}}
		p.Spec.Target.Name = "web"
		p.Spec.Clusters = []v1alpha1.ClusterTraffic{{Name: "east", Weight: ptr.To[int64](95)}, {Name: "west", Weight: ptr.To[int64](5)}}
		p.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionApplied, Status: metav1.ConditionTrue, Reason: "SaidByTheClient"}}
		if created := must[*v1alpha1.TrafficPolicy](t)(policies.Create(ctx, p, metav1.CreateOptions{})); len(created.Status.Conditions) > 0 {
			t.Errorf("a client writes the status: %+v", created.Status)
		}
	}
	expect := func(what string, generation int64, reasons map[string]string) {
		t.Helper()
		eventually(t, what, func() string {
			for name, reason := range reasons {
				got := must[*v1alpha1.TrafficPolicy](t)(policies.Get(ctx, name, metav1.GetOptions{}))
				c := meta.FindStatusCondition(got.Status.Conditions, v1alpha1.ConditionApplied)
				if c == nil || c.Reason != reason || (c.Status == metav1.ConditionTrue) != (reason == "Applied") || c.ObservedGeneration != got.Generation || got.Generation < generation {
					return fmt.Sprintf("%s has %+v, want %s", name, got.Status, reason)
				}
			}
			return ""
		})
	}
	expect("there is no Service", 1, map[string]string{"web": "TargetNotFound", "web-too": "TargetNotFound"})
	must[*corev1.Service](t)(services.Create(ctx, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}, metav1.CreateOptions{}))
	expect("the first by name applies", 1, map[string]string{"web": "Applied", "web-too": "Overruled"})

	// A weight is changed as kubectl patch does, by the name of its cluster.
	patched := must[*v1alpha1.TrafficPolicy](t)(policies.Patch(ctx, "web", types.StrategicMergePatchType, []byte(`{"spec": {"clusters": [{"name": "east", "weight": 0}]}, "status": {"observedGeneration": 99}}`), metav1.PatchOptions{}))
	if got := patched.Spec.Clusters; len(got) != 2 || *got[0].Weight != 0 || *got[1].Weight != 5 || patched.Status.ObservedGeneration == 99 {
		t.Errorf("patched to %+v, %+v", got, patched.Status)
	}
	expect("the change is seen", 2, map[string]string{"web": "Applied"})
	if err := policies.Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("the next applies", 1, map[string]string{"web-too": "Applied"})
	if err := services.Delete(ctx, "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	expect("the Service is gone", 1, map[string]string{"web-too": "TargetNotFound"})
}
