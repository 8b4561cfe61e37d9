// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// handed is what a decision assigns of a workload that is not counted out: "a=1-8>0:Leaving100 b=4-8".
func handed(spec v1alpha1.PlacementSpec) string {
	var out []string
	for _, a := range spec.Clusters {
		text := a.Name
		if a.MaxReplicas != nil {
			text += fmt.Sprintf("=%d-%d", *a.MinReplicas, *a.MaxReplicas)
		}
		if a.Target != nil {
			text += fmt.Sprintf(">%d", *a.Target)
		}
		if a.Traffic != nil {
			text += fmt.Sprintf(":%s%d", a.Traffic.State, a.Traffic.Percent)
		}
		out = append(out, text)
	}
	return strings.Join(out, " ")
}

// runs is the report of a cluster in which so many replicas are available.
func runs(cluster string, replicas int32) v1alpha1.ClusterPlacementStatus {
	return v1alpha1.ClusterPlacementStatus{
		Name: cluster, Synced: true, ObservedGeneration: 1, Replicas: replicas, UpdatedReplicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas,
		DesiredReplicas: &replicas,
	}
}

func scaledBetween(least, most int32, in ...string) *v1alpha1.PlacementSpec {
	current := &v1alpha1.PlacementSpec{Revision: 1, WorkloadGeneration: 1, PolicyGeneration: 1, Autoscaler: &v1alpha1.Autoscaler{Name: "h", MinReplicas: least, MaxReplicas: most}}
	for _, name := range in {
		n := int32(len(in))
		current.Clusters = append(current.Clusters, v1alpha1.ClusterAssignment{Name: name, MinReplicas: ptr.To(least / n), MaxReplicas: ptr.To(most / n), Replicas: ptr.To(most / n / 2)})
	}
	return current
}

// A cluster that is left goes on until the others have what they begin with, and no client is led there.
func TestHandOver(t *testing.T) {
	drained := policyWith(nil, weight("a", 0), weight("b", 1))
	drained.Generation = 2
	scaled := scaledBetween(2, 16, "a", "b")
	w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: 6, Autoscaler: scaled.Autoscaler}
	both := []*v1alpha1.Cluster{member("a"), member("b")}
	lost := both[0].DeepCopy()
	lost.Status.Conditions[0].Status, lost.Status.Conditions[0].LastTransitionTime = metav1.ConditionFalse, metav1.NewTime(now)
	leaves := both[0].DeepCopy()
	leaves.DeletionTimestamp = &metav1.Time{Time: now}
	whole := Workload{Key: "deployment/default/web", Generation: 1, Replicas: 3, Whole: "runs all of it"}
	everywhere := &v1alpha1.PlacementSpec{WorkloadGeneration: 1, PolicyGeneration: 1, Clusters: []v1alpha1.ClusterAssignment{{Name: "a"}}}
	scaledWhole, timed := whole, whole
	scaledWhole.Autoscaler = scaled.Autoscaler
	timed.Timed = true
	onNodes := Workload{Key: "daemonset/default/agent", Generation: 1, Whole: "runs all of it", Everywhere: true}
	for _, tt := range []struct {
		name     string
		w        Workload
		clusters []*v1alpha1.Cluster
		current  *v1alpha1.PlacementSpec
		reports  []v1alpha1.ClusterPlacementStatus
		want     string
	}{
		{"until the other has as many", w, both, scaled, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 3)}, "a=1-8>0:Leaving100 b=6-16"},
		{"clients go as those come", w, both, scaled, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 5)}, "a=1-8>0:Leaving34 b=6-16"},
		{"then all of them", w, both, scaled, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 6)}, "a=1-8>0:Leaving0 b=6-16"},
		{"one that runs nothing goes at once", w, both, scaled, []v1alpha1.ClusterPlacementStatus{runs("a", 0), runs("b", 3)}, "b=2-16"},
		{"one that leaves the federation goes at once", w, []*v1alpha1.Cluster{leaves, both[1]}, scaled, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 3)}, "b=2-16"},
		{"one that is lost stays until the other has as many", w, []*v1alpha1.Cluster{lost, both[1]}, scaled, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 3)}, "a=1-8>0:Leaving100 b=6-16"},
		{"and goes then, whoever is led there", w, []*v1alpha1.Cluster{lost, both[1]}, scaled, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 6)}, "b=2-16"},
		{"all in each: until all is there", whole, both, everywhere, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 2)}, "a>0:Leaving34 b"},
		{"then clients go", whole, both, everywhere, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 3)}, "a>0:Leaving0 b"},
		{"also if it is autoscaled in each", scaledWhole, both, everywhere, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 2)}, "a>0:Leaving34 b"},
		{"by the clock: suspended until its Jobs have ended", timed, both, everywhere, []v1alpha1.ClusterPlacementStatus{{Name: "a", Replicas: 1}}, "a>0 b"},
		{"by the clock: never in both", timed, both, everywhere, []v1alpha1.ClusterPlacementStatus{runs("a", 0)}, "b"},
		{"on each node: clients go as others can take them", onNodes, both, everywhere, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 2)}, "a>0:Leaving0 b"},
		{"not before there is somebody", onNodes, both, everywhere, []v1alpha1.ClusterPlacementStatus{runs("a", 3), {Name: "b"}}, "a>0:Leaving100 b"},
		{"nor before somebody is available", onNodes, both, everywhere, []v1alpha1.ClusterPlacementStatus{runs("a", 3), {Name: "b", Synced: true, ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2}}, "a>0:Leaving100 b"},
		{"others have no nodes for it", onNodes, both, everywhere, []v1alpha1.ClusterPlacementStatus{runs("a", 3), runs("b", 0)}, "b"},
		{"what was divided before", whole, both, scaled, []v1alpha1.ClusterPlacementStatus{runs("a", 3)}, "b"},
	} {
		got, again := Decide(tt.w, Inputs{Policy: drained, Clusters: tt.clusters, Current: tt.current, Reports: tt.reports, ReportsCurrent: true, NamesUnread: true, Now: now})
		if is := handed(got); is != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, is, tt.want)
		}
		if Moves(&got) && (again <= 0 || again > moveRecheck) {
			t.Errorf("%s: looked at again after %s", tt.name, again)
		}
	}
}

// A cluster that is to have a smaller share of what an autoscaler may make is not cut down before others have as many.
func TestSmallerShareIsHandedOver(t *testing.T) {
	policy := policyWith(nil, weight("a", 1), weight("b", 3))
	policy.Generation = 2
	w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: 12, Autoscaler: scaledBetween(2, 16, "a", "b").Autoscaler}
	for _, tt := range []struct {
		name string
		a, b int32
		want string
	}{
		{"none is spare", 8, 4, "a=1-8>4 b=9-12"},
		{"two are", 8, 6, "a=1-6>4 b=9-12"},
		{"as many as it may have", 8, 8, "a=1-4 b=2-12"},
		{"it has no more than it may have", 4, 4, "a=1-4 b=2-12"},
	} {
		in := Inputs{
			Policy: policy, Clusters: []*v1alpha1.Cluster{member("a"), member("b")}, Current: scaledBetween(2, 16, "a", "b"),
			Reports: []v1alpha1.ClusterPlacementStatus{runs("a", tt.a), runs("b", tt.b)}, ReportsCurrent: true, Now: now,
		}
		got, _ := Decide(w, in)
		if is := handed(got); is != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, is, tt.want)
		}
		if goal := goals(&got); *goal[0].Replicas != 4 || *goal[1].Replicas != 12 {
			t.Errorf("%s: %v is remembered, want 4 and 12", tt.name, goal)
		}
		in.Current = &got
		if again, _ := Decide(w, in); handed(again) != tt.want {
			t.Errorf("%s: and then %s, want %s", tt.name, handed(again), tt.want)
		}
	}
}

// Before clusters have reported on what they were given, they are taken to run that: none of it is cut down.
func TestNothingUnreportedIsCut(t *testing.T) {
	policy := policyWith(nil, weight("a", 1), weight("b", 3))
	policy.Generation = 2
	w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: 12, Autoscaler: scaledBetween(2, 16, "a", "b").Autoscaler}
	in := Inputs{Policy: policy, Clusters: []*v1alpha1.Cluster{member("a"), member("b")}, Current: scaledBetween(2, 16, "a", "b"), Now: now}
	for i := range in.Current.Clusters {
		in.Current.Clusters[i].Replicas = ptr.To[int32](6)
	}
	for name, reports := range map[string][]v1alpha1.ClusterPlacementStatus{"nothing": nil, "what was before": {runs("a", 1), runs("b", 1)}} {
		in.Reports = reports
		if got, _ := Decide(w, in); handed(got) != "a=1-6>4 b=9-12" {
			t.Errorf("reported is %s: %s", name, handed(got))
		}
	}
}

// Whatever clusters report meanwhile, nothing is taken from a cluster that is left before the others have what they begin
// with and its clients have been led away for long enough; and when all is well, it ends where it would have ended at once.
func TestHandOversEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		policy := policyWith(nil, weight("a", 0), weight("b", rapid.Int64Range(1, 3).Draw(t, "b")), weight("c", rapid.Int64Range(0, 3).Draw(t, "c")))
		policy.Generation = 2
		current := scaledBetween(3, 3*rapid.Int32Range(1, 20).Draw(t, "most"), "a", "b", "c")
		w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: rapid.Int32Range(1, current.Autoscaler.MaxReplicas).Draw(t, "replicas"), Autoscaler: current.Autoscaler}
		if rapid.Bool().Draw(t, "whole") {
			w.Autoscaler, w.Whole, current.Autoscaler = nil, "runs all of it", nil
			for i := range current.Clusters {
				current.Clusters[i] = v1alpha1.ClusterAssignment{Name: current.Clusters[i].Name}
			}
		}
		in := Inputs{Policy: policy, Clusters: []*v1alpha1.Cluster{member("a"), member("b"), member("c")}, Current: current, ReportsCurrent: true, NamesUnread: true, Now: now}
		goal, _ := Decide(w, Inputs{Policy: policy, Clusters: in.Clusters, Now: now})
		available := map[string]int32{"a": rapid.Int32Range(0, 9).Draw(t, "in a"), "b": 1, "c": 1}
		ledAway := map[string]time.Time{}
		const patience = 40
		for step := range 2 * patience {
			in.Reports = nil
			for _, a := range in.Current.Clusters {
				in.Reports = append(in.Reports, runs(a.Name, available[a.Name]))
			}
			next, _ := Decide(w, in)
			for _, a := range in.Current.Clusters {
				if isPlaced(&next, a.Name) || available[a.Name] == 0 {
					continue
				}
				var there, needed int32
				for _, stays := range next.Clusters {
					if stays.Target != nil {
						there += available[stays.Name]
						continue
					}
					need := ptr.Deref(stays.Replicas, w.Replicas)
					there, needed = there+min(need, available[stays.Name]), needed+need
				}
				if there < needed {
					t.Fatalf("%s is gone, and %d of %d are available: %s", a.Name, there, needed, handed(next))
				}
				if since, ok := ledAway[a.Name]; !ok || in.Now.Sub(since) < 20*time.Second+defaultSettle {
					t.Fatalf("%s is gone %s after its clients: %s", a.Name, in.Now.Sub(since), handed(next))
				}
			}
			if !Moves(&next) {
				if got, want := handed(next), handed(goal); got != want {
					t.Fatalf("ends at %s, want %s", got, want)
				}
				return
			}
			name := Name{Of: "service web", TTL: 20 * time.Second}
			for _, a := range next.Clusters {
				led := a.Traffic == nil || a.Traffic.Percent > 0
				if _, known := ledAway[a.Name]; !led && !known {
					ledAway[a.Name] = in.Now
				} else if led {
					delete(ledAway, a.Name)
				}
				name.Clusters = append(name.Clusters, NamedCluster{Cluster: a.Name, Addressed: true, Led: led, Serves: available[a.Name] > 0})
				// Where it begins, or is asked for more, replicas come; before that anything happens.
				least := ptr.Deref(a.MinReplicas, w.Replicas)
				switch {
				case a.Target != nil:
				case step < patience:
					available[a.Name] = rapid.Int32Range(0, least).Draw(t, "available")
				default:
					available[a.Name] = least
				}
			}
			in.Current, in.Names, in.NamesUnread, in.Now = &next, []Name{name}, false, in.Now.Add(5*time.Second)
		}
		t.Fatalf("does not end: %s", handed(*in.Current))
	})
}
