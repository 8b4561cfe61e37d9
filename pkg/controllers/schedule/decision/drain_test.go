// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// drained is a cluster that is drained so many namespaces at once, while it is the turn of some.
func drained(parallel int32, turn ...string) func(*v1alpha1.Cluster) {
	return func(c *v1alpha1.Cluster) {
		tainted(v1alpha1.TaintDrain, "", v1alpha1.TaintNoExecute)(c)
		c.Spec.Drain = &v1alpha1.ClusterDrain{ParallelNamespaces: parallel}
		if turn != nil {
			c.Status.Drain = &v1alpha1.ClusterDrainStatus{Namespaces: turn}
		}
	}
}

// A cluster that is drained namespace by namespace gets nothing new; what it has leaves when it is its turn.
func TestDrainByNamespaces(t *testing.T) {
	for _, tt := range []struct {
		name         string
		a            *v1alpha1.Cluster
		current      *v1alpha1.PlacementSpec
		placed, code string
	}{
		{"its turn", member("a", drained(1, "default")), running("a=2", "b=2"), "b=4", ""},
		{"the turn of another", member("a", drained(1, "other")), running("a=2", "b=2"), "a=2 b=2", v1alpha1.KeptUntilTurn},
		{"nobody's yet", member("a", drained(1)), running("a=2", "b=2"), "a=2 b=2", v1alpha1.KeptUntilTurn},
		{"nothing new, whosever turn it is", member("a", drained(1, "other")), running("b=4"), "b=4", ""},
		{"all at once", member("a", drained(0)), running("a=2", "b=2"), "b=4", ""},
		{"another taint does not wait", member("a", drained(1), tainted("k", "", v1alpha1.TaintNoExecute)), running("a=2", "b=2"), "b=4", ""},
		{"what is over is over", member("a", func(c *v1alpha1.Cluster) { c.Status.Drain = &v1alpha1.ClusterDrainStatus{} }), running("a=2", "b=2"), "a=2 b=2", "Share"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := Workload{Key: "deployment/default/web", Generation: 1, Replicas: 4}
			next, _ := Divide(w, Inputs{Namespace: "default", Policy: policyWith(nil), Clusters: []*v1alpha1.Cluster{tt.a, member("b")}, Current: tt.current, Now: now})
			if got := places(next); got != tt.placed {
				t.Errorf("placed %s, want %s", got, tt.placed)
			}
			if code, placed := codeOf(&next, "a"); placed && code != tt.code {
				t.Errorf("a has what it has by %s, want %s", code, tt.code)
			}
		})
	}
}

func TestTurnsAreChanges(t *testing.T) {
	change := ChangeOf(member("a", drained(1, "one")), member("a", drained(1, "two")))
	if !change.Touches(running("a=1", "b=1")) {
		t.Error("a turn concerns those that are on the cluster")
	}
	if same := ChangeOf(member("a", drained(1, "one")), member("a", drained(1, "one"))); same.Any() {
		t.Error("the same turn concerns nobody")
	}
}

func TestWhatStaysInADrain(t *testing.T) {
	tolerant := policyWith(func(s *v1alpha1.PlacementPolicySpec) {
		s.Tolerations = []v1alpha1.Toleration{{Key: v1alpha1.TaintDrain, Operator: v1alpha1.TolerationExists}}
	})
	for _, tt := range []struct {
		name   string
		spec   v1alpha1.PlacementSpec
		policy *v1alpha1.PlacementPolicy
		want   string
	}{
		{"nothing", v1alpha1.PlacementSpec{}, policyWith(nil), ""},
		{"without a policy", v1alpha1.PlacementSpec{}, nil, ""},
		{"what has nowhere to go", v1alpha1.PlacementSpec{Problem: "NoClusters", ProblemMessage: "no cluster may take it"}, nil, "no cluster may take it"},
		{"what waits for room goes when there is some", v1alpha1.PlacementSpec{Problem: "Unplaced", ProblemMessage: "no room"}, nil, ""},
		{"what tolerates it", v1alpha1.PlacementSpec{}, tolerant, "policy web tolerates drains"},
	} {
		if got := StaysInDrain(&tt.spec, tt.policy); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// Somebody asks for workloads to be spread anew: that is done once, whatever the mode, when the cluster is ready.
func TestRebalanceWhenAsked(t *testing.T) {
	asked := func(ago time.Duration) func(*v1alpha1.Cluster) {
		return func(c *v1alpha1.Cluster) { c.Spec.RebalanceTime = ptr.To(metav1.NewTime(now.Add(-ago))) }
	}
	for _, mode := range []v1alpha1.RebalanceMode{v1alpha1.RebalanceOnChange, v1alpha1.RebalanceNever, v1alpha1.RebalanceAutomatic} {
		policy := policyWith(func(s *v1alpha1.PlacementPolicySpec) { s.Rebalance.Mode = mode })
		on := func(current *v1alpha1.PlacementSpec, clusters ...*v1alpha1.Cluster) *v1alpha1.PlacementSpec {
			t.Helper()
			next, _ := divide(web(1, 10), policy, clusters, current, now)
			return &next
		}
		first := on(running("b=10"), member("a", asked(0)), member("b"))
		if got := places(*first); got != "a=5 b=5" {
			t.Errorf("%s: %s", mode, got)
		}
		if mode == v1alpha1.RebalanceAutomatic {
			continue
		}
		// What was asked for is done.
		first.Clusters = running("b=10").Clusters
		if got := places(*on(first, member("a", asked(0)), member("b"))); got != "b=10" {
			t.Errorf("%s, again: %s", mode, got)
		}
		if got := places(*on(first, member("a", asked(time.Minute)), member("b"))); got != "b=10" {
			t.Errorf("%s, for what was asked before: %s", mode, got)
		}
		// A cluster that is not ready yet would get nothing by it.
		late := on(running("b=10"), member("a", asked(0), notReadySince(time.Minute)), member("b"))
		if got := places(*on(late, member("a", asked(0)), member("b"))); got != "a=5 b=5" {
			t.Errorf("%s, when it is ready again: %s", mode, got)
		}
	}
}
