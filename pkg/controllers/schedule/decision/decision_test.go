// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

var now = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// web is the Deployment under test.
func web(generation int64, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", Generation: generation},
		Spec:       appsv1.DeploymentSpec{Replicas: &replicas},
	}
}

// member is a cluster that is ready, unless an option says otherwise.
func member(name string, options ...func(*v1alpha1.Cluster)) *v1alpha1.Cluster {
	c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	readySince(time.Hour)(c)
	for _, option := range options {
		option(c)
	}
	return c
}

func readySince(ago time.Duration) func(*v1alpha1.Cluster) {
	return func(c *v1alpha1.Cluster) {
		c.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Ready", LastTransitionTime: metav1.NewTime(now.Add(-ago))}}
	}
}

func notReadySince(ago time.Duration) func(*v1alpha1.Cluster) {
	return func(c *v1alpha1.Cluster) {
		c.Status.Conditions = []metav1.Condition{{Type: "Ready", Status: metav1.ConditionFalse, Reason: "Unreachable", LastTransitionTime: metav1.NewTime(now.Add(-ago))}}
	}
}

// askedAgo is when a cluster was last asked how it is.
func askedAgo(ago time.Duration) func(*v1alpha1.Cluster) {
	return func(c *v1alpha1.Cluster) { c.Status.LastProbeTime = &metav1.Time{Time: now.Add(-ago)} }
}

// degraded was lost with too many others at once.
func degraded(c *v1alpha1.Cluster) {
	notReadySince(time.Hour)(c)
	c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: "FleetDegraded", Status: metav1.ConditionTrue})
}

func neverProbed(c *v1alpha1.Cluster) { c.Status.Conditions = nil }
func cordoned(c *v1alpha1.Cluster)    { c.Spec.Unschedulable = true }
func leaving(c *v1alpha1.Cluster)     { c.DeletionTimestamp = &metav1.Time{Time: now} }

func labelled(key, value string) func(*v1alpha1.Cluster) {
	return func(c *v1alpha1.Cluster) { c.Labels = map[string]string{key: value} }
}

func tainted(key, value string, effect v1alpha1.TaintEffect) func(*v1alpha1.Cluster) {
	return func(c *v1alpha1.Cluster) {
		c.Spec.Taints = append(c.Spec.Taints, v1alpha1.Taint{Key: key, Value: value, Effect: effect})
	}
}

// divide decides with nothing but a policy, clusters and the decision before.
func divide(d *appsv1.Deployment, policy *v1alpha1.PlacementPolicy, clusters []*v1alpha1.Cluster, current *v1alpha1.PlacementSpec, now time.Time) (v1alpha1.PlacementSpec, time.Duration) {
	w := Workload{Key: "deployment/" + d.Namespace + "/" + d.Name, Generation: d.Generation, Replicas: ptr.Deref(d.Spec.Replicas, 1)}
	return Divide(w, Inputs{Policy: policy, Clusters: clusters, Current: current, Now: now})
}

// policyWith is a policy as it is stored: with its defaults.
func policyWith(change func(*v1alpha1.PlacementPolicySpec), clusters ...v1alpha1.ClusterWeight) *v1alpha1.PlacementPolicy {
	p := &v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "web", Generation: 1}}
	p.Spec.Clusters = clusters
	if change != nil {
		change(&p.Spec)
	}
	v1alpha1.SetObjectDefaults_PlacementPolicy(p)
	return p
}

func weight(name string, weight int64) v1alpha1.ClusterWeight {
	return v1alpha1.ClusterWeight{Name: name, Weight: &weight}
}

// running is a decision that was made before, on generation 1 of the Deployment and of the policy.
func running(clusters ...string) *v1alpha1.PlacementSpec {
	spec := &v1alpha1.PlacementSpec{WorkloadGeneration: 1, Policy: "web", PolicyGeneration: 1}
	for _, c := range clusters {
		name, count, _ := strings.Cut(c, "=")
		n, err := strconv.ParseInt(count, 10, 32)
		if err != nil {
			panic(err) // a mistake in the test
		}
		spec.Clusters = append(spec.Clusters, v1alpha1.ClusterAssignment{Name: name, Replicas: ptr.To(int32(n))})
	}
	return spec
}

func tolerating(tolerations ...v1alpha1.Toleration) func(*v1alpha1.PlacementPolicySpec) {
	return func(s *v1alpha1.PlacementPolicySpec) { s.Tolerations = tolerations }
}

func rebalancing(mode v1alpha1.RebalanceMode) func(*v1alpha1.PlacementPolicySpec) {
	return func(s *v1alpha1.PlacementPolicySpec) { s.Rebalance.Mode = mode }
}

func failingOver(after time.Duration) func(*v1alpha1.PlacementPolicySpec) {
	return func(s *v1alpha1.PlacementPolicySpec) { s.Failover.After = &metav1.Duration{Duration: after} }
}

// places says where a decision has replicas, those with none included: "east=4 west=2".
func places(spec v1alpha1.PlacementSpec) string {
	var out []string
	for _, c := range spec.Clusters {
		out = append(out, fmt.Sprintf("%s=%d", c.Name, ptr.Deref(c.Replicas, -1)))
	}
	return strings.Join(out, " ")
}

// leavesOut says where it has none, and by which code: "eu:NotReady".
func leavesOut(spec v1alpha1.PlacementSpec) string {
	var out []string
	for _, c := range spec.Excluded {
		out = append(out, c.Name+":"+c.Code)
	}
	return strings.Join(out, " ")
}

func TestDecideDeployment(t *testing.T) {
	type input struct {
		deployment *appsv1.Deployment
		policy     *v1alpha1.PlacementPolicy
		clusters   []*v1alpha1.Cluster
		current    *v1alpha1.PlacementSpec
	}
	type output struct {
		Placed, Excluded string
		Unplaced         int32
		Problem          string
		Again            time.Duration
	}
	three := []*v1alpha1.Cluster{member("a"), member("b"), member("c")}
	exists := v1alpha1.Toleration{Operator: v1alpha1.TolerationExists}
	for _, tt := range []struct {
		name string
		in   input
		want output
	}{
		// Weights
		{"no policy spreads equally", input{web(1, 6), nil, three, nil}, output{Placed: "a=2 b=2 c=2"}},
		{"weights", input{web(1, 30), policyWith(nil, weight("a", 1), weight("b", 2), weight("c", 3)), three, nil}, output{Placed: "a=5 b=10 c=15"}},
		{"a weight left open is 1", input{web(1, 4), policyWith(nil, v1alpha1.ClusterWeight{Name: "a"}, weight("b", 3)), three, nil}, output{Placed: "a=1 b=3", Excluded: "c:NotNamed"}},
		{"* is every other cluster", input{web(1, 8), policyWith(nil, weight("a", 2), weight("*", 1)), three, nil}, output{Placed: "a=4 b=2 c=2"}},
		{"* with weight 0", input{web(1, 8), policyWith(nil, weight("*", 0), weight("a", 1)), three, nil}, output{Placed: "a=8", Excluded: "b:Drained c:Drained"}},
		{"a policy without clusters spreads equally", input{web(1, 6), policyWith(nil), three, nil}, output{Placed: "a=2 b=2 c=2"}},
		{"a named cluster that is not joined", input{web(1, 6), policyWith(nil, weight("a", 1), weight("z", 1)), three, nil}, output{Placed: "a=6", Excluded: "b:NotNamed c:NotNamed"}},
		{"one replica takes one cluster", input{web(1, 1), policyWith(nil, weight("a", 9), weight("b", 1)), three[:2], nil}, output{Placed: "a=1", Excluded: "b:Share"}},
		{
			"minimum and maximum",
			input{web(1, 10), policyWith(nil, v1alpha1.ClusterWeight{Name: "a", MaxReplicas: ptr.To[int32](2)}, v1alpha1.ClusterWeight{Name: "b", MinReplicas: 7}, weight("c", 1)), three, nil},
			output{Placed: "a=2 b=7 c=1"},
		},
		{"maximums that leave some over", input{web(1, 10), policyWith(nil, v1alpha1.ClusterWeight{Name: "*", MaxReplicas: ptr.To[int32](2)}), three, nil}, output{Placed: "a=2 b=2 c=2", Unplaced: 4, Problem: "Unplaced"}},
		{"minimums that are too much", input{web(1, 4), policyWith(nil, v1alpha1.ClusterWeight{Name: "a", MinReplicas: 3}, v1alpha1.ClusterWeight{Name: "b", MinReplicas: 3}), three[:2], nil}, output{Placed: "a=2 b=2", Problem: "MinimumsInfeasible"}},
		{"a higher priority is filled first", input{web(1, 10), policyWith(nil, v1alpha1.ClusterWeight{Name: "a", Priority: 1, MaxReplicas: ptr.To[int32](7)}, weight("b", 1)), three[:2], nil}, output{Placed: "a=7 b=3"}},

		// Nowhere to go
		{"no clusters", input{web(1, 3), nil, nil, nil}, output{Unplaced: 3, Problem: "NoClusters"}},
		{"no cluster that may, and nothing runs", input{web(1, 3), nil, []*v1alpha1.Cluster{member("a", cordoned)}, nil}, output{Excluded: "a:Cordoned", Unplaced: 3, Problem: "NoClusters"}},
		{"no cluster that may: what runs stays", input{web(1, 4), policyWith(nil, weight("z", 1)), three[:1], running("a=3")}, output{Placed: "a=3", Unplaced: 1, Problem: "NoClusters"}},
		{"what ran on a cluster that left is gone", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", leaving)}, running("a=3", "z=1")}, output{Excluded: "a:Leaving", Unplaced: 4, Problem: "NoClusters"}},
		{"all weights 0: what runs stays", input{web(2, 4), policyWith(nil, weight("a", 0), weight("b", 0)), three[:2], running("a=4")}, output{Placed: "a=4", Excluded: "b:Kept", Problem: "AllWeightsZero"}},
		{"all weights 0 and nothing runs", input{web(1, 4), policyWith(nil, weight("a", 0)), three[:1], nil}, output{Excluded: "a:Kept", Unplaced: 4, Problem: "AllWeightsZero"}},

		// Scaled to nothing
		{"scaled to 0 stays where it ran", input{web(2, 0), nil, three, running("a=2", "b=1")}, output{Placed: "a=0 b=0", Excluded: "c:NoReplicas"}},
		{"created with 0 is nowhere", input{web(1, 0), nil, three[:1], nil}, output{Excluded: "a:NoReplicas"}},
		{"scaled to 0 leaves a drained cluster", input{web(2, 0), policyWith(nil, weight("a", 0), weight("b", 1)), three[:2], running("a=2", "b=1")}, output{Placed: "b=0", Excluded: "a:Drained"}},
		{"scaled to 0 stays on a cordoned cluster, too", input{web(2, 0), nil, []*v1alpha1.Cluster{member("a", cordoned), member("b")}, running("a=2", "b=2")}, output{Placed: "a=0 b=0"}},
		{"and still does when it is looked at again", input{web(2, 0), nil, []*v1alpha1.Cluster{member("a", cordoned), member("b", notReadySince(time.Minute))}, running("a=0", "b=0")}, output{Placed: "a=0 b=0"}},
		{"stays at 0", input{web(2, 0), nil, three[:2], running("a=0", "b=0")}, output{Placed: "a=0 b=0"}},
		{"scaled up from 0", input{web(3, 4), nil, three[:2], running("a=0", "b=0")}, output{Placed: "a=2 b=2"}},

		// Affinity
		{"required affinity", input{web(1, 4), policyWith(func(s *v1alpha1.PlacementPolicySpec) {
			s.ClusterAffinity = &v1alpha1.ClusterAffinity{Required: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "prod"}}}
		}), []*v1alpha1.Cluster{member("a", labelled("env", "prod")), member("b", labelled("env", "test")), member("c")}, nil}, output{Placed: "a=4", Excluded: "b:ClusterAffinity c:ClusterAffinity"}},
		{"an affinity that asks nothing", input{web(1, 4), policyWith(func(s *v1alpha1.PlacementPolicySpec) { s.ClusterAffinity = &v1alpha1.ClusterAffinity{} }), three[:2], nil}, output{Placed: "a=2 b=2"}},

		// Taints
		{"NoSchedule takes nothing new", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoSchedule")), member("b")}, nil}, output{Placed: "b=4", Excluded: "a:Taint"}},
		{"NoSchedule keeps what runs", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoSchedule")), member("b")}, running("a=2", "b=2")}, output{Placed: "a=2 b=2"}},
		{"NoSchedule takes nothing more", input{web(2, 8), policyWith(nil), []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoSchedule")), member("b")}, running("a=2", "b=2")}, output{Placed: "a=2 b=6"}},
		{"NoSchedule gives back when scaled down", input{web(2, 2), policyWith(nil), []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoSchedule")), member("b")}, running("a=2", "b=2")}, output{Placed: "a=1 b=1"}},
		{"NoExecute moves off", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoExecute")), member("b")}, running("a=2", "b=2")}, output{Placed: "b=4", Excluded: "a:Taint"}},
		{"tolerated by key and value", input{web(1, 4), policyWith(tolerating(v1alpha1.Toleration{Key: "k", Value: "v"})), []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoExecute")), member("b")}, nil}, output{Placed: "a=2 b=2"}},
		{"another value is not tolerated", input{web(1, 4), policyWith(tolerating(v1alpha1.Toleration{Key: "k", Value: "w"})), []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoExecute")), member("b")}, nil}, output{Placed: "b=4", Excluded: "a:Taint"}},
		{"another effect is not tolerated", input{web(1, 4), policyWith(tolerating(v1alpha1.Toleration{Key: "k", Operator: "Exists", Effect: "NoSchedule"})), []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoExecute")), member("b")}, nil}, output{Placed: "b=4", Excluded: "a:Taint"}},
		{"tolerated whatever it is", input{web(1, 4), policyWith(tolerating(exists)), []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoExecute"), tainted("l", "", "NoSchedule")), member("b")}, nil}, output{Placed: "a=2 b=2"}},
		{"one of two taints is tolerated", input{web(1, 4), policyWith(tolerating(v1alpha1.Toleration{Key: "k", Operator: "Exists"})), []*v1alpha1.Cluster{member("a", tainted("k", "v", "NoSchedule"), tainted("l", "", "NoExecute")), member("b")}, running("a=2", "b=2")}, output{Placed: "b=4", Excluded: "a:Taint"}},

		// Cordon
		{"cordoned takes nothing new", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", cordoned), member("b")}, nil}, output{Placed: "b=4", Excluded: "a:Cordoned"}},
		{"cordoned keeps what runs", input{web(2, 8), policyWith(nil), []*v1alpha1.Cluster{member("a", cordoned), member("b")}, running("a=2", "b=2")}, output{Placed: "a=2 b=6"}},
		{"cordoned and at 0 stays at 0", input{web(2, 4), policyWith(nil), []*v1alpha1.Cluster{member("a", cordoned), member("b")}, running("a=0", "b=0")}, output{Placed: "b=4", Excluded: "a:Cordoned"}},
		{"a minimum does not bring replicas to a cordoned cluster", input{web(2, 6), policyWith(nil, v1alpha1.ClusterWeight{Name: "a", MinReplicas: 4}, weight("b", 1)), []*v1alpha1.Cluster{member("a", cordoned), member("b")}, running("a=1", "b=5")}, output{Placed: "a=1 b=5"}},
		{"drained and cordoned is drained", input{web(2, 4), policyWith(nil, weight("a", 0), weight("b", 1)), []*v1alpha1.Cluster{member("a", cordoned), member("b")}, running("a=2", "b=2")}, output{Placed: "b=4", Excluded: "a:Drained"}},

		// Not ready
		{"never probed", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", neverProbed), member("b")}, nil}, output{Placed: "b=4", Excluded: "a:NotReady"}},
		{"not ready takes nothing new", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", notReadySince(time.Second)), member("b")}, nil}, output{Placed: "b=4", Excluded: "a:NotReady"}},
		{"not ready is counted on for five minutes", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", notReadySince(time.Minute)), member("b")}, running("a=2", "b=2")}, output{Placed: "a=2 b=2", Again: 4 * time.Minute}},
		{"not ready for five minutes is given up", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", notReadySince(5*time.Minute)), member("b")}, running("a=2", "b=2")}, output{Placed: "b=4", Excluded: "a:NotReady"}},
		{"failover as the policy says", input{web(1, 4), policyWith(failingOver(time.Minute)), []*v1alpha1.Cluster{member("a", notReadySince(50*time.Second)), member("b")}, running("a=2", "b=2")}, output{Placed: "a=2 b=2", Again: 10 * time.Second}},
		{"failover at once", input{web(1, 4), policyWith(failingOver(0)), []*v1alpha1.Cluster{member("a", notReadySince(0)), member("b")}, running("a=2", "b=2")}, output{Placed: "b=4", Excluded: "a:NotReady"}},
		{"the first to be given up is looked at first", input{web(1, 6), nil, []*v1alpha1.Cluster{member("a", notReadySince(time.Minute)), member("b", notReadySince(4*time.Minute)), member("c")}, running("a=2", "b=2", "c=2")}, output{Placed: "a=2 b=2 c=2", Again: time.Minute}},
		{"scaled up beside a lost cluster", input{web(2, 8), nil, []*v1alpha1.Cluster{member("a", notReadySince(time.Minute)), member("b")}, running("a=2", "b=2")}, output{Placed: "a=2 b=6", Again: 4 * time.Minute}},
		{"all are lost: nothing is moved", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", degraded), member("b", degraded)}, running("a=2", "b=2")}, output{Placed: "a=2 b=2", Problem: "FleetDegraded", Again: 30 * time.Second}},
		{"too many are lost at once: nothing is moved", input{web(1, 6), nil, []*v1alpha1.Cluster{member("a", degraded), member("b", degraded), member("c")}, running("a=2", "b=2", "c=2")}, output{Placed: "a=2 b=2 c=2", Problem: "FleetDegraded", Again: 30 * time.Second}},
		{"lost each on its own: they are given up", input{web(1, 5), nil, []*v1alpha1.Cluster{member("a", notReadySince(time.Hour)), member("b", notReadySince(time.Hour)), member("c"), member("d"), member("e")}, running("a=1", "b=1", "c=1", "d=1", "e=1")}, output{Placed: "c=1 d=2 e=2", Excluded: "a:NotReady b:NotReady"}},
		{"lost while nobody asked: nothing is known", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", notReadySince(time.Hour), askedAgo(10*time.Minute)), member("b")}, running("a=2", "b=2")}, output{Placed: "a=2 b=2", Again: 5 * time.Minute}},
		{"lost for as long as was asked", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", notReadySince(3*time.Minute), askedAgo(time.Minute)), member("b")}, running("a=2", "b=2")}, output{Placed: "a=2 b=2", Again: 3 * time.Minute}},
		{"a drained cluster that is lost is drained", input{web(2, 4), policyWith(nil, weight("a", 0), weight("b", 1)), []*v1alpha1.Cluster{member("a", notReadySince(time.Minute)), member("b")}, running("a=2", "b=2")}, output{Placed: "b=4", Excluded: "a:Drained"}},

		// Leaving
		{"a cluster that leaves", input{web(1, 4), nil, []*v1alpha1.Cluster{member("a", leaving), member("b")}, running("a=2", "b=2")}, output{Placed: "b=4", Excluded: "a:Leaving"}},

		// Rebalancing
		{"OnChange: who joins draws nothing", input{web(1, 6), policyWith(nil), three, running("a=3", "b=3")}, output{Placed: "a=3 b=3", Excluded: "c:Kept"}},
		{"OnChange: without a policy neither", input{web(1, 6), nil, three, &v1alpha1.PlacementSpec{WorkloadGeneration: 1, Clusters: running("a=3", "b=3").Clusters}}, output{Placed: "a=3 b=3", Excluded: "c:Kept"}},
		{"OnChange: until the workload changes", input{web(2, 6), policyWith(nil), three, running("a=3", "b=3")}, output{Placed: "a=2 b=2 c=2"}},
		{"OnChange: or the policy", input{web(1, 6), func() *v1alpha1.PlacementPolicy { p := policyWith(nil); p.Generation = 2; return p }(), three, running("a=3", "b=3")}, output{Placed: "a=2 b=2 c=2"}},
		{"OnChange: or another policy applies", input{web(1, 6), func() *v1alpha1.PlacementPolicy { p := policyWith(nil); p.Name = "other"; return p }(), three, running("a=3", "b=3")}, output{Placed: "a=2 b=2 c=2"}},
		{"OnChange: or no policy any more", input{web(1, 6), nil, three, running("a=3", "b=3")}, output{Placed: "a=2 b=2 c=2"}},
		{"OnChange: who is lost is replaced, and nobody else is moved", input{web(1, 6), policyWith(nil), []*v1alpha1.Cluster{member("a"), member("b"), member("c", notReadySince(time.Hour))}, running("a=4", "c=2")}, output{Placed: "a=4 b=2", Excluded: "c:NotReady"}},
		{"Automatic: who joins draws its share, one by one", input{web(1, 6), policyWith(rebalancing(v1alpha1.RebalanceAutomatic)), three, running("a=3", "b=3")}, output{Placed: "a=3 b=2 c=1", Again: 6 * time.Second}},
		{"Never: a change of the policy moves nothing", input{web(1, 6), func() *v1alpha1.PlacementPolicy {
			p := policyWith(rebalancing(v1alpha1.RebalanceNever), weight("a", 1), weight("b", 2))
			p.Generation = 2
			return p
		}(), three[:2], running("a=3", "b=3")}, output{Placed: "a=3 b=3"}},
		{"Never: scaling up only adds", input{web(2, 9), policyWith(rebalancing(v1alpha1.RebalanceNever)), three, running("a=6")}, output{Placed: "a=6 b=2 c=1"}},
		{"Never: weight 0 drains all the same", input{web(1, 6), policyWith(rebalancing(v1alpha1.RebalanceNever), weight("a", 1), weight("b", 0)), three[:2], running("a=3", "b=3")}, output{Placed: "a=6", Excluded: "b:Drained"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, again := divide(tt.in.deployment, tt.in.policy, tt.in.clusters, tt.in.current, now)
			out := output{Placed: places(got), Excluded: leavesOut(got), Unplaced: got.Unplaced, Problem: got.Problem, Again: again}
			// Ties are decided by a hash; what the sharing is matters here, not who is first.
			if diff := gocmp.Diff(tt.want, out); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if (got.Problem == "") != (got.ProblemMessage == "") {
				t.Errorf("problem %q is explained by %q", got.Problem, got.ProblemMessage)
			}
			for _, a := range got.Clusters {
				if a.Code == "" || a.Reason == "" {
					// What is kept has the reason it was given before, which the literals here have not.
					if got.Problem != "NoClusters" {
						t.Errorf("no reason for %+v", a)
					}
				}
			}
			for _, e := range got.Excluded {
				if e.Reason == "" {
					t.Errorf("no reason for %+v", e)
				}
			}
		})
	}
}

func TestDecideDeploymentRecordsWhatItDecidedOn(t *testing.T) {
	p := policyWith(func(s *v1alpha1.PlacementPolicySpec) { s.Conflict = v1alpha1.ConflictAdopt })
	p.Generation = 7
	got, _ := divide(web(3, 2), p, []*v1alpha1.Cluster{member("a")}, nil, now)
	want := v1alpha1.PlacementSpec{
		WorkloadGeneration: 3, Policy: "web", PolicyGeneration: 7, Replicas: ptr.To[int32](2), Conflict: v1alpha1.ConflictAdopt,
		Clusters: []v1alpha1.ClusterAssignment{{Name: "a", Replicas: ptr.To[int32](2), Code: "Share", Reason: "weight 1 of 1"}},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("decision (-want +got):\n%s", diff)
	}
}

// Every number and every exclusion is explained in words that name the cause.
func TestReasons(t *testing.T) {
	clusters := []*v1alpha1.Cluster{
		member("cordon", cordoned), member("given-up", notReadySince(time.Hour)), member("kept", notReadySince(time.Minute)), member("leave", leaving),
		member("new", neverProbed), member("ok"), member("other"), member("taint", tainted("upgrade", "true", "NoExecute")), member("valueless", tainted("upgrade", "", "NoSchedule")),
	}
	policy := policyWith(nil, weight("cordon", 1), weight("given-up", 1), weight("kept", 1), weight("leave", 1), weight("new", 1), weight("ok", 1), weight("taint", 1), weight("valueless", 1))
	got, _ := divide(web(1, 3), policy, clusters, running("given-up=1", "kept=1", "ok=1", "cordon=0", "other=1", "taint=1"), now)
	reasons := map[string]string{}
	for _, e := range got.Excluded {
		reasons[e.Name] = e.Reason
	}
	for _, a := range got.Clusters {
		reasons[a.Name] = a.Reason
	}
	want := map[string]string{
		"cordon":    "cordoned: takes nothing new",
		"given-up":  "not ready since 2026-09-01T11:00:00Z: Unreachable",
		"kept":      "not ready since 2026-09-01T11:59:00Z: counted on until it has been so for 5m0s",
		"leave":     "leaves the federation",
		"new":       "not ready yet",
		"ok":        reasons["ok"],
		"other":     "not among the clusters of policy web",
		"taint":     "taint upgrade=true:NoExecute",
		"valueless": "taint upgrade:NoSchedule: takes nothing new",
	}
	if diff := gocmp.Diff(want, reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	none, _ := divide(web(1, 3), policyWith(nil, weight("z", 1)), []*v1alpha1.Cluster{member("a"), member("b", leaving)}, nil, now)
	if want := "no cluster may take the workload: a: not among the clusters of policy web; b: leaves the federation"; none.ProblemMessage != want {
		t.Errorf("message %q, want %q", none.ProblemMessage, want)
	}
	nobody, _ := divide(web(1, 3), nil, nil, nil, now)
	if want := "no cluster may take the workload: none is joined; join one with kubectl drover join"; nobody.ProblemMessage != want {
		t.Errorf("message %q, want %q", nobody.ProblemMessage, want)
	}
}

func TestSelectPolicy(t *testing.T) {
	named := func(name string, priority int32, selector metav1.LabelSelector) *v1alpha1.PlacementPolicy {
		return &v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.PlacementPolicySpec{Priority: priority, Selector: selector}}
	}
	web := metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	db := metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}
	in := metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"web", "api"}}}}
	gone := named("gone", 9, web)
	gone.DeletionTimestamp = &metav1.Time{Time: now}
	for _, tt := range []struct {
		name     string
		policies []*v1alpha1.PlacementPolicy
		want     string
	}{
		{"none", nil, ""},
		{"none that selects it", []*v1alpha1.PlacementPolicy{named("db", 9, db)}, ""},
		{"an empty selector selects everything", []*v1alpha1.PlacementPolicy{named("all", 0, metav1.LabelSelector{})}, "all"},
		{"by expression", []*v1alpha1.PlacementPolicy{named("in", 0, in)}, "in"},
		{"the highest priority", []*v1alpha1.PlacementPolicy{named("a", 1, web), named("z", 2, web), named("db", 3, db)}, "z"},
		{"negative priorities", []*v1alpha1.PlacementPolicy{named("a", -2, web), named("z", -1, web)}, "z"},
		{"of equal ones the first by name", []*v1alpha1.PlacementPolicy{named("z", 1, web), named("a", 1, web), named("b", 1, web)}, "a"},
		{"one that is being deleted does not count", []*v1alpha1.PlacementPolicy{gone, named("web", 0, web)}, "web"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := SelectPolicy(labels.Set{"app": "web"}, tt.policies)
			if err != nil {
				t.Fatal(err)
			}
			if got == nil && tt.want != "" || got != nil && got.Name != tt.want {
				t.Errorf("selected %v, want %q", got, tt.want)
			}
		})
	}
	bad := named("bad", 9, metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Like"}}})
	if _, err := SelectPolicy(labels.Set{}, []*v1alpha1.PlacementPolicy{bad}); err == nil || !strings.Contains(err.Error(), "policy bad: selector") {
		t.Errorf("a selector that is none: %v", err)
	}
}

func TestDecideFollower(t *testing.T) {
	backend := func(name string, conflict v1alpha1.ConflictPolicy, clusters ...string) *v1alpha1.Placement {
		p := &v1alpha1.Placement{Spec: *running(clusters...)}
		p.Spec.Workload, p.Spec.Conflict = v1alpha1.WorkloadReference{Kind: "Deployment", Name: name}, conflict
		return p
	}
	beingRemoved := backend("web", "Fail", "a=2")
	beingRemoved.Status.Clusters = []v1alpha1.ClusterPlacementStatus{{Name: "a"}, {Name: "b", Replicas: 1}}
	there := func(names ...string) *v1alpha1.PlacementSpec {
		spec := &v1alpha1.PlacementSpec{}
		for _, name := range names {
			spec.Clusters = append(spec.Clusters, v1alpha1.ClusterAssignment{Name: name, Code: v1alpha1.RunsBackend, Reason: "runs deployment web"})
		}
		return spec
	}
	three := []*v1alpha1.Cluster{member("c"), member("a"), member("b")}
	type output struct {
		Placed, Excluded, Problem string
		Conflict                  v1alpha1.ConflictPolicy
	}
	for _, tt := range []struct {
		name       string
		backends   []*v1alpha1.Placement
		everywhere bool
		clusters   []*v1alpha1.Cluster
		current    *v1alpha1.PlacementSpec
		want       output
	}{
		{"goes where its backends run", []*v1alpha1.Placement{backend("web", "Fail", "a=2", "b=1")}, false, three, nil, output{"a b", "c:NoBackend", "", "Fail"}},
		{"goes where any of them runs", []*v1alpha1.Placement{backend("web", "Fail", "a=2"), backend("api", "Fail", "c=1")}, false, three, nil, output{"a c", "b:NoBackend", "", "Fail"}},
		{"stays where they run with no replicas", []*v1alpha1.Placement{backend("web", "Fail", "a=0")}, false, three, nil, output{"a", "b:NoBackend c:NoBackend", "", "Fail"}},
		{"stays until they are gone", []*v1alpha1.Placement{beingRemoved}, false, three, nil, output{"a b", "c:NoBackend", "", "Fail"}},
		{"adopts if a backend does", []*v1alpha1.Placement{backend("web", "Fail", "a=1"), backend("api", "Adopt", "a=1")}, false, three[1:2], nil, output{"a", "", "", "Adopt"}},
		{"no backends, and it was nowhere", nil, false, three, nil, output{"", "a:NoBackend b:NoBackend c:NoBackend", "NoBackends", "Fail"}},
		{"no backends: it stays where it was", nil, false, three, there("a"), output{"a", "b:NoBackend c:NoBackend", "NoBackends", "Fail"}},
		{"no clusters", nil, false, nil, nil, output{"", "", "NoClusters", "Fail"}},
		{"a cluster that leaves", []*v1alpha1.Placement{backend("web", "Fail", "a=2", "b=1")}, false, []*v1alpha1.Cluster{member("a", leaving), member("b")}, there("a", "b"), output{"b", "a:Leaving", "", "Fail"}},
		{"a cluster that is lost, while its backends are counted on", []*v1alpha1.Placement{backend("web", "Fail", "a=2")}, false, []*v1alpha1.Cluster{member("a", notReadySince(time.Minute))}, there("a"), output{"a", "", "", "Fail"}},
		{"everywhere", nil, true, three, nil, output{"a b c", "", "", "Fail"}},
		{"everywhere that is ready, or has it", nil, true, []*v1alpha1.Cluster{member("a"), member("b", notReadySince(time.Hour)), member("c", notReadySince(time.Hour))}, there("b"), output{"a b", "c:NotReady", "", "Fail"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := Follow(4, "Service", tt.backends, tt.everywhere, tt.clusters, tt.current, now)
			var names []string
			for _, c := range got.Clusters {
				names = append(names, c.Name)
				if c.Replicas != nil || c.Code == "" || c.Reason == "" {
					t.Errorf("assignment %+v", c)
				}
			}
			out := output{strings.Join(names, " "), leavesOut(got), got.Problem, got.Conflict}
			if diff := gocmp.Diff(tt.want, out); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if got.WorkloadGeneration != 4 || (got.Problem == "") != (got.ProblemMessage == "") {
				t.Errorf("generation %d, problem %q: %q", got.WorkloadGeneration, got.Problem, got.ProblemMessage)
			}
			again := Follow(4, "Service", tt.backends, tt.everywhere, tt.clusters, &got, now)
			if diff := gocmp.Diff(got, again); diff != "" {
				t.Errorf("decided again (-first +second):\n%s", diff)
			}
		})
	}
	got := Follow(1, "Ingress", []*v1alpha1.Placement{backend("web", "Fail", "a=1"), backend("api", "Fail", "a=1"), backend("web", "Fail", "a=1")}, false, three[1:2], nil, now)
	if want := "runs deployment api, deployment web"; got.Clusters[0].Reason != want {
		t.Errorf("reason %q, want %q", got.Clusters[0].Reason, want)
	}
}

// situation draws clusters, a policy and what runs.
func situation(t *rapid.T) (d *appsv1.Deployment, policy *v1alpha1.PlacementPolicy, clusters []*v1alpha1.Cluster, current *v1alpha1.PlacementSpec) {
	small := rapid.Int32Range(0, 12)
	conditions := []func(*v1alpha1.Cluster){
		readySince(time.Hour), readySince(time.Hour), readySince(time.Hour), notReadySince(time.Minute), notReadySince(time.Hour), neverProbed, cordoned, leaving,
		tainted("k", "v", "NoSchedule"), tainted("k", "v", "NoExecute"), labelled("env", "prod"),
	}
	for i := range rapid.IntRange(0, 6).Draw(t, "clusters") {
		options := rapid.SliceOfN(rapid.SampledFrom(conditions), 0, 2).Draw(t, "conditions")
		clusters = append(clusters, member(fmt.Sprintf("c%d", i), options...))
	}
	d = web(rapid.Int64Range(1, 2).Draw(t, "generation"), rapid.Int32Range(0, 60).Draw(t, "replicas"))
	if rapid.Bool().Draw(t, "policy") {
		var weights []v1alpha1.ClusterWeight
		for _, name := range []string{"c0", "c1", "c2", "c3", "*"} {
			if !rapid.Bool().Draw(t, "named "+name) {
				continue
			}
			w := weight(name, rapid.Int64Range(0, 3).Draw(t, "weight"))
			w.MinReplicas, w.Priority = rapid.SampledFrom([]int32{0, 0, 0, 2, 5}).Draw(t, "min"), rapid.Int32Range(0, 1).Draw(t, "priority")
			if rapid.Bool().Draw(t, "bounded") {
				w.MaxReplicas = ptr.To(w.MinReplicas + small.Draw(t, "max"))
			}
			weights = append(weights, w)
		}
		policy = policyWith(rebalancing(rapid.SampledFrom([]v1alpha1.RebalanceMode{"OnChange", "Automatic", "Never"}).Draw(t, "mode")), weights...)
		if rapid.Bool().Draw(t, "tolerates") {
			policy.Spec.Tolerations = []v1alpha1.Toleration{{Operator: v1alpha1.TolerationExists}}
		}
		if rapid.IntRange(0, 3).Draw(t, "affinity") == 0 {
			policy.Spec.ClusterAffinity = &v1alpha1.ClusterAffinity{Required: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "prod"}}}
		}
	}
	if rapid.Bool().Draw(t, "runs") {
		current = running()
		for _, c := range clusters {
			if rapid.Bool().Draw(t, "runs on "+c.Name) {
				current.Clusters = append(current.Clusters, v1alpha1.ClusterAssignment{Name: c.Name, Replicas: ptr.To(small.Draw(t, "current")), Code: "Share", Reason: "before"})
			}
		}
	}
	return d, policy, clusters, current
}

func TestEveryReplicaIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, policy, clusters, current := situation(t)
		got, _ := divide(d, policy, clusters, current, now)
		placed := got.Unplaced
		for _, a := range got.Clusters {
			placed += *a.Replicas
		}
		desired := *d.Spec.Replicas
		if kept := got.Problem == "NoClusters" || got.Problem == "AllWeightsZero"; placed != desired && !(kept && placed > desired && got.Unplaced == 0) {
			t.Errorf("%d of %d are placed or said not to be: %s", placed, desired, places(got))
		}
		if got.Unplaced > 0 && got.Problem == "" {
			t.Errorf("%d are unplaced, and it is no problem", got.Unplaced)
		}
	})
}

// A cluster is placed on or left out, each with a reason, never both.
func TestEveryClusterIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, policy, clusters, current := situation(t)
		got, _ := divide(d, policy, clusters, current, now)
		seen := map[string]int{}
		for _, a := range got.Clusters {
			seen[a.Name]++
			if a.Reason == "" {
				t.Errorf("no reason for %+v", a)
			}
		}
		for _, e := range got.Excluded {
			seen[e.Name]++
			if e.Reason == "" || e.Code == "" {
				t.Errorf("no reason for %+v", e)
			}
		}
		for _, c := range clusters {
			if seen[c.Name] != 1 {
				t.Errorf("cluster %s is mentioned %d times: placed %s, excluded %s, problem %q", c.Name, seen[c.Name], places(got), leavesOut(got), got.Problem)
			}
		}
		if !slices.IsSortedFunc(got.Clusters, func(a, b v1alpha1.ClusterAssignment) int { return cmp.Compare(a.Name, b.Name) }) ||
			!slices.IsSortedFunc(got.Excluded, func(a, b v1alpha1.ClusterExclusion) int { return cmp.Compare(a.Name, b.Name) }) {
			t.Errorf("not in order: %s, %s", places(got), leavesOut(got))
		}
	})
}

// Nothing changed, nothing moves: else every look at it would be a write.
func TestDecidingAgainChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, policy, clusters, current := situation(t)
		first, _ := divide(d, policy, clusters, current, now)
		second, _ := divide(d, policy, clusters, &first, now)
		if places(first) != places(second) {
			t.Fatalf("%s became %s (excluded %s, then %s)", places(first), places(second), leavesOut(first), leavesOut(second))
		}
		third, _ := divide(d, policy, clusters, &second, now)
		if diff := gocmp.Diff(second, third); diff != "" {
			t.Fatalf("it does not settle (-second +third):\n%s", diff)
		}
	})
}

// A workload scaled to nothing while half of its clusters are lost stays where it was decided to stay.
func TestScaledToNothingBesideLostClustersSettles(t *testing.T) {
	clusters := []*v1alpha1.Cluster{member("a", notReadySince(time.Hour)), member("b"), member("c", notReadySince(time.Minute))}
	first, _ := divide(web(2, 0), nil, clusters, running("a=1", "c=1"), now)
	second, _ := divide(web(2, 0), nil, clusters, &first, now)
	if places(first) != places(second) {
		t.Errorf("%s became %s", places(first), places(second))
	}
}

// Who may take nothing gets nothing new, whatever the weights say.
func TestNothingNewWhereNothingMayGo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, policy, clusters, current := situation(t)
		got, _ := divide(d, policy, clusters, current, now)
		before := replicasByCluster(current)
		tolerates := policy != nil && len(policy.Spec.Tolerations) > 0
		for _, c := range clusters {
			var is int64
			for _, a := range got.Clusters {
				if a.Name == c.Name {
					is = int64(*a.Replicas)
				}
			}
			ready := len(c.Status.Conditions) == 1 && c.Status.Conditions[0].Status == metav1.ConditionTrue
			closed := !ready || c.Spec.Unschedulable || c.DeletionTimestamp != nil || len(c.Spec.Taints) > 0 && !tolerates
			if closed && is > before[c.Name] {
				t.Errorf("cluster %s may take nothing new, and goes from %d to %d", c.Name, before[c.Name], is)
			}
			if c.DeletionTimestamp != nil && is > 0 {
				t.Errorf("cluster %s leaves, and has %d", c.Name, is)
			}
		}
	})
}

func TestSameClusters(t *testing.T) {
	base := running("a=1", "b=2").Clusters
	for _, tt := range []struct {
		name   string
		change func([]v1alpha1.ClusterAssignment) []v1alpha1.ClusterAssignment
		want   bool
	}{
		{"the same", func(c []v1alpha1.ClusterAssignment) []v1alpha1.ClusterAssignment { return c }, true},
		{"another reason", func(c []v1alpha1.ClusterAssignment) []v1alpha1.ClusterAssignment { c[0].Reason = "x"; return c }, true},
		{"another number", func(c []v1alpha1.ClusterAssignment) []v1alpha1.ClusterAssignment {
			c[0].Replicas = ptr.To[int32](9)
			return c
		}, false},
		{"another cluster", func(c []v1alpha1.ClusterAssignment) []v1alpha1.ClusterAssignment { c[0].Name = "z"; return c }, false},
		{"one less", func(c []v1alpha1.ClusterAssignment) []v1alpha1.ClusterAssignment { return c[:1] }, false},
		{"a target", func(c []v1alpha1.ClusterAssignment) []v1alpha1.ClusterAssignment {
			c[0].Target = ptr.To[int32](9)
			return c
		}, false},
	} {
		if got := SameClusters(base, tt.change(slices.Clone(base))); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
