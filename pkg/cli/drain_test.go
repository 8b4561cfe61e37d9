// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
)

// readyCluster takes work.
func readyCluster(name string) *v1alpha1.Cluster {
	c := &v1alpha1.Cluster{ObjectMeta: metav1.ObjectMeta{Name: name}}
	c.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, Reason: "Ready"}}
	return c
}

// deployed is a Deployment and its Placement.
func deployed(name string, clusters map[string]int32) (*appsv1.Deployment, *v1alpha1.Placement) {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, UID: "u", Generation: 1, Labels: map[string]string{"app": name}}}
	p := &v1alpha1.Placement{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "deployment-" + name}}
	p.Spec.Workload = v1alpha1.WorkloadReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name, UID: "u"}
	p.Spec.WorkloadGeneration = 1
	var sum int32
	for _, cluster := range []string{"east", "west"} {
		if n := clusters[cluster]; n > 0 {
			sum += n
			p.Spec.Clusters = append(p.Spec.Clusters, v1alpha1.ClusterAssignment{Name: cluster, Replicas: ptr.To(n)})
			p.Status.Clusters = append(p.Status.Clusters, v1alpha1.ClusterPlacementStatus{Name: cluster, Replicas: n, AvailableReplicas: n})
		}
	}
	d.Spec.Replicas, p.Spec.Replicas = ptr.To(sum), ptr.To(sum)
	return d, p
}

func (w *world) drain(change ...func(*DrainOptions)) *drain {
	o := NewDrainOptions(w.streams(), &FederationOptions{})
	o.Name, o.Yes, o.poll, o.Timeout = "east", true, time.Millisecond, time.Minute
	for _, c := range change {
		c(o)
	}
	return &drain{DrainOptions: o, federation: w.connectFederation(), now: time.Now}
}

// newHerd is a federation of east and west: web is in both; pinned is in east, and its policy names no other.
func newHerd(t *testing.T, names ...string) *world {
	t.Helper()
	objects := []runtime.Object{readyCluster("east"), readyCluster("west")}
	var deployments []*appsv1.Deployment
	for _, name := range names {
		clusters := map[string]int32{"east": 2, "west": 1}
		if name == "pinned" {
			clusters = map[string]int32{"east": 2}
			policy := &v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name}}
			policy.Spec.Selector.MatchLabels, policy.Spec.Clusters = map[string]string{"app": name}, []v1alpha1.ClusterWeight{{Name: "east"}}
			objects = append(objects, policy)
		}
		d, p := deployed(name, clusters)
		deployments, objects = append(deployments, d), append(objects, p)
	}
	w := newWorld(objects...)
	for _, d := range deployments {
		if _, err := w.federation.AppsV1().Deployments(d.Namespace).Create(t.Context(), d, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) taints(t *testing.T) []v1alpha1.Taint {
	t.Helper()
	c, err := w.drover.FederationV1alpha1().Clusters().Get(t.Context(), "east", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Spec.Taints
}

// empties has web leave east as soon as the cluster is tainted.
func (w *world) empties(t *testing.T) {
	t.Helper()
	w.drover.PrependReactor("update", "clusters", func(clienttesting.Action) (bool, runtime.Object, error) {
		_, p := deployed("web", map[string]int32{"west": 3})
		return false, nil, w.drover.Tracker().Update(v1alpha1.SchemeGroupVersion.WithResource("placements"), p, p.Namespace)
	})
}

func TestDrain(t *testing.T) {
	w := newHerd(t, "web")
	w.empties(t)
	if err := w.drain().run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"east runs 1 workload:", "default     deployment/web   2      west +2", "east is drained", "kubectl drover uncordon east"} {
		if !strings.Contains(w.out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, w.out.String())
		}
	}
	if taints := w.taints(t); len(taints) != 1 || !decision.IsDrain(taints[0]) {
		t.Errorf("taints are %v", taints)
	}
	// The same again goes on from there, and does not ask.
	w.out.Reset()
	if err := w.drain(func(o *DrainOptions) { o.Yes = false }).run(t.Context()); err != nil || !strings.Contains(w.out.String(), "being drained already") {
		t.Errorf("again: %v\n%s", err, w.out.String())
	}
}

func TestDrainShowsThePlanOnly(t *testing.T) {
	w := newHerd(t, "web", "pinned")
	if err := w.drain(func(o *DrainOptions) { o.DryRun = true }).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"deployment/web      2      west +2", "deployment/pinned   2      stays", "deployment/pinned in default stays: no cluster may take the workload: east: taint federation.drover.dev/drain:NoExecute; west: not among the clusters of policy pinned"} {
		if !strings.Contains(w.out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, w.out.String())
		}
	}
	if taints := w.taints(t); len(taints) > 0 {
		t.Errorf("a dry run has left %v", taints)
	}
}

func TestDrainAsks(t *testing.T) {
	w := newHerd(t, "web")
	err := w.drain(func(o *DrainOptions) { o.Yes = false }).run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "add --yes") || len(w.taints(t)) > 0 {
		t.Errorf("nobody was asked: %v", err)
	}
}

// What cannot go ends a drain once nothing else is left; what is slow ends it with the time-out. Both say what is left.
func TestDrainSaysWhatIsLeft(t *testing.T) {
	w := newHerd(t, "pinned")
	w.drover.PrependReactor("update", "clusters", func(clienttesting.Action) (bool, runtime.Object, error) {
		_, p := deployed("pinned", map[string]int32{"east": 2})
		p.Spec.Problem, p.Spec.ProblemMessage = "NoClusters", "no cluster may take the workload"
		return false, nil, w.drover.Tracker().Update(v1alpha1.SchemeGroupVersion.WithResource("placements"), p, p.Namespace)
	})
	err := w.drain().run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "east is not empty: what is left cannot go elsewhere, and stays\n  default/deployment/pinned: 2 left, no cluster may take the workload") {
		t.Errorf("what cannot go: %v", err)
	}

	w = newHerd(t, "web")
	err = w.drain(func(o *DrainOptions) { o.Timeout = 20 * time.Millisecond }).run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "east is not empty after 20ms") || !strings.Contains(err.Error(), "the drain goes on\n  default/deployment/web: 2 left") {
		t.Errorf("what is slow: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w = newHerd(t, "web")
	w.drover.PrependReactor("update", "clusters", func(clienttesting.Action) (bool, runtime.Object, error) {
		time.AfterFunc(5*time.Millisecond, cancel)
		return false, nil, nil
	})
	if err = w.drain().run(ctx); err == nil || !strings.HasPrefix(err.Error(), "interrupted") || len(w.taints(t)) != 1 {
		t.Errorf("interrupted: %v", err)
	}
}

func TestDrainEvents(t *testing.T) {
	w := newHerd(t, "web")
	w.empties(t)
	if err := w.drain(func(o *DrainOptions) { o.Output = "json" }).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var events []string
	for line := range strings.Lines(w.out.String()) {
		var e struct{ Event string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, e.Event)
	}
	if len(events) == 0 || events[len(events)-1] != "Drained" {
		t.Errorf("events are %v", events)
	}
}

// On a terminal what is left is shown in its place, and what was shown is taken away before anything else is said.
func TestDrainOnATerminal(t *testing.T) {
	w := newHerd(t, "web")
	d := w.drain()
	d.TerminalOut = true
	report := &drainReport{drain: d}
	report.show(left{{Namespace: "default", Workload: "deployment/web", Replicas: ptr.To[int32](2), Message: "about to move"}, {Namespace: "default", Workload: "daemonset/agent", Message: "about to move"}})
	report.show(left{{Namespace: "default", Workload: "daemonset/agent", Message: strings.Repeat("its clients are led elsewhere ", 9)}})
	if err := report.end(nil, time.Second); err != nil {
		t.Fatal(err)
	}
	want := "2 workloads (2 replicas) left on east\n  default/deployment/web: 2 left, about to move\n  default/daemonset/agent: all left, about to move\n" +
		"\x1b[3A\x1b[Jdefault/deployment/web has left\n" +
		"1 workload (0 replicas) left on east\n  default/daemonset/agent: all left, its clients are led elsewhere its client…\n" +
		"\x1b[2A\x1b[Jeast is drained (1.0s): nothing that policies place is on it\n"
	if got := w.out.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What was begun stays as it was begun, unless it is said anew: whether Jobs are ended, too.
func TestDrainEndsJobs(t *testing.T) {
	w := newHerd(t, "web")
	w.empties(t)
	for _, tt := range []struct {
		flag string
		ends bool
		want bool
	}{{"", false, false}, {"end-jobs", true, true}, {"", false, true}, {"parallel", false, true}, {"end-jobs", false, false}} {
		err := w.drain(func(o *DrainOptions) { o.EndJobs, o.asked = tt.ends, func(name string) bool { return name == tt.flag } }).run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := w.drover.FederationV1alpha1().Clusters().Get(t.Context(), "east", metav1.GetOptions{})
		if err != nil || c.Spec.Drain == nil || c.Spec.Drain.EndJobs != tt.want || c.Spec.Drain.ParallelNamespaces != parallelNamespaces {
			t.Errorf("after %+v: drained as %+v (%v)", tt, c.Spec.Drain, err)
		}
	}
}

// How many namespaces go at once stays as it was begun, unless it is said anew.
func TestDrainInParallel(t *testing.T) {
	w := newHerd(t, "web")
	w.empties(t)
	parallel := func(want int32, flag string, n int32) {
		t.Helper()
		err := w.drain(func(o *DrainOptions) { o.Parallel, o.asked = n, func(name string) bool { return name == flag } }).run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := w.drover.FederationV1alpha1().Clusters().Get(t.Context(), "east", metav1.GetOptions{})
		if err != nil || c.Spec.Drain == nil || c.Spec.Drain.ParallelNamespaces != want {
			t.Errorf("drained as %+v (%v), want %d at once", c.Spec.Drain, err, want)
		}
	}
	parallel(2, "", 2)
	parallel(2, "", parallelNamespaces)
	parallel(3, "parallel", 3)
	if err := w.drain(func(o *DrainOptions) { o.Parallel = -1 }).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "--parallel must be 1 or more") {
		t.Errorf("a negative number: %v", err)
	}
}

func TestDrainNotes(t *testing.T) {
	budgets := []decision.Budget{{PodDisruptionBudget: &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: "web"}}}}
	policy := &v1alpha1.PlacementPolicy{ObjectMeta: metav1.ObjectMeta{Name: "web"}}
	policy.Spec.Clusters = []v1alpha1.ClusterWeight{{Name: "east", MinReplicas: 2}}
	on := func(cluster string, n *int32) v1alpha1.PlacementSpec {
		return v1alpha1.PlacementSpec{Clusters: []v1alpha1.ClusterAssignment{{Name: cluster, Replicas: n}}}
	}
	here, there, moving := on("east", ptr.To[int32](2)), on("west", ptr.To[int32](2)), on("east", ptr.To[int32](2))
	moving.Clusters[0].Target, moving.Budget = ptr.To[int32](0), &v1alpha1.PlacementBudget{Name: "web", MinAvailable: 2}
	spread, whole, handed := there, on("west", nil), on("east", nil)
	handed.Clusters[0].Target = ptr.To[int32](0)
	spread.Problem, spread.ProblemMessage = "SpreadUnsatisfiable", "one domain of two"
	for _, tt := range []struct {
		name      string
		now, then v1alpha1.PlacementSpec
		policy    *v1alpha1.PlacementPolicy
		want      []string
	}{
		{"nothing to note", here, on("east", ptr.To[int32](2)), nil, nil},
		{"a budget that holds more back than the policy", here, moving, nil, []string{"at least 2 stay available, since PodDisruptionBudget web asks for that"}},
		{"whole", on("east", nil), whole, nil, []string{"PodDisruptionBudget web is not kept on east: each cluster runs all of it, and ends there at once"}},
		{"whole, and handed over", on("east", nil), handed, nil, nil},
		{"a minimum", here, moving, policy, []string{"at least 2 stay available, since PodDisruptionBudget web asks for that", "policy web asks for at least 2 on east; while that is drained, it has none"}},
		{"what the others cannot keep", on("west", ptr.To[int32](2)), spread, nil, []string{"one domain of two"}},
	} {
		if got := drainNotes("east", &tt.now, &tt.then, tt.policy, budgets); !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}

// A Job that has run to its end is nothing to wait for.
func TestDrainDoesNotWaitForWhatHasEnded(t *testing.T) {
	p := &v1alpha1.Placement{}
	p.Spec.Workload = v1alpha1.WorkloadReference{APIVersion: "batch/v1", Kind: "Job", Name: "once"}
	p.Spec.Clusters = []v1alpha1.ClusterAssignment{{Name: "east", Replicas: ptr.To[int32](2)}}
	for status, want := range map[string]bool{`{}`: true, `{"conditions":[{"type":"Complete","status":"True"}]}`: false, `{"conditions":[{"type":"Failed","status":"True"}]}`: false} {
		p.Status.Clusters = []v1alpha1.ClusterPlacementStatus{{Name: "east", WorkloadStatus: &v1alpha1.JSON{Raw: []byte(status)}}}
		if got := workload.RunsOn(p, "east"); got != want {
			t.Errorf("%s: runs %t, want %t", status, got, want)
		}
	}
}

func TestDrainOfNoCluster(t *testing.T) {
	w := newHerd(t)
	if err := w.drain(func(o *DrainOptions) { o.Name = "mars" }).run(t.Context()); err == nil || !strings.Contains(err.Error(), `cluster "mars" is not joined`) || !strings.Contains(err.Error(), "joined are: east, west") {
		t.Errorf("got %v", err)
	}
}

func TestCordonAndUncordon(t *testing.T) {
	w := newHerd(t)
	o := NewCordonOptions(w.streams(), &FederationOptions{})
	o.Name = "east"
	cordon := func() {
		t.Helper()
		if err := o.cordon(t.Context(), w.connectFederation()); err != nil {
			t.Fatal(err)
		}
	}
	cordon()
	cordon()
	c, err := w.drover.FederationV1alpha1().Clusters().Get(t.Context(), "east", metav1.GetOptions{})
	if err != nil || !c.Spec.Unschedulable {
		t.Fatalf("not cordoned: %v", err)
	}
	c.Spec.Taints = []v1alpha1.Taint{{Key: "mine", Effect: v1alpha1.TaintNoSchedule}, {Key: v1alpha1.TaintDrain, Effect: v1alpha1.TaintNoExecute}}
	c.Spec.Drain = &v1alpha1.ClusterDrain{ParallelNamespaces: 2}
	if _, err := w.drover.FederationV1alpha1().Clusters().Update(t.Context(), c, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	o.Rebalance = true
	if err := o.uncordon(t.Context(), w.connectFederation()); err != nil {
		t.Fatal(err)
	}
	c, err = w.drover.FederationV1alpha1().Clusters().Get(t.Context(), "east", metav1.GetOptions{})
	if err != nil || c.Spec.Unschedulable || len(c.Spec.Taints) != 1 || c.Spec.Taints[0].Key != "mine" || c.Spec.RebalanceTime == nil || c.Spec.Drain != nil {
		t.Errorf("after uncordon: %+v, %v", c.Spec, err)
	}
	for _, want := range []string{"east is cordoned", "was cordoned already", "east takes new replicas again"} {
		if !strings.Contains(w.out.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, w.out.String())
		}
	}
}
