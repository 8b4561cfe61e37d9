// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

const (
	// answered is how long an answer of the name server is kept while clients are moved, and until the last one has noticed.
	answered = 8 * time.Second
	// lastReplicas is how much of a workload is moved in the last step while some clients are still led to the source.
	lastReplicas = 99
)

// Names of the gates that every migration has.
const (
	GateReady    = "Ready"
	GateRestarts = "Restarts"
	GateDeadline = "ProgressDeadline"
)

// Observed is what is seen of a migration at one time.
type Observed struct {
	Now time.Time
	// Problem is why it cannot be carried out, or be finished; nil if it can.
	Problem *Problem
	// Workloads are those that it moves, Ready those of them that are where status.weight has them.
	Workloads, Ready int32
	// Waiting is what is not there yet, in words; empty if all is.
	Waiting string
	// Deciding says that a decision, or a rollout, is under way: that pods are not ready then is no fault.
	Deciding bool
	// Restored says that the source has all that it had.
	Restored bool
	// Absent is why nothing can come back to the source now, and what to do about it; empty if it can.
	Absent string
	// Restarts are those of containers of its pods on the target. Negative if they are not known.
	Restarts int32
	// Failed is the gate that has failed; nil if all hold.
	Failed *v1alpha1.MigrationFailure
	// Rewritten says that the policies say what the migration did, and Emptied that nothing of it is on the source.
	Rewritten, Emptied bool
	// TTL is the longest that an answer from before the migration may be kept.
	TTL time.Duration
}

// Problem is why a migration cannot be carried out.
type Problem struct{ Reason, Message string }

// next says how far a migration is, by how far it was and what is seen. It is all that decides: whoever runs the
// controllers goes on from the status.
func next(m *v1alpha1.Migration, o Observed) v1alpha1.MigrationStatus {
	s := *m.Status.DeepCopy()
	s.ObservedGeneration = m.Generation
	s.Workloads, s.ReadyWorkloads = o.Workloads, o.Ready
	if s.Phase == v1alpha1.MigrationFinished {
		return s
	}
	deleted := !m.DeletionTimestamp.IsZero()
	if again := m.Spec.Attempt > s.Attempt; again && !deleted && m.Spec.Goal != v1alpha1.GoalRollback {
		s.Attempt, s.Failure, s.SoakTime, s.StepTime = m.Spec.Attempt, nil, nil, at(o.Now)
		if s.Phase == v1alpha1.MigrationRolledBack || s.Phase == v1alpha1.MigrationRollingBack {
			s = v1alpha1.MigrationStatus{ObservedGeneration: s.ObservedGeneration, Attempt: s.Attempt, Workloads: o.Workloads, Conditions: s.Conditions}
		}
	}
	switch {
	case s.Phase == v1alpha1.MigrationRolledBack:
		return s
	case s.Phase == "" || s.Phase == v1alpha1.MigrationRefused:
		return begin(s, o, deleted || m.Spec.Goal == v1alpha1.GoalRollback)
	case s.Phase == v1alpha1.MigrationFinishing:
		return finish(s, o)
	case s.Phase == v1alpha1.MigrationRollingBack || deleted || m.Spec.Goal == v1alpha1.GoalRollback:
		return rollBack(s, o)
	}
	return advance(m, s, o)
}

// begin accepts a migration, or says why not. The target is prepared first.
func begin(s v1alpha1.MigrationStatus, o Observed, over bool) v1alpha1.MigrationStatus {
	switch {
	case over:
		s.Phase = v1alpha1.MigrationRolledBack // nothing was moved
	case o.Problem != nil:
		s.Phase = v1alpha1.MigrationRefused
	default:
		s.Phase, s.StartTime, s.StepTime = v1alpha1.MigrationMoving, at(o.Now), at(o.Now)
	}
	return s
}

// advance goes through the steps: replicas, then clients, then time.
func advance(m *v1alpha1.Migration, s v1alpha1.MigrationStatus, o Observed) v1alpha1.MigrationStatus {
	switch {
	case s.Failure != nil:
		s.Phase = v1alpha1.MigrationFailed
		return s
	case m.Spec.Paused:
		s.Phase, s.SoakTime, s.StepTime = v1alpha1.MigrationPaused, nil, at(o.Now)
		return s
	case s.Phase == v1alpha1.MigrationMoved:
		return conclude(m, s, o)
	}
	if o.Failed != nil && s.Step > 0 {
		return fail(m, s, o, o.Failed.Gate, o.Failed.Message)
	}
	soaking := s.SoakTime != nil
	if s = arrange(m, s, o); s.Failure != nil || s.SoakTime == nil {
		return s
	}
	if soaking && o.Restarts > s.Restarts {
		return fail(m, s, o, GateRestarts, fmt.Sprintf("containers in %s were restarted %d times since the soak began", m.Spec.To, o.Restarts-s.Restarts))
	}
	if o.Restarts >= 0 && (!soaking || o.Restarts < s.Restarts) {
		s.Restarts = o.Restarts // also where pods are gone that counted
	}
	s.Phase = v1alpha1.MigrationSoaking
	if o.Now.Sub(s.SoakTime.Time) < soak(m, s.Step) {
		return s
	}
	switch done := int(s.Step) == len(m.Spec.Steps); {
	case done:
		s.Phase = v1alpha1.MigrationMoved
		return conclude(m, s, o)
	case m.Spec.Steps[s.Step].Approval == v1alpha1.ApprovalRequired && m.Spec.ApprovedSteps <= s.Step:
		s.Phase = v1alpha1.MigrationWaiting
		return s
	}
	s.Step++
	s.Phase, s.StepTime, s.SoakTime = v1alpha1.MigrationMoving, at(o.Now), nil
	return weigh(m, s)
}

// arrange brings replicas and clients to where the step has them. While all are there, the soak has a beginning.
func arrange(m *v1alpha1.Migration, s v1alpha1.MigrationStatus, o Observed) v1alpha1.MigrationStatus {
	before := s.Weight
	s = weigh(m, s)
	switch {
	case s.Weight != before: // what is seen is seen of the weight before
		s.Phase, s.SoakTime = v1alpha1.MigrationMoving, nil
		return s
	case o.Waiting != "" && s.SoakTime != nil && !o.Deciding:
		return fail(m, s, o, GateReady, o.Waiting)
	case o.Waiting != "":
		s.Phase, s.SoakTime = v1alpha1.MigrationMoving, nil
		if deadline := ptr.Deref(m.Spec.ProgressDeadline, metav1.Duration{Duration: 10 * time.Minute}); o.Now.Sub(s.StepTime.Time) > deadline.Duration {
			return fail(m, s, o, GateDeadline, fmt.Sprintf("not there after %s: %s", deadline.Duration, o.Waiting))
		}
		return s
	}
	weight := weightOf(m, s.Step)
	if s.Traffic != weight {
		s.Traffic, s.TrafficTime = weight, at(o.Now)
	}
	if weight == 100 && s.Weight < 100 {
		s.Phase = v1alpha1.MigrationMoving
		if !left(s, o) {
			return s
		}
		s.Weight, s.StepTime = 100, at(o.Now) // the last replicas go
		return s
	}
	if s.SoakTime == nil {
		s.SoakTime = at(o.Now)
	}
	return s
}

// weigh asks for the replicas of the step. The last few at the source stay while clients may come.
func weigh(m *v1alpha1.Migration, s v1alpha1.MigrationStatus) v1alpha1.MigrationStatus {
	s.Weight = max(s.Weight, min(lastReplicas, weightOf(m, s.Step)))
	return s
}

// left says whether no client can still be at the source: what it was answered has expired.
func left(s v1alpha1.MigrationStatus, o Observed) bool {
	return o.Now.Sub(s.TrafficTime.Time) >= answered && o.Now.Sub(s.StartTime.Time) >= o.TTL
}

// conclude waits for somebody's word, or has the policies say what the migration did.
func conclude(m *v1alpha1.Migration, s v1alpha1.MigrationStatus, o Observed) v1alpha1.MigrationStatus {
	if m.Spec.Goal == v1alpha1.GoalFinish {
		s.Phase = v1alpha1.MigrationFinishing
		return finish(s, o)
	}
	return s
}

// finish is done when the policies say what the migration did, and the source is empty.
func finish(s v1alpha1.MigrationStatus, o Observed) v1alpha1.MigrationStatus {
	if o.Problem == nil && o.Rewritten && o.Emptied {
		s.Phase = v1alpha1.MigrationFinished
	}
	return s
}

// fail stops, and says why.
func fail(m *v1alpha1.Migration, s v1alpha1.MigrationStatus, o Observed, gate, message string) v1alpha1.MigrationStatus {
	s.Failure = &v1alpha1.MigrationFailure{Gate: gate, Message: message, Step: s.Step, Time: *at(o.Now)}
	s.Phase, s.SoakTime = v1alpha1.MigrationFailed, nil
	if m.Spec.OnFailure == v1alpha1.FailureRollback {
		return rollBack(s, o)
	}
	return s
}

// rollBack leads clients back at once, and replicas as the source can take them. The target keeps one while clients may
// come.
func rollBack(s v1alpha1.MigrationStatus, o Observed) v1alpha1.MigrationStatus {
	if s.Phase != v1alpha1.MigrationRollingBack {
		s.Phase, s.Weight, s.Traffic, s.TrafficTime, s.SoakTime = v1alpha1.MigrationRollingBack, 0, 0, at(o.Now), nil
		return s
	}
	if o.Restored && o.Now.Sub(s.TrafficTime.Time) >= answered {
		s.Phase = v1alpha1.MigrationRolledBack
	}
	return s
}

// weightOf is that of a step; 0 is the preparation.
func weightOf(m *v1alpha1.Migration, step int32) int32 {
	if step == 0 {
		return 0
	}
	return m.Spec.Steps[min(int(step), len(m.Spec.Steps))-1].Weight
}

func soak(m *v1alpha1.Migration, step int32) time.Duration {
	if step == 0 {
		return 0
	}
	return ptr.Deref(m.Spec.Steps[min(int(step), len(m.Spec.Steps))-1].Soak, metav1.Duration{}).Duration
}

// at is a time as the API has it, in whole seconds.
func at(now time.Time) *metav1.Time { return &metav1.Time{Time: now.Truncate(time.Second)} }
