// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func budget(name string, change func(*policyv1.PodDisruptionBudgetSpec)) Budget {
	b := Budget{PodDisruptionBudget: &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: name}}}
	change(&b.Spec)
	return b
}

func least(value string) func(*policyv1.PodDisruptionBudgetSpec) {
	return func(s *policyv1.PodDisruptionBudgetSpec) { s.MinAvailable = ptr.To(intstr.Parse(value)) }
}

func missing(value string) func(*policyv1.PodDisruptionBudgetSpec) {
	return func(s *policyv1.PodDisruptionBudgetSpec) { s.MaxUnavailable = ptr.To(intstr.Parse(value)) }
}

func TestStrictest(t *testing.T) {
	shared := budget("shared", least("1"))
	shared.Shared = true
	for _, tt := range []struct {
		name    string
		budgets []Budget
		want    *v1alpha1.PlacementBudget
	}{
		{"none", nil, nil},
		{"a number", []Budget{budget("a", least("3"))}, &v1alpha1.PlacementBudget{Name: "a", MinAvailable: 3}},
		{"a share is rounded up", []Budget{budget("a", least("55%"))}, &v1alpha1.PlacementBudget{Name: "a", MinAvailable: 6}},
		{"what may be missing, too", []Budget{budget("a", missing("15%"))}, &v1alpha1.PlacementBudget{Name: "a", MinAvailable: 8}},
		{"none may be missing", []Budget{budget("a", missing("0"))}, &v1alpha1.PlacementBudget{Name: "a", MinAvailable: 10}},
		{"all may be missing", []Budget{budget("a", missing("100%"))}, nil},
		{"more than there are", []Budget{budget("a", least("50"))}, &v1alpha1.PlacementBudget{Name: "a", MinAvailable: 10}},
		{"of others, too", []Budget{shared}, &v1alpha1.PlacementBudget{Name: "shared", MinAvailable: 10}},
		{"that says nothing", []Budget{budget("a", func(*policyv1.PodDisruptionBudgetSpec) {})}, &v1alpha1.PlacementBudget{Name: "a", MinAvailable: 1}},
		{"the strictest", []Budget{budget("b", least("4")), budget("a", least("4")), budget("c", least("2"))}, &v1alpha1.PlacementBudget{Name: "a", MinAvailable: 4}},
	} {
		if diff := gocmp.Diff(tt.want, strictest(tt.budgets, 10)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// Where a policy allows more to be missing than a budget does, the budget holds.
func TestMovesKeepBudgets(t *testing.T) {
	policy := policyWith(func(s *v1alpha1.PlacementPolicySpec) {
		s.Move = v1alpha1.Move{MaxSurge: ptr.To(intstr.FromInt32(0)), MaxUnavailable: ptr.To(intstr.FromInt32(3))}
	}, weight("a", 0), weight("b", 1))
	policy.Generation = 2
	in := Inputs{Policy: policy, Clusters: []*v1alpha1.Cluster{member("a"), member("b")}, Current: running("a=4"), ReportsCurrent: true, Now: now}
	in.Reports = allReady(in.Current, 1)
	w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: 4}
	for _, tt := range []struct {
		budgets []Budget
		want    string
		names   string
	}{
		{nil, "a=1>0 b=0>4", ""},
		{[]Budget{budget("web", least("1"))}, "a=1>0 b=0>4", ""},
		{[]Budget{budget("web", least("3"))}, "a=3>0 b=0>4", "web"},
		{[]Budget{budget("web", missing("0"))}, "a=4>0 b=1>4", "web"},
	} {
		in.Budgets = tt.budgets
		next, _ := Decide(w, in)
		if got := assigned(next); got != tt.want || ptr.Deref(next.Budget, v1alpha1.PlacementBudget{}).Name != tt.names {
			t.Errorf("%v: %s by %+v, want %s", tt.budgets, got, next.Budget, tt.want)
		}
	}
	in.Current, in.Policy = running("a=4"), policyWith(nil)
	in.Clusters = in.Clusters[:1]
	if next, _ := Decide(w, in); next.Budget != nil {
		t.Errorf("what is not moved needs no budget: %+v", next.Budget)
	}
}

// What the clusters keep to comes to what the budget says, whatever the shares are.
func TestBudgetIsDivided(t *testing.T) {
	for _, tt := range []struct {
		name     string
		number   int32
		backends []*v1alpha1.Placement
		want     string
	}{
		{"by replicas", 5, []*v1alpha1.Placement{behindBudget("a=4", "b=4", "c=4")}, "a=2 b=2 c=1"},
		{"to some nothing", 1, []*v1alpha1.Placement{behindBudget("a=6", "b=2")}, "a=1 b=0"},
		{"nothing", 0, []*v1alpha1.Placement{behindBudget("a=4", "b=4")}, "a=0 b=0"},
		{"more than there are", 20, []*v1alpha1.Placement{behindBudget("a=4", "b=4")}, "a=10 b=10"},
		{"by what is assigned while it moves", 4, []*v1alpha1.Placement{behindBudget("a=1>0", "b=3>4")}, "a=1 b=3"},
		{"by all workloads that it is for", 4, []*v1alpha1.Placement{behindBudget("a=3"), behindBudget("a=3", "b=2")}, "a=3 b=1"},
		{"by the most that autoscalers may make", 4, []*v1alpha1.Placement{behindBudget("a=1<6", "b=1<2")}, "a=3 b=1"},
		{"for each where all of it is in each", 4, []*v1alpha1.Placement{behindBudget("a", "b")}, "a b"},
		{"as it is while nothing runs", 4, []*v1alpha1.Placement{behindBudget("a=0", "b=0")}, "a=4 b=4"},
	} {
		next := v1alpha1.PlacementSpec{}
		for _, name := range []string{"a", "b", "c"} {
			if slices.ContainsFunc(tt.backends, func(p *v1alpha1.Placement) bool { return isPlaced(&p.Spec, name) }) {
				next.Clusters = append(next.Clusters, v1alpha1.ClusterAssignment{Name: name})
			}
		}
		DivideBudget(&next, tt.number, tt.backends)
		var got []string
		for _, a := range next.Clusters {
			if a.Budget == nil {
				got = append(got, a.Name)
			} else {
				got = append(got, fmt.Sprintf("%s=%d", a.Name, *a.Budget))
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %d is divided as %v, want %s", tt.name, tt.number, got, tt.want)
		}
	}
}

// behindBudget is a workload on clusters: "a=1>0" has 1 on its way to 0, "a=1<6" begins with 1 of at most 6, "a" has all.
func behindBudget(clusters ...string) *v1alpha1.Placement {
	p := &v1alpha1.Placement{}
	for _, text := range clusters {
		name, numbers, divided := strings.Cut(text, "=")
		a := v1alpha1.ClusterAssignment{Name: name}
		if divided {
			a.Replicas = new(int32)
			now, target, moves := strings.Cut(numbers, ">")
			now, most, scaled := strings.Cut(now, "<")
			_, _ = fmt.Sscan(now, a.Replicas)
			if moves {
				a.Target = new(int32)
				_, _ = fmt.Sscan(target, a.Target)
			}
			if scaled {
				a.MaxReplicas = new(int32)
				_, _ = fmt.Sscan(most, a.MaxReplicas)
			}
		}
		p.Spec.Clusters = append(p.Spec.Clusters, a)
	}
	return p
}
