// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/placement"
)

// led is what a decision assigns, and which clients are led there: "a=2>0 Leaving:50".
func led(spec v1alpha1.PlacementSpec) string {
	parts := strings.Fields(assigned(spec))
	for i, a := range spec.Clusters {
		if a.Traffic != nil {
			parts[i] += fmt.Sprintf(":%s%d", a.Traffic.State, a.Traffic.Percent)
		}
	}
	return strings.Join(parts, " ")
}

// serviceOf is a Service as name servers have it, once it follows a decision: with an address in each cluster of it.
func serviceOf(spec *v1alpha1.PlacementSpec) Name {
	name := Name{Of: "service web", TTL: 20 * time.Second}
	for _, a := range spec.Clusters {
		name.Clusters = append(name.Clusters, NamedCluster{
			Cluster: a.Name, Addressed: true, Led: a.Traffic == nil || a.Traffic.Percent > 0, Serves: *a.Replicas > 0,
		})
	}
	return name
}

// Where a Service leads to a cluster that is left, its last replicas go only after its clients; where it comes, clients come
// with what is ready.
func TestTrafficLeads(t *testing.T) {
	policy := policyWith(nil, weight("a", 0), weight("b", 1), weight("c", 1))
	policy.Generation = 2
	w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: 4}
	in := Inputs{Policy: policy, Clusters: []*v1alpha1.Cluster{member("a"), member("b"), member("c")}, Current: running("a=2", "b=2"), ReportsCurrent: true, Now: now, NamesUnread: true}
	var got []string
	for range 20 {
		in.Reports = allReady(in.Current, 1)
		next, again := Decide(w, in)
		if text := led(next); len(got) == 0 || got[len(got)-1] != text {
			got = append(got, text)
		}
		if !Moves(&next) {
			break
		}
		if again <= 0 || again > moveRecheck {
			t.Errorf("%s is looked at again after %s", led(next), again)
		}
		in.Current, in.Names, in.NamesUnread, in.Now = &next, []Name{serviceOf(&next)}, false, in.Now.Add(time.Second)
	}
	want := []string{
		"a=2>0:Leaving100 b=2 c=1>2:Arriving0",
		"a=1>0:Leaving50 b=2 c=1>2:Arriving50",
		"a=1>0:Leaving50 b=2 c=2:Arriving50",
		"a=1>0:Leaving0 b=2 c=2",
		"a=1>0:Withdrawn0 b=2 c=2",
	}
	if !slices.Equal(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
	until := in.Current.Clusters[0].Traffic.Until
	if wait := until.Sub(now); wait < 34*time.Second || wait > 36*time.Second {
		t.Errorf("it goes %s after the beginning", wait)
	}
	in.Now = until.Time
	in.Reports, in.Names = allReady(in.Current, 1), []Name{serviceOf(in.Current)}
	if next, _ := Decide(w, in); led(next) != "b=2 c=2" {
		t.Errorf("when its clients are gone: %s", led(next))
	}
}

// What is known of those who are led to a cluster that is left, by names that lead there or not.
func TestClientsOf(t *testing.T) {
	in := func(change ...func(*NamedCluster)) Inputs {
		name := Name{Of: "service web", TTL: 20 * time.Second, Clusters: []NamedCluster{
			{Cluster: "a", Addressed: true, Serves: true}, {Cluster: "b", Addressed: true, Led: true, Serves: true},
		}}
		for i, c := range change {
			c(&name.Clusters[i])
		}
		return Inputs{Names: []Name{name}}
	}
	as := func(*NamedCluster) {}
	told := placement.Clients{Led: true, Told: true, Wait: 30 * time.Second}
	notTold := placement.Clients{Led: true, Wait: 30 * time.Second}
	nobody := placement.Clients{Told: true}
	for _, tt := range []struct {
		name  string
		in    Inputs
		comes bool
		want  placement.Clients
		stays bool
	}{
		{name: "led elsewhere", in: in(), want: told},
		{name: "still led there", in: in(func(c *NamedCluster) { c.Led = true }), want: notTold},
		{name: "no address there: nobody was led there", in: in(func(c *NamedCluster) { c.Addressed = false }), want: nobody},
		{name: "other workloads stay behind it there", in: in(func(c *NamedCluster) { c.Shared = true }), want: nobody},
		{name: "no address elsewhere", in: in(as, func(c *NamedCluster) { c.Addressed = false }), want: notTold, stays: true},
		{name: "nobody is ready elsewhere", in: in(as, func(c *NamedCluster) { c.Serves = false }), want: notTold, stays: true},
		{name: "not led elsewhere", in: in(as, func(c *NamedCluster) { c.Led = false }), want: notTold, stays: true},
		{name: "no name", in: Inputs{}, want: nobody},
		{name: "not looked for", in: Inputs{NamesUnread: true}, want: placement.Clients{Unread: true, Told: true}},
		{name: "who comes has no address yet", in: in(func(c *NamedCluster) { c.Addressed = false }), comes: true, want: told},
		{name: "the policy's time to settle", in: func() Inputs {
			i := in()
			i.Policy = policyWith(func(s *v1alpha1.PlacementPolicySpec) { s.Move.Settle = &metav1.Duration{Duration: time.Minute} })
			return i
		}(), want: placement.Clients{Led: true, Told: true, Wait: 80 * time.Second}},
	} {
		got, why := clientsOf("a", !tt.comes, tt.in)
		if got != tt.want || (why != "") != tt.stays {
			t.Errorf("%s: %+v, %q; want %+v", tt.name, got, why, tt.want)
		}
	}
}

// A Service leads to a cluster as long as one workload behind it does; an Ingress as far as each of its Services does.
func TestFollowersLeadWhereTheirWorkloadsDo(t *testing.T) {
	backend := func(kind, name string, traffic *v1alpha1.AssignedTraffic) *v1alpha1.Placement {
		return &v1alpha1.Placement{Spec: v1alpha1.PlacementSpec{
			Workload: v1alpha1.WorkloadReference{Kind: kind, Name: name}, Clusters: []v1alpha1.ClusterAssignment{{Name: "a", Traffic: traffic}},
		}}
	}
	withdrawn := &v1alpha1.AssignedTraffic{State: v1alpha1.TrafficWithdrawn, Full: 4, Until: &metav1.Time{Time: now}}
	half := &v1alpha1.AssignedTraffic{State: v1alpha1.TrafficLeaving, Percent: 50}
	clusters := []*v1alpha1.Cluster{member("a")}
	for _, tt := range []struct {
		what     string
		backends []*v1alpha1.Placement
		want     string
	}{
		{"Service", []*v1alpha1.Placement{backend("Deployment", "web", nil)}, "all"},
		{"Service", []*v1alpha1.Placement{backend("Deployment", "web", half)}, "Leaving50"},
		{"Service", []*v1alpha1.Placement{backend("Deployment", "web", withdrawn)}, "Leaving0"},
		{"Service", []*v1alpha1.Placement{backend("Deployment", "v1", withdrawn), backend("Deployment", "v2", half)}, "Leaving50"},
		{"Service", []*v1alpha1.Placement{backend("Deployment", "v1", withdrawn), backend("Deployment", "v2", nil)}, "all"},
		{"Ingress", []*v1alpha1.Placement{backend("Service", "web", withdrawn), backend("Service", "api", nil)}, "Leaving0"},
		{"PodDisruptionBudget", []*v1alpha1.Placement{backend("Deployment", "web", withdrawn)}, "all"},
	} {
		text := func(spec v1alpha1.PlacementSpec) string {
			traffic := spec.Clusters[0].Traffic
			if traffic == nil {
				return "all"
			}
			if traffic.Until != nil || traffic.Full != 0 || !traffic.Since.Time.Equal(now) {
				t.Errorf("%s: %+v", tt.what, traffic)
			}
			return fmt.Sprint(traffic.State, traffic.Percent)
		}
		first := Follow(1, tt.what, tt.backends, false, clusters, nil, now)
		if got := text(first); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.what, got, tt.want)
		}
		if got := text(Follow(1, tt.what, tt.backends, false, clusters, &first, now.Add(time.Hour))); got != tt.want {
			t.Errorf("%s: %s an hour later, want %s", tt.what, got, tt.want)
		}
	}
}
