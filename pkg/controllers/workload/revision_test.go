// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

func TestRevisionName(t *testing.T) {
	a, b := &corev1.PodTemplateSpec{}, &corev1.PodTemplateSpec{Spec: corev1.PodSpec{NodeName: "n"}}
	hashes := map[string]bool{RevisionHash(a, 0): true, RevisionHash(a, 1): true, RevisionHash(b, 0): true}
	if len(hashes) != 3 || !hashes[RevisionHash(a.DeepCopy(), 0)] {
		t.Errorf("hashes %v", hashes)
	}
	for _, name := range []string{"web", strings.Repeat("x", 253), strings.Repeat("x.", 126)} {
		got := RevisionName(name, RevisionHash(a, 0))
		if msgs := validation.IsDNS1123Subdomain(got); len(msgs) > 0 || !strings.HasPrefix(got, name[:min(3, len(name))]) {
			t.Errorf("%s: %v", got, msgs)
		}
	}
}

// A ReplicaSet that records a revision of a Deployment is no workload; one that an operator owns is.
func TestRevisionsAreNoWorkloads(t *testing.T) {
	controlled := func(apiVersion, kind string) *appsv1.ReplicaSet {
		set := &appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: strings.ToLower(kind)}}
		set.OwnerReferences = []metav1.OwnerReference{{APIVersion: apiVersion, Kind: kind, Name: "web", Controller: new(true)}}
		set.Spec.Template.Spec.ServiceAccountName = "robot"
		return set
	}
	record, placed := controlled("apps/v1", "Deployment"), controlled("argoproj.io/v1alpha1", "Rollout")
	native := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	listers, err := NewListers(native)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []*appsv1.ReplicaSet{record, placed} {
		if err := native.Apps().V1().ReplicaSets().Informer().GetStore().Add(set); err != nil {
			t.Fatal(err)
		}
	}
	if obj, err := listers.Get(KeyFor(ReplicaSet, record)); obj != nil || err != nil {
		t.Errorf("the record is found: %v, %v", obj, err)
	}
	if obj, err := listers.Get(KeyFor(ReplicaSet, placed)); obj == nil || err != nil {
		t.Errorf("the other is not found: %v", err)
	}
	var seen []string
	listers.Each(func(key Key) { seen = append(seen, key.String()) })
	listers.EachIn("default", (*Kind).Placed, func(key Key, _ Object) { seen = append(seen, key.String()) })
	if got := strings.Join(seen, " "); got != "replicaset/default/rollout replicaset/default/rollout" {
		t.Errorf("seen: %s", got)
	}
	if refs := References(record); len(refs) > 0 {
		t.Errorf("the record refers to %v", refs)
	}
}
