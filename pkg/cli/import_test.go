// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// Nothing is moved by being taken over: neither what is taken over, nor what is in the federation already.
func TestMisplaced(t *testing.T) {
	policy := func(name string, priority int32, conflict v1alpha1.ConflictPolicy, clusters ...v1alpha1.ClusterWeight) *v1alpha1.PlacementPolicy {
		return &v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", ResourceVersion: "1"}, Spec: v1alpha1.PlacementPolicySpec{
			Selector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, Priority: priority, Conflict: conflict, Clusters: clusters,
		}}
	}
	in := func(name string, weight int64) v1alpha1.ClusterWeight {
		return v1alpha1.ClusterWeight{Name: name, Weight: ptr.To(weight)}
	}
	imported := func(cluster string, conflict v1alpha1.ConflictPolicy, clusters ...v1alpha1.ClusterWeight) *v1alpha1.PlacementPolicy {
		p := policyOf(cluster, "shop")
		p.ResourceVersion, p.Spec.Conflict, p.Spec.Clusters = "1", conflict, clusters
		return p
	}
	web := []labelled{{"deployment/web in shop", map[string]string{"app": "web"}}}
	for name, tt := range map[string]struct {
		taken, here []labelled
		policies    []*v1alpha1.PlacementPolicy
		want        string
	}{
		"no other policy":                     {taken: web},
		"a policy for all clusters":           {taken: web, policies: []*v1alpha1.PlacementPolicy{policy("all", 0, v1alpha1.ConflictAdopt)}, want: "placementpolicy/all would not keep it in a alone"},
		"one for another cluster":             {taken: web, policies: []*v1alpha1.PlacementPolicy{policy("b", 0, v1alpha1.ConflictAdopt, in("b", 1))}, want: "placementpolicy/b"},
		"one for this cluster, too":           {taken: web, policies: []*v1alpha1.PlacementPolicy{policy("ab", 0, v1alpha1.ConflictAdopt, in("a", 1), in("b", 1))}, want: "placementpolicy/ab"},
		"one for this cluster":                {taken: web, policies: []*v1alpha1.PlacementPolicy{policy("a", 0, v1alpha1.ConflictAdopt, in("a", 1), in("b", 0))}},
		"one that takes nothing over":         {taken: web, policies: []*v1alpha1.PlacementPolicy{policy("a", 0, v1alpha1.ConflictFail, in("a", 1))}, want: "conflict: Adopt"},
		"one of less priority":                {taken: web, policies: []*v1alpha1.PlacementPolicy{policy("all", importedPriority-1, v1alpha1.ConflictFail)}},
		"an import before":                    {taken: web, policies: []*v1alpha1.PlacementPolicy{imported("a", v1alpha1.ConflictFail, in("a", 1))}},
		"an import before, migrated since":    {taken: web, policies: []*v1alpha1.PlacementPolicy{imported("a", v1alpha1.ConflictFail, in("a", 0), in("b", 1))}, want: "placementpolicy/imported-from-a"},
		"what is in the federation":           {here: web, want: "is in the federation and not from a"},
		"what is there and has a policy":      {here: web, policies: []*v1alpha1.PlacementPolicy{policy("all", 0, v1alpha1.ConflictFail)}},
		"what came there after an import":     {here: web, policies: []*v1alpha1.PlacementPolicy{imported("a", v1alpha1.ConflictFail, in("a", 1))}},
		"what came from another cluster, too": {taken: web, policies: []*v1alpha1.PlacementPolicy{imported("z", v1alpha1.ConflictFail, in("z", 1))}},
	} {
		got := strings.Join(misplaced("a", "shop", tt.taken, tt.here, tt.policies), "\n")
		if !strings.Contains(got, tt.want) || (got == "") != (tt.want == "") {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// Who is asked is told what is taken, and what is not and why; what nobody misses is only counted.
func TestImportReport(t *testing.T) {
	read := func(manifest string) object { return object{members.Deployments, parse(t, manifest)} }
	ingress := object{members.Ingresses, parse(t, `{kind: Ingress, metadata: {name: web, namespace: shop}}`)}
	r := importReport{
		cluster: "a", managed: 2,
		taken: []object{
			ingress, read(`{kind: Deployment, metadata: {name: web, namespace: shop}}`), read(`{kind: Deployment, metadata: {name: api, namespace: shop}}`),
			read(`{kind: Deployment, metadata: {name: web, namespace: blog}}`),
		},
		left: []remaining{
			{"shop", "ReplicaSet", "web-1", reason{"made by Deployment web", true}},
			{"shop", "ConfigMap", "kube-root-ca.crt", reason{eachItsOwn, true}},
			{"blog", "ConfigMap", "kube-root-ca.crt", reason{eachItsOwn, true}},
			{"shop", "Role", "reader", because("gives rights")},
		},
	}
	for _, name := range []string{"one", "two", "three", "four"} {
		r.left = append(r.left, remaining{"blog", "Widget", name, because("unknown")})
	}
	var out bytes.Buffer
	if err := r.writeTo(&out); err != nil {
		t.Fatal(err)
	}
	want := `To be taken over from a:
  NAMESPACE   OBJECTS
  blog        1 Deployment
  shop        2 Deployments, 1 Ingress
Managed by Drover already: 2 objects.
Made by the cluster itself, and left to it: 2 ConfigMaps, 1 ReplicaSet.
Stays as it is, and is not Drover's:
  NAMESPACE   OBJECT        WHY
  blog        4 Widgets     unknown
  shop        role/reader   gives rights
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}
