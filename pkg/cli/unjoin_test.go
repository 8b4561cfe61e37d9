// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
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
			plan: leavePlan{running: runningIn("east", placements), others: []string{"eu", "west"}},
			want: []string{
				"Placed on it: 2 Deployments (5 replicas), 2 Ingresses, 1 Service.",
				"They keep running there, but Drover no longer manages them: no updates, no scaling, no deletion.",
				"The federation places the 5 replicas on other clusters as well, where policies and room allow: eu, west.",
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
			test.plan.cluster = cluster("east", memberURL)
			want := "east (" + memberURL + ") will leave the federation:\n  - " + strings.Join(test.want, "\n  - ")
			if diff := cmp.Diff(want, test.plan.text()); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}
