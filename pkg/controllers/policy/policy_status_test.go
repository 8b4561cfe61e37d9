// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

func policyOf(name string, priority int32, app string) *v1alpha1.PlacementPolicy {
	p := &v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 2}}
	p.Spec.Priority = priority
	if app != "" {
		p.Spec.Selector.MatchLabels = map[string]string{"app": app}
	}
	return p
}

var placed = map[workload.Key]labels.Set{
	{Kind: workload.Deployment, Namespace: "default", Name: "web"}:  {"app": "web"},
	{Kind: workload.StatefulSet, Namespace: "default", Name: "api"}: {"app": "api"},
	{Kind: workload.Job, Namespace: "default", Name: "web"}:         {"app": "web"},
}

func TestStatusesTellWhoIsOverruled(t *testing.T) {
	policies := []*v1alpha1.PlacementPolicy{policyOf("all", 0, ""), policyOf("web", 1, "web"), policyOf("web-too", 1, "web"), policyOf("idle", 9, "none")}
	type line struct {
		Selected, Applied int32
		Status, Reason    string
		Message           string
	}
	got := map[string]line{}
	first := statuses(policies, placed, now)
	for name, s := range first {
		c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionApplied)
		got[name] = line{s.Selected, s.Applied, string(c.Status), c.Reason, c.Message}
	}
	const rule = "; the highest priority wins, then the first by name"
	want := map[string]line{
		"all":     {3, 1, "False", "Overruled", "overruled: deployment/web by policy web, job/web by policy web" + rule},
		"web":     {2, 2, "True", "Applied", "applies to all that it selects"},
		"web-too": {2, 0, "False", "Overruled", "overruled: deployment/web by policy web, job/web by policy web" + rule},
		"idle":    {0, 0, "False", "SelectsNothing", "no workload of the namespace has the labels that spec.selector asks for"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, p := range policies {
		p.Status = first[p.Name]
	}
	if diff := cmp.Diff(first, statuses(policies, placed, now.Add(time.Hour))); diff != "" {
		t.Errorf("the same again is another status: %s", diff)
	}
}
