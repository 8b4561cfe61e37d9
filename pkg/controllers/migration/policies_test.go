// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

func migration(change ...func(*v1alpha1.Migration)) *v1alpha1.Migration {
	m := &v1alpha1.Migration{Spec: v1alpha1.MigrationSpec{From: "a", To: "b"}}
	m.Name = "ab"
	for _, c := range change {
		c(m)
	}
	return m
}

func app(namespace, name string) Placed {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 1, Labels: map[string]string{"app": name}}}
	d.Spec.Replicas = ptr.To[int32](4)
	return Placed{Key: workload.KeyFor(workload.Deployment, d), Object: d}
}

func policy(name, selects string, clusters ...v1alpha1.ClusterWeight) *v1alpha1.PlacementPolicy {
	p := &v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, ResourceVersion: "7"}}
	if selects != "" {
		p.Spec.Selector.MatchLabels = map[string]string{"app": selects}
	}
	p.Spec.Clusters = clusters
	return p
}

func weighs(name string, weight int64) v1alpha1.ClusterWeight {
	return v1alpha1.ClusterWeight{Name: name, Weight: &weight}
}

func weights(clusters []v1alpha1.ClusterWeight) string {
	var out []string
	for _, c := range clusters {
		text := fmt.Sprintf("%s=%d", c.Name, *c.Weight)
		if c.MinReplicas > 0 || c.MaxReplicas != nil {
			text += fmt.Sprintf("[%d-%d]", c.MinReplicas, ptr.Deref(c.MaxReplicas, -1))
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Finishing gives the target the source's weight, once: what is rewritten is not rewritten again.
func TestRewritten(t *testing.T) {
	bounded := func(name string, weight int64, least, most int32) v1alpha1.ClusterWeight {
		return v1alpha1.ClusterWeight{Name: name, Weight: &weight, MinReplicas: least, MaxReplicas: &most}
	}
	for _, tt := range []struct {
		name     string
		clusters []v1alpha1.ClusterWeight
		want     string
	}{
		{"only the source", []v1alpha1.ClusterWeight{weighs("a", 3)}, "a=0 b=3"},
		{"both", []v1alpha1.ClusterWeight{weighs("a", 3), weighs("b", 2), weighs("c", 1)}, "a=0 b=5 c=1"},
		{"every other one", []v1alpha1.ClusterWeight{weighs("*", 2)}, "*=2 a=0 b=4"},
		{"none named", nil, "*=1 a=0 b=2"},
		{"bounds of an unnamed target", []v1alpha1.ClusterWeight{bounded("a", 1, 2, 6)}, "a=0 b=1[2-6]"},
		{"bounds of both", []v1alpha1.ClusterWeight{bounded("a", 1, 2, 6), bounded("b", 1, 1, 9)}, "a=0 b=2[3-9]"},
		{"the source has none", []v1alpha1.ClusterWeight{weighs("a", 0), weighs("b", 2)}, ""},
		{"the source is not named", []v1alpha1.ClusterWeight{weighs("b", 2)}, ""},
	} {
		next := rewritten(policy("web", "web", tt.clusters...), migration())
		got := ""
		if next != nil {
			got = weights(next.Spec.Clusters)
			if again := rewritten(next, migration()); again != nil {
				t.Errorf("%s: is rewritten twice, to %s", tt.name, weights(again.Spec.Clusters))
			}
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// Only policies that apply to what is moved are rewritten; one that places something else as well is in the way.
func TestRewrites(t *testing.T) {
	onlyWeb := func(m *v1alpha1.Migration) { m.Spec.Selector.MatchLabels = map[string]string{"app": "web"} }
	all := policy("all", "", weighs("a", 1))
	for _, tt := range []struct {
		name     string
		m        *v1alpha1.Migration
		policies []*v1alpha1.PlacementPolicy
		placed   []string
		shared   []string
	}{
		{"one of its own", migration(onlyWeb), []*v1alpha1.PlacementPolicy{policy("web", "web", weighs("a", 1))}, []string{"web"}, nil},
		{"one of another", migration(onlyWeb), []*v1alpha1.PlacementPolicy{policy("web", "web", weighs("a", 1)), policy("api", "api", weighs("a", 1))}, []string{"web"}, nil},
		{"one for all, of which one is moved", migration(onlyWeb), []*v1alpha1.PlacementPolicy{all}, []string{"all"}, []string{"policy all in shop also places deployment/api"}},
		{"one for all, and all are moved", migration(), []*v1alpha1.PlacementPolicy{all}, []string{"all"}, nil},
		{"none", migration(onlyWeb), nil, []string{"migration-ab"}, nil},
		{"another namespace", migration(func(m *v1alpha1.Migration) { m.Spec.Namespaces = []string{"other"} }), []*v1alpha1.PlacementPolicy{all}, nil, nil},
	} {
		got := rewrites(tt.m, []Placed{app("shop", "web"), app("shop", "api")}, tt.policies, nil)
		var placed []string
		for _, p := range got.Placement {
			placed = append(placed, p.Name)
		}
		if !slices.Equal(placed, tt.placed) || !slices.Equal(got.Shared, tt.shared) {
			t.Errorf("%s: %v, shared %q; want %v, %q", tt.name, placed, got.Shared, tt.placed, tt.shared)
		}
	}
}

// Clients that were led to the source by name are led to the target.
func TestTrafficPoliciesAreRewritten(t *testing.T) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	placed := Placed{Key: workload.KeyFor(workload.Service, service), Object: service, Placement: &v1alpha1.Placement{}}
	placed.Placement.Spec.Migration = &v1alpha1.PlacementMigration{Name: "ab"}
	traffic := func(clusters ...v1alpha1.ClusterTraffic) *v1alpha1.TrafficPolicy {
		p := &v1alpha1.TrafficPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
		p.Spec.Clusters = clusters
		v1alpha1.SetObjectDefaults_TrafficPolicy(p)
		return p
	}
	named := traffic(v1alpha1.ClusterTraffic{Name: "a", Weight: ptr.To[int64](95)}, v1alpha1.ClusterTraffic{Name: "c", Weight: ptr.To[int64](5)})
	other := traffic(v1alpha1.ClusterTraffic{Name: "a"})
	other.Name = "api"
	got := rewrittenTraffic(migration(), []Placed{placed}, []*v1alpha1.TrafficPolicy{named, other, traffic(v1alpha1.ClusterTraffic{Name: "*"})})
	if len(got) != 1 || got[0].Name != "web" {
		t.Fatalf("%+v", got)
	}
	var out []string
	for _, c := range got[0].Spec.Clusters {
		out = append(out, fmt.Sprintf("%s=%d", c.Name, *c.Weight))
	}
	if strings.Join(out, " ") != "a=0 c=5 b=95" {
		t.Error(out)
	}
	if again := rewrittenTraffic(migration(), []Placed{placed}, got); len(again) > 0 {
		t.Errorf("is rewritten twice: %+v", again[0].Spec)
	}
}

func TestProblems(t *testing.T) {
	joined := []*v1alpha1.Cluster{{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, {ObjectMeta: metav1.ObjectMeta{Name: "b"}}}
	at := func(name string, ago time.Duration, change ...func(*v1alpha1.Migration)) *v1alpha1.Migration {
		m := migration(change...)
		m.Name, m.CreationTimestamp = name, metav1.NewTime(start.Add(-ago))
		return m
	}
	over := func(m *v1alpha1.Migration) { m.Status.Phase = v1alpha1.MigrationFinished }
	elsewhere := func(m *v1alpha1.Migration) { m.Spec.Namespaces = []string{"other"} }
	here := func(m *v1alpha1.Migration) { m.Spec.Namespaces = []string{"shop"} }
	for _, tt := range []struct {
		name      string
		m         *v1alpha1.Migration
		clusters  []*v1alpha1.Cluster
		others    []*v1alpha1.Migration
		workloads int32
		shared    []string
		want      string
	}{
		{"none", at("new", 0), joined, nil, 1, nil, ""},
		{"a cluster is missing", at("new", 0), joined[:1], nil, 1, nil, "NotJoined: cluster b"},
		{"an older one", at("new", 0), joined, []*v1alpha1.Migration{at("old", time.Minute)}, 1, nil, "Overlaps: migration old"},
		{"a younger one", at("new", 0), joined, []*v1alpha1.Migration{at("later", -time.Minute)}, 1, nil, ""},
		{"one of the same second", at("new", 0), joined, []*v1alpha1.Migration{at("first", 0)}, 1, nil, "Overlaps: migration first"},
		{"one that is over", at("new", 0), joined, []*v1alpha1.Migration{at("old", time.Minute, over)}, 1, nil, ""},
		{"one elsewhere", at("new", 0, here), joined, []*v1alpha1.Migration{at("old", time.Minute, elsewhere)}, 1, nil, ""},
		{"a policy of others, too", at("new", 0), joined, nil, 1, []string{"policy all in shop also places deployment/api"}, "SharedPolicy: policy all"},
		{"nothing there", at("new", 0), joined, nil, 0, nil, "NothingToMove"},
	} {
		got := ""
		if p := problemOf(tt.m, tt.clusters, tt.others, tt.workloads, Rewrites{Shared: tt.shared}); p != nil {
			got = p.Reason + ": " + p.Message
		}
		if !strings.HasPrefix(got, tt.want) || (tt.want == "") != (got == "") {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// What is seen of a workload says what is waited for.
func TestObserve(t *testing.T) {
	report := func(name string, available int32) v1alpha1.ClusterPlacementStatus {
		return v1alpha1.ClusterPlacementStatus{Name: name, Synced: true, ObservedGeneration: 1, Replicas: available, UpdatedReplicas: available, AvailableReplicas: available}
	}
	for _, tt := range []struct {
		name              string
		change            func(*v1alpha1.Placement)
		waiting           string
		deciding, emptied bool
	}{
		{"as it should be", func(*v1alpha1.Placement) {}, "", false, false},
		{"not decided yet", func(p *v1alpha1.Placement) { p.Spec.Migration.Weight = 25 }, "is being decided", true, false},
		{"not reported yet", func(p *v1alpha1.Placement) { p.Generation = 9 }, "is being decided", true, false},
		{"not ready", func(p *v1alpha1.Placement) { p.Status.Clusters[1].AvailableReplicas = 1 }, "1 of 2 replicas are ready in b", false, false},
		{"on the way", func(p *v1alpha1.Placement) { p.Spec.Clusters[1].Target = ptr.To[int32](3) }, "on their way", true, false},
		{"refused there", func(p *v1alpha1.Placement) {
			p.Status.Clusters[1].Synced, p.Status.Clusters[1].Message = false, "quota"
		}, "b: quota", false, false},
		{"no room there", func(p *v1alpha1.Placement) { p.Spec.Migration.Blocked = "not enough cpu free" }, "not enough cpu free", false, false},
		{"gone from the source", func(p *v1alpha1.Placement) {
			p.Spec.Clusters, p.Status.Clusters, p.Spec.Migration = p.Spec.Clusters[1:], p.Status.Clusters[1:], nil
		}, "", false, true},
	} {
		m := migration(func(m *v1alpha1.Migration) { m.Status.Phase, m.Status.Weight = v1alpha1.MigrationMoving, 50 })
		o := app("shop", "web")
		o.Placement = &v1alpha1.Placement{}
		o.Placement.Spec = v1alpha1.PlacementSpec{
			WorkloadGeneration: 1, Replicas: ptr.To[int32](4), Migration: &v1alpha1.PlacementMigration{Name: "ab", From: "a", To: "b", Weight: 50},
			Clusters: []v1alpha1.ClusterAssignment{{Name: "a", Replicas: ptr.To[int32](2)}, {Name: "b", Replicas: ptr.To[int32](2)}},
		}
		o.Placement.Status.Clusters = []v1alpha1.ClusterPlacementStatus{report("a", 2), report("b", 2)}
		tt.change(o.Placement)
		got := observe(m, []Placed{o})
		if !strings.Contains(got.Waiting, tt.waiting) || (got.Waiting == "") != (tt.waiting == "") || got.Deciding != tt.deciding || got.Emptied != tt.emptied {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// Nothing is brought back to a source to which nothing belongs any more; one that is not ready is waited for, and it is said
// what to do.
func TestRollbackToALostSource(t *testing.T) {
	report := func(name string, available int32) v1alpha1.ClusterPlacementStatus {
		return v1alpha1.ClusterPlacementStatus{Name: name, Synced: true, ObservedGeneration: 1, Replicas: available, UpdatedReplicas: available, AvailableReplicas: available}
	}
	assigned := func(name string, n int32) v1alpha1.ClusterAssignment {
		return v1alpha1.ClusterAssignment{Name: name, Replicas: &n}
	}
	ready := func(status metav1.ConditionStatus) *v1alpha1.Cluster {
		c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
		c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: v1alpha1.ReasonUnreachable}}
		return c
	}
	moved := &v1alpha1.PlacementMigration{Name: "ab", From: "a", To: "b"}
	for _, tt := range []struct {
		name     string
		clusters []*v1alpha1.Cluster
		spec     v1alpha1.PlacementSpec
		over     bool
		reason   string
	}{
		{"all is back", []*v1alpha1.Cluster{ready("True")}, v1alpha1.PlacementSpec{Migration: moved, Clusters: []v1alpha1.ClusterAssignment{assigned("a", 4)}}, true, "RolledBack"},
		{"it is lost", []*v1alpha1.Cluster{ready("False")}, v1alpha1.PlacementSpec{Migration: moved, Clusters: []v1alpha1.ClusterAssignment{assigned("a", 6), assigned("b", 4)}}, false, "SourceLost"},
		{"it was given up, and another has taken over", []*v1alpha1.Cluster{ready("False")}, v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{assigned("b", 4)}}, true, "RolledBack"},
		{"it was unjoined", nil, v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{assigned("b", 4)}}, true, "RolledBack"},
		{"it was unjoined, and that is not decided on", nil, v1alpha1.PlacementSpec{Migration: moved, Clusters: []v1alpha1.ClusterAssignment{assigned("b", 4)}}, false, "RollingBack"},
	} {
		m := migration(func(m *v1alpha1.Migration) {
			m.Spec.Goal, m.Status.Phase, m.Status.TrafficTime = v1alpha1.GoalRollback, v1alpha1.MigrationRollingBack, at(start)
		})
		o := app("shop", "web")
		tt.spec.WorkloadGeneration, tt.spec.Replicas = 1, ptr.To[int32](4)
		o.Placement = &v1alpha1.Placement{Spec: tt.spec}
		o.Placement.Status.Clusters = []v1alpha1.ClusterPlacementStatus{report("a", 4), report("b", 4)}
		seen := observe(m, []Placed{o})
		seen.Now, seen.Absent = start.Add(time.Minute), absence(m, tt.clusters)
		s := next(m, seen)
		setConditions(m, &s, seen)
		if over := s.Phase == v1alpha1.MigrationRolledBack; over != tt.over {
			t.Errorf("%s: it is %s", tt.name, s.Phase)
		}
		if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionProgressing); c.Reason != tt.reason {
			t.Errorf("%s: %s: %s, want %s", tt.name, c.Reason, c.Message, tt.reason)
		}
	}
}
