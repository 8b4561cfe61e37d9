// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// The templates that clusters keep are found in the decision before, or else among the revisions, and only those.
func TestTemplatesAreKept(t *testing.T) {
	apps := informers.NewSharedInformerFactory(nil, 0).Apps().V1()
	c := &Controller{revisions: map[schema.GroupVersionResource]cache.SharedIndexInformer{
		workload.ReplicaSet.Resource: apps.ReplicaSets().Informer(), controllerRevisions: apps.ControllerRevisions().Informer(),
	}}
	template := func(node string) corev1.PodTemplateSpec {
		return corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}}, Spec: corev1.PodSpec{NodeName: node}}
	}
	hash := func(node string) string {
		of := template(node)
		return workload.RevisionHash(&of, 0)
	}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "1"}}
	agent := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "2"}}
	other := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", UID: "3"}}
	for i, of := range []struct {
		owner workload.Object
		node  string
	}{{deployment, "one"}, {deployment, "two"}, {agent, "three"}, {other, "four"}} {
		meta := metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprint("r", i), OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(of.owner, workload.KindOf(of.owner).GroupVersionKind)}}
		recorded := template(of.node)
		var err error
		if of.owner == workload.Object(agent) {
			raw := fmt.Sprintf(`{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"web"}},"spec":{"containers":null,"nodeName":%q}}}}`, of.node)
			err = c.revisions[controllerRevisions].GetIndexer().Add(&appsv1.ControllerRevision{ObjectMeta: meta, Data: runtime.RawExtension{Raw: []byte(raw)}})
		} else {
			recorded.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = "salted"
			err = c.revisions[workload.ReplicaSet.Resource].GetIndexer().Add(&appsv1.ReplicaSet{ObjectMeta: meta, Spec: appsv1.ReplicaSetSpec{Template: recorded}})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		obj   workload.Object
		keeps []string // hashes, by cluster
		want  string   // of templates
	}{
		{"none waits", deployment, []string{"", ""}, ""},
		{"recorded, once for all that keep it", deployment, []string{hash("one"), "", hash("one")}, "one"},
		{"of several", deployment, []string{hash("one"), hash("two"), "held"}, "held one two"},
		{"in a ControllerRevision", agent, []string{hash("three")}, "three"},
		{"of another object of that name", deployment, []string{hash("four")}, ""},
	} {
		was := &v1alpha1.PlacementSpec{Templates: []v1alpha1.PlacementTemplate{{Hash: "held", Template: v1alpha1.JSON{Raw: []byte(`{"spec":{"nodeName":"held"}}`)}}, {Hash: "not kept any more"}}}
		next := &v1alpha1.PlacementSpec{TemplateHash: "new"}
		for i, keeps := range tt.keeps {
			next.Clusters = append(next.Clusters, v1alpha1.ClusterAssignment{Name: fmt.Sprint("c", i), TemplateHash: keeps})
		}
		if err := c.keepTemplates(workload.KeyFor(workload.KindOf(tt.obj), tt.obj), tt.obj, was, next); err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, a := range next.Clusters {
			if before, _ := workload.Template(next, a.Name); before != nil {
				found[before.Spec.NodeName] = true
			}
		}
		want := strings.Fields(tt.want)
		if len(found) != len(want) || len(next.Templates) != len(want) {
			t.Errorf("%s: %v of %d templates, want %v", tt.name, found, len(next.Templates), want)
		}
		for _, node := range want {
			if !found[node] {
				t.Errorf("%s: the template of %s is not found", tt.name, node)
			}
		}
	}
}
