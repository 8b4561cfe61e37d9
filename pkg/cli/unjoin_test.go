// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func placementOf(kind, name string, replicas *int32, clusters ...string) *v1alpha1.Placement {
	p := &v1alpha1.Placement{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: v1alpha1.PlacementName(kind, name)}}
	p.Spec.Workload = v1alpha1.WorkloadReference{Kind: kind, Name: name}
	for _, c := range clusters {
		p.Spec.Clusters = append(p.Spec.Clusters, v1alpha1.ClusterAssignment{Name: c, Replicas: replicas})
	}
	return p
}

func TestUnjoin(t *testing.T) {
	w := newWorld(cluster("east", memberURL), cluster("west", "https://10.0.0.2:6443"), placementOf("Deployment", "web", ptr.To[int32](3), "east", "west"))
	add(t, w.federation.Tracker(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Namespace: "drover-system", Name: "cluster-east", Labels: map[string]string{v1alpha1.LabelCluster: "east"},
	}})
	if err := w.unjoin("east", func(o *UnjoinOptions) { o.Yes = true }).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"delete clusters"}, writes(&w.drover.Fake)); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"delete secrets"}, writes(&w.federation.Fake)); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	for _, line := range []string{"1 Deployment (3 replicas)", "keep running", "on other clusters as well, where policies and room allow: west", "east has left"} {
		if !strings.Contains(w.out.String(), line) {
			t.Errorf("does not say %q:\n%s", line, &w.out)
		}
	}
}

func TestUnjoinNotJoined(t *testing.T) {
	w := newWorld(cluster("west", memberURL), cluster("eu", memberURL))
	wantError(t, w.unjoin("east").run(t.Context()), `"east" is not joined`, "joined are: eu, west")
	wantError(t, newWorld().unjoin("east").run(t.Context()), "joined are: none")
}

func TestUnjoinAsks(t *testing.T) {
	for name, test := range map[string]struct {
		answer   string
		terminal bool
		says     string // of the error; none if it goes on
	}{
		"yes":         {answer: "y\n", terminal: true},
		"Yes":         {answer: " Yes \n", terminal: true},
		"no":          {answer: "n\n", terminal: true, says: "nothing has changed"},
		"enter":       {answer: "\n", terminal: true, says: "nothing has changed"},
		"end":         {terminal: true, says: "nothing has changed"},
		"no terminal": {answer: "y\n", says: "--yes"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(cluster("east", memberURL))
			err := w.unjoin("east", func(o *UnjoinOptions) { o.In, o.Terminal = strings.NewReader(test.answer), test.terminal }).run(t.Context())
			if test.says == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantError(t, err, test.says)
			if wrote := writes(&w.drover.Fake); len(wrote) > 0 {
				t.Errorf("wrote %v", wrote)
			}
		})
	}
}

// stuck keeps a cluster that is deleted, as its finalizer does.
func (w *world) stuck(c *v1alpha1.Cluster) {
	w.drover.PrependReactor("delete", "clusters", func(clienttesting.Action) (bool, runtime.Object, error) {
		c = c.DeepCopy()
		c.DeletionTimestamp = &metav1.Time{Time: expires}
		c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionLeaving, Status: "True", Message: "cannot reach " + memberURL}}
		return true, nil, w.drover.Tracker().Update(v1alpha1.SchemeGroupVersion.WithResource("clusters"), c, "")
	})
}

func TestUnjoinTimesOut(t *testing.T) {
	c := cluster("east", memberURL)
	w := newWorld(c)
	w.stuck(c)
	wantError(t, w.unjoin("east", func(o *UnjoinOptions) { o.Yes = true }).run(t.Context()),
		"still leaving after 50ms: cannot reach "+memberURL, "kubectl drover unjoin east\n", "kubectl drover unjoin east --force")

	// The second time nobody is asked again, and nothing is deleted again.
	w.drover.ClearActions()
	wantError(t, w.unjoin("east").run(t.Context()), "still leaving")
	if wrote := writes(&w.drover.Fake); len(wrote) > 0 {
		t.Errorf("wrote %v", wrote)
	}
	if !strings.Contains(w.out.String(), "east is leaving already") {
		t.Errorf("printed:\n%s", &w.out)
	}

	// Force is asked about, and marks what is leaving already.
	wantError(t, w.unjoin("east", func(o *UnjoinOptions) { o.Force = true }).run(t.Context()), "--yes")
	wantError(t, w.unjoin("east", func(o *UnjoinOptions) { o.Force, o.Yes = true, true }).run(t.Context()), "still leaving")
	got, err := w.drover.FederationV1alpha1().Clusters().Get(t.Context(), "east", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Annotations[v1alpha1.AnnotationForceLeave] != "true" {
		t.Errorf("annotations are %v", got.Annotations)
	}
}

// A cluster that joins again by the same name is not waited for.
func TestUnjoinDoesNotWaitForTheNext(t *testing.T) {
	c := cluster("east", memberURL)
	w := newWorld(c)
	w.drover.PrependReactor("delete", "clusters", func(clienttesting.Action) (bool, runtime.Object, error) {
		c = c.DeepCopy()
		c.UID = "another"
		return true, nil, w.drover.Tracker().Update(v1alpha1.SchemeGroupVersion.WithResource("clusters"), c, "")
	})
	if err := w.unjoin("east", func(o *UnjoinOptions) { o.Yes = true }).run(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLeavePlan(t *testing.T) {
	placements := []v1alpha1.Placement{
		*placementOf("Deployment", "web", ptr.To[int32](4), "east", "west"),
		*placementOf("Deployment", "api", ptr.To[int32](1), "east"),
		*placementOf("Deployment", "idle", ptr.To[int32](0), "east"),
		*placementOf("Service", "web", nil, "east", "west"),
		*placementOf("Ingress", "a", nil, "east"), *placementOf("Ingress", "b", nil, "east"),
	}
	for name, test := range map[string]struct {
		plan leavePlan
		want []string
	}{
		"some": {
			plan: leavePlan{mode: LeaveKeep, running: runningIn("east", placements), others: []string{"eu", "west"}},
			want: []string{
				"Placed on it: 2 Deployments (5 replicas), 2 Ingresses, 1 Service.",
				"They keep running there, but Drover no longer manages them: no updates, no scaling, no deletion.",
				"The federation places the 5 replicas on other clusters as well, where policies and room allow: eu, west.",
				"Drover's access to it is removed: namespace drover-system, ClusterRole and ClusterRoleBinding drover there, the credentials here.",
			},
		},
		"some move, with one owed deletion": {
			plan: leavePlan{
				mode: LeaveMove, running: runningIn("east", placements[:1]), others: []string{"west"}, cluster: owedOne(cluster("east", memberURL)),
				departures: []departure{{placement: &placements[0], then: dividedAs(map[string]int32{"west": 8})}},
			},
			want: []string{
				"Placed on it: 1 Deployment (4 replicas).",
				"They move to other clusters first: new replicas before old ones go, as their policies say. Then they are deleted there.",
				"The federation places the 4 replicas on other clusters, where policies and room allow: west.\n    deployment default/web: west 4 → 8",
				"It is owed 1 deletion from when it could not be reached. They are done first.",
				"Drover's access to it is removed: namespace drover-system, ClusterRole and ClusterRoleBinding drover there, the credentials here.",
			},
		},
		"some are deleted": {
			plan: leavePlan{mode: LeaveDelete, running: runningIn("east", placements[1:2])},
			want: []string{
				"Placed on it: 1 Deployment (1 replica).",
				"They are deleted there at once: until their replicas are ready elsewhere, there are fewer.",
				"No other cluster is joined: the federation has no place for the 1 replica until one is.",
				"Drover's access to it is removed: namespace drover-system, ClusterRole and ClusterRoleBinding drover there, the credentials here.",
			},
		},
		"the last cluster, gone": {
			plan: leavePlan{running: runningIn("west", placements[:1]), force: true},
			want: []string{
				"The cluster itself is not touched: it is taken to be gone. If it is not, Drover's marks and its access stay in it.",
				"Placed on it: 1 Deployment (4 replicas).",
				"No other cluster is joined: the federation has no place for the 4 replicas until one is.",
			},
		},
		"nothing there": {
			plan: leavePlan{running: runningIn("eu", placements)},
			want: []string{
				"Nothing of the federation is placed on it.",
				"Drover's access to it is removed: namespace drover-system, ClusterRole and ClusterRoleBinding drover there, the credentials here.",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if test.plan.cluster == nil {
				test.plan.cluster = cluster("east", memberURL)
			}
			want := "east (" + memberURL + ") will leave the federation:\n  - " + strings.Join(test.want, "\n  - ")
			if diff := cmp.Diff(want, test.plan.text()); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}

func owedOne(c *v1alpha1.Cluster) *v1alpha1.Cluster {
	c.Status.Owed = []v1alpha1.OwedDeletion{{Resource: "services", Namespace: "default", Name: "old"}}
	return c
}

// dividedAs is a decision by which clusters have so many replicas.
func dividedAs(replicas map[string]int32) (spec v1alpha1.PlacementSpec) {
	for _, name := range slices.Sorted(maps.Keys(replicas)) {
		spec.Clusters = append(spec.Clusters, v1alpha1.ClusterAssignment{Name: name, Replicas: ptr.To(replicas[name])})
	}
	return spec
}

func TestShortfall(t *testing.T) {
	unplaced := v1alpha1.PlacementSpec{Problem: "Unplaced", ProblemMessage: "2 of 4 replicas fit on no cluster", Unplaced: 2}
	for name, test := range map[string]struct {
		is, then v1alpha1.PlacementSpec
		demanded int32
		want     string
	}{
		"as many elsewhere":         {is: dividedAs(map[string]int32{"east": 4}), then: dividedAs(map[string]int32{"west": 4})},
		"some fit nowhere":          {is: dividedAs(map[string]int32{"east": 4}), then: unplaced, want: "deployment default/web: Unplaced: 2 of 4 replicas fit on no cluster"},
		"as many fitted nowhere":    {is: unplaced, then: unplaced},
		"fewer fitted nowhere":      {is: v1alpha1.PlacementSpec{Problem: "Unplaced", Unplaced: 1}, then: unplaced, want: "deployment default/web: Unplaced: 2 of 4 replicas fit on no cluster"},
		"too few domains":           {then: v1alpha1.PlacementSpec{Problem: "SpreadUnsatisfiable", ProblemMessage: "1 of 2"}, want: "deployment default/web: SpreadUnsatisfiable: 1 of 2"},
		"a minimum in that cluster": {is: v1alpha1.PlacementSpec{Policy: "web"}, demanded: 2, want: "deployment default/web: policy web demands 2 replicas there"},
	} {
		t.Run(name, func(t *testing.T) {
			p := placementOf("Deployment", "web", nil)
			test.is.Workload = p.Spec.Workload
			p.Spec = test.is
			if got := (departure{placement: p, then: test.then, demanded: test.demanded}).shortfall(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// Nothing changes where workloads would get below what is demanded, unless that is to be ignored, or the cluster is gone.
func TestUnjoinRefusesShortfalls(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*UnjoinOptions)
		refused bool
	}{
		"leave":           {change: func(*UnjoinOptions) {}, refused: true},
		"move":            {change: func(o *UnjoinOptions) { o.Mode = LeaveMove }, refused: true},
		"delete":          {change: func(o *UnjoinOptions) { o.Mode = LeaveDelete }, refused: true},
		"ignore policies": {change: func(o *UnjoinOptions) { o.IgnorePolicies = true }},
		"force":           {change: func(o *UnjoinOptions) { o.Force = true }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(cluster("east", memberURL), placementOf("Deployment", "web", ptr.To[int32](3), "east"))
			w.drover.PrependReactor("create", "placementreviews", func(action clienttesting.Action) (bool, runtime.Object, error) {
				review := action.(clienttesting.CreateAction).GetObject().(*v1alpha1.PlacementReview).DeepCopy()
				if diff := cmp.Diff([]string{"east"}, review.Spec.Without); diff != "" {
					t.Errorf("without (-want +got):\n%s", diff)
				}
				review.Status.Placement.Problem, review.Status.Placement.ProblemMessage = "NoClusters", "none is joined"
				return true, review, nil
			})
			err := w.unjoin("east", test.change, func(o *UnjoinOptions) { o.Yes = true }).run(t.Context())
			if !test.refused {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, "nothing has changed", "deployment default/web: NoClusters: none is joined", "--ignore-policies")
			if wrote := writes(&w.drover.Fake); len(wrote) > 0 {
				t.Errorf("wrote %v", wrote)
			}
		})
	}
}

// A move waits until nothing is left, goes on where it was interrupted without asking again, and leaves then.
func TestUnjoinMoves(t *testing.T) {
	web, c := placementOf("Deployment", "web", ptr.To[int32](3), "east", "west"), cluster("east", memberURL)
	everywhere := placementOf("Service", "external", nil, "east", "west")
	everywhere.Spec.Clusters[0].Code = v1alpha1.NoSelector
	w := newWorld(c, web, everywhere)
	move := func(o *UnjoinOptions) { o.Mode = LeaveMove }
	wantError(t, w.unjoin("east", move, func(o *UnjoinOptions) { o.Yes = true }).run(t.Context()),
		"still on east: 1 Deployment (3 replicas)", "kubectl drover unjoin east --mode=move", v1alpha1.TaintLeaving)
	got, err := w.drover.FederationV1alpha1().Clusters().Get(t.Context(), "east", metav1.GetOptions{})
	if err != nil || !isMovedAway(got) {
		t.Fatalf("taints are %v (%v)", got.Spec.Taints, err)
	}
	web.Spec.Clusters = web.Spec.Clusters[1:]
	if err := w.drover.Tracker().Update(v1alpha1.SchemeGroupVersion.WithResource("placements"), web, web.Namespace); err != nil {
		t.Fatal(err)
	}
	w.drover.ClearActions()
	if err := w.unjoin("east", move).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"patch clusters", "delete clusters"}, writes(&w.drover.Fake)); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}
