// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func policyOf(name, kind, target string, clusters ...string) *v1alpha1.TrafficPolicy {
	p := &v1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 2}}
	p.Spec.Target = v1alpha1.TrafficTarget{Kind: kind, Name: target}
	for _, cluster := range clusters {
		p.Spec.Clusters = append(p.Spec.Clusters, v1alpha1.ClusterTraffic{Name: cluster})
	}
	return p
}

func TestStatusTellsWhetherClientsAreLed(t *testing.T) {
	there := picture{targets: map[string]sets.Set[string]{"Service": sets.New("web"), "Ingress": sets.New("web", "api")}, clusters: sets.New("east", "west")}
	policies := []*v1alpha1.TrafficPolicy{
		policyOf("web", "Service", "", "east", "*"), policyOf("web-too", "Service", "web"), policyOf("ingress", "Ingress", "web", "east", "north", "south"),
		policyOf("api", "Service", ""),
	}
	type line struct{ Status, Reason, Message string }
	want := map[string]line{
		"web":     {"True", "Applied", "leads the clients of Service web"},
		"web-too": {"False", "Overruled", "policy web is for Service web, too, and is the first by name"},
		"ingress": {"True", "Applied", "leads the clients of Ingress web; not joined: north, south"},
		"api":     {"False", "TargetNotFound", "there is no Service api in the namespace; the policy applies as soon as there is"},
	}
	for _, p := range policies {
		first := statusOf(p, policies, there, now)
		c := meta.FindStatusCondition(first.Conditions, v1alpha1.ConditionApplied)
		if diff := cmp.Diff(want[p.Name], line{string(c.Status), c.Reason, c.Message}); diff != "" {
			t.Errorf("%s: %s", p.Name, diff)
		}
		if c.ObservedGeneration != 2 || first.ObservedGeneration != 2 {
			t.Errorf("%s: the status speaks of generation %d, its condition of %d", p.Name, first.ObservedGeneration, c.ObservedGeneration)
		}
		p.Status = first
		if diff := cmp.Diff(first, statusOf(p, policies, there, now.Add(time.Hour))); diff != "" {
			t.Errorf("%s: the same again is another status: %s", p.Name, diff)
		}
	}
}
