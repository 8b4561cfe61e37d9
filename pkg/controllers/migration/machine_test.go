// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

var start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// world is what a migration acts on: replicas become ready at the target some time after the weight asks for them.
type world struct {
	m        *v1alpha1.Migration
	now      time.Time
	readyIn  time.Duration
	asked    int32 // the weight that replicas are on their way to
	since    time.Time
	observed Observed // what else is seen
	phases   []string
}

func newWorld(change func(*v1alpha1.Migration)) *world {
	m := &v1alpha1.Migration{Spec: v1alpha1.MigrationSpec{From: "a", To: "b"}}
	m.Name, m.Generation = "ab", 1
	if change != nil {
		change(m)
	}
	v1alpha1.SetObjectDefaults_Migration(m)
	return &world{m: m, now: start, readyIn: 3 * time.Second, observed: Observed{Workloads: 2, TTL: 20 * time.Second}}
}

// look has the controller look once.
func (w *world) look() {
	w.now = w.now.Add(2 * time.Second)
	o := w.observed
	o.Now = w.now
	if w.m.Status.Weight != w.asked {
		w.asked, w.since = w.m.Status.Weight, w.now
	}
	if ready := w.now.Sub(w.since) >= w.readyIn; ready && o.Waiting == "" {
		o.Ready, o.Restored = o.Workloads, true
	} else {
		o.Deciding = o.Deciding || !ready
		if o.Waiting == "" {
			o.Waiting = "deployment/shop/web: replicas are on their way"
		}
	}
	if w.m.Status.Phase == v1alpha1.MigrationFinishing {
		o.Rewritten, o.Emptied = true, true
	}
	s := next(w.m, o)
	setConditions(w.m, &s, o)
	w.m.Status = s
	if n := len(w.phases); n == 0 || w.phases[n-1] != string(s.Phase) {
		w.phases = append(w.phases, string(s.Phase))
	}
}

// until looks until a phase is reached, for an hour at the most.
func (w *world) until(t testing.TB, phase v1alpha1.MigrationPhase) {
	t.Helper()
	for range 1800 {
		if w.look(); w.m.Status.Phase == phase {
			return
		}
	}
	t.Fatalf("not %s after an hour, but %s: %+v", phase, strings.Join(w.phases, ", "), w.m.Status)
}

// seconds soaks each step for so long.
func seconds(n int) func(*v1alpha1.Migration) {
	return func(m *v1alpha1.Migration) {
		for _, weight := range []int32{5, 25, 50, 100} {
			m.Spec.Steps = append(m.Spec.Steps, v1alpha1.MigrationStep{Weight: weight, Soak: &metav1.Duration{Duration: time.Duration(n) * time.Second}})
		}
	}
}

func TestAMigrationThatGoesWell(t *testing.T) {
	w := newWorld(seconds(30))
	var traffic []int32
	for w.m.Status.Phase != v1alpha1.MigrationMoved {
		before := w.m.Status
		w.look()
		s := w.m.Status
		if s.Traffic != before.Traffic {
			traffic = append(traffic, s.Traffic)
			if s.Weight < min(s.Traffic, lastReplicas) {
				t.Errorf("clients are at %d %%, replicas only at %d %%", s.Traffic, s.Weight)
			}
		}
		if s.Weight == 100 && before.Weight < 100 && w.now.Sub(s.TrafficTime.Time) < answered {
			t.Error("the last replicas leave while clients may come")
		}
	}
	if !slices.Equal(traffic, []int32{5, 25, 50, 100}) {
		t.Errorf("clients are moved by %v", traffic)
	}
	if took := w.now.Sub(start); took < 2*time.Minute || took > 4*time.Minute {
		t.Errorf("it took %s to soak four times for 30 seconds", took)
	}
	w.look()
	if w.m.Status.Phase != v1alpha1.MigrationMoved {
		t.Errorf("it does not wait to be finished: %s", w.m.Status.Phase)
	}
	w.m.Spec.Goal = v1alpha1.GoalFinish
	w.until(t, v1alpha1.MigrationFinished)
	w.m.Spec.Goal = v1alpha1.GoalRollback
	if w.look(); w.m.Status.Phase != v1alpha1.MigrationFinished {
		t.Errorf("what is finished goes on: %s", w.m.Status.Phase)
	}
}

// A gate that fails stops, or rolls back, as it was asked; the condition names it. After that it can be tried again.
func TestAMigrationThatFails(t *testing.T) {
	for name, harm := range map[string]func(*Observed){
		"http": func(o *Observed) {
			o.Failed = &v1alpha1.MigrationFailure{Gate: "http", Message: "answered status 500, want 200"}
		},
		GateReady:    func(o *Observed) { o.Waiting = "deployment/shop/web: 1 of 3 replicas are ready in b" },
		GateRestarts: func(o *Observed) { o.Restarts = 3 },
	} {
		for _, action := range []v1alpha1.FailureAction{v1alpha1.FailurePause, v1alpha1.FailureRollback} {
			w := newWorld(func(m *v1alpha1.Migration) { seconds(30)(m); m.Spec.OnFailure = action })
			w.observed.Restarts = 1
			for w.m.Status.Step < 2 || w.m.Status.SoakTime == nil {
				w.look()
			}
			good := w.observed
			harm(&w.observed)
			w.look()
			condition := meta.FindStatusCondition(w.m.Status.Conditions, v1alpha1.ConditionGatesHold)
			if w.m.Status.Failure == nil || w.m.Status.Failure.Gate != name || condition.Status != metav1.ConditionFalse || !strings.Contains(condition.Message, name) {
				t.Fatalf("%s: %+v, %+v", name, w.m.Status.Failure, condition)
			}
			w.observed = good
			if action == v1alpha1.FailureRollback {
				if w.m.Status.Traffic != 0 || w.m.Status.Weight != 0 {
					t.Errorf("%s: rolls back to %d %% of replicas, %d %% of clients", name, w.m.Status.Weight, w.m.Status.Traffic)
				}
				w.until(t, v1alpha1.MigrationRolledBack)
			} else if w.look(); w.m.Status.Phase != v1alpha1.MigrationFailed || w.m.Status.Traffic != 25 {
				t.Errorf("%s: does not stay where it is: %+v", name, w.m.Status)
			}
			w.m.Spec.Attempt++
			w.until(t, v1alpha1.MigrationMoved)
			if w.m.Status.Failure != nil {
				t.Errorf("%s: still says %+v", name, w.m.Status.Failure)
			}
		}
	}
}

func TestAStepThatDoesNotComeToItsEnd(t *testing.T) {
	w := newWorld(seconds(1))
	w.readyIn = 24 * time.Hour
	w.until(t, v1alpha1.MigrationFailed)
	if f := w.m.Status.Failure; f.Gate != GateDeadline || w.now.Sub(start) < 10*time.Minute || w.m.Status.Traffic != 0 {
		t.Errorf("%+v", w.m.Status)
	}
}

func TestApprovalAndPause(t *testing.T) {
	w := newWorld(func(m *v1alpha1.Migration) {
		seconds(2)(m)
		for i := range m.Spec.Steps {
			m.Spec.Steps[i].Approval = v1alpha1.ApprovalRequired
		}
	})
	for step := range int32(4) {
		w.until(t, v1alpha1.MigrationWaiting)
		if w.m.Status.Step != step {
			t.Fatalf("waits in step %d for approval %d", w.m.Status.Step, step+1)
		}
		if step == 0 && (w.m.Status.Traffic != 0 || w.m.Status.Weight != 0) {
			t.Error("clients are led to a target that is being prepared")
		}
		w.m.Spec.ApprovedSteps++
	}
	w.until(t, v1alpha1.MigrationSoaking)
	w.m.Spec.Paused = true
	w.until(t, v1alpha1.MigrationPaused)
	for range 100 {
		w.look()
	}
	if w.m.Status.Phase != v1alpha1.MigrationPaused || w.m.Status.Failure != nil {
		t.Errorf("does not stay paused: %+v", w.m.Status)
	}
	w.m.Spec.Paused = false
	w.until(t, v1alpha1.MigrationMoved)
}

// One that cannot begin says why, and begins when it can; one that has not begun is rolled back at once.
func TestRefused(t *testing.T) {
	w := newWorld(seconds(1))
	w.observed.Problem = &Problem{v1alpha1.ReasonOverlaps, "migration other moves some of these workloads"}
	w.until(t, v1alpha1.MigrationRefused)
	if c := meta.FindStatusCondition(w.m.Status.Conditions, v1alpha1.ConditionAccepted); c.Reason != v1alpha1.ReasonOverlaps || !strings.Contains(c.Message, "other") {
		t.Errorf("%+v", c)
	}
	w.observed.Problem = nil
	w.until(t, v1alpha1.MigrationMoved)

	w = newWorld(nil)
	w.m.DeletionTimestamp = &metav1.Time{Time: start}
	w.look()
	if w.m.Status.Phase != v1alpha1.MigrationRolledBack {
		t.Errorf("what has moved nothing is %s", w.m.Status.Phase)
	}
}

// Whatever happens, in whatever order: clients never run ahead of replicas, and with good news and a goal it ends.
func TestMigrationsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(seconds(rapid.IntRange(0, 10).Draw(t, "soak")))
		w.m.Spec.OnFailure = rapid.SampledFrom([]v1alpha1.FailureAction{v1alpha1.FailurePause, v1alpha1.FailureRollback}).Draw(t, "on failure")
		w.readyIn = time.Duration(rapid.IntRange(0, 20).Draw(t, "ready in")) * time.Second
		good := w.observed
		for range rapid.IntRange(0, 60).Draw(t, "looks") {
			w.observed = good
			switch rapid.IntRange(0, 12).Draw(t, "event") {
			case 0:
				w.observed.Failed = &v1alpha1.MigrationFailure{Gate: "http"}
			case 1:
				w.observed.Waiting = "pods flap"
			case 2:
				w.m.Spec.Paused = !w.m.Spec.Paused
			case 3:
				w.m.Spec.Attempt++
			case 4:
				w.observed.Restarts = int32(rapid.IntRange(0, 3).Draw(t, "restarts"))
			}
			w.look()
			if s := w.m.Status; s.Weight < min(s.Traffic, lastReplicas) || s.Traffic > 0 && s.Step == 0 {
				t.Fatalf("clients run ahead: %+v", s)
			}
		}
		w.observed, w.m.Spec.Paused = good, false
		w.m.Spec.Goal = rapid.SampledFrom([]v1alpha1.MigrationGoal{v1alpha1.GoalFinish, v1alpha1.GoalRollback}).Draw(t, "goal")
		w.m.Spec.Attempt++
		for range 200 {
			if w.look(); w.m.Over() || w.m.Status.Phase == v1alpha1.MigrationRolledBack {
				return
			}
		}
		t.Fatalf("it does not end: %+v", w.m.Status)
	})
}
