// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package migration

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// setConditions says of a status what it means, for people and scripts.
func setConditions(m *v1alpha1.Migration, s *v1alpha1.MigrationStatus, o Observed) {
	for _, c := range []metav1.Condition{acceptedCondition(s, o), progressingCondition(m, s, o), gatesCondition(s)} {
		c.ObservedGeneration, c.LastTransitionTime = m.Generation, metav1.NewTime(o.Now)
		c.Message = workload.Shorten(c.Message)
		meta.SetStatusCondition(&s.Conditions, c)
	}
}

func acceptedCondition(s *v1alpha1.MigrationStatus, o Observed) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionAccepted, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAccepted, Message: "it can be carried out"}
	if o.Problem != nil && (s.Phase == v1alpha1.MigrationRefused || s.Phase == v1alpha1.MigrationFinishing) {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, o.Problem.Reason, o.Problem.Message
	}
	return c
}

func gatesCondition(s *v1alpha1.MigrationStatus) metav1.Condition {
	if f := s.Failure; f != nil {
		return metav1.Condition{
			Type: v1alpha1.ConditionGatesHold, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonGateFailed,
			Message: fmt.Sprintf("gate %s failed in step %d at %s: %s", f.Gate, f.Step, f.Time.UTC().Format(time.RFC3339), f.Message),
		}
	}
	return metav1.Condition{Type: v1alpha1.ConditionGatesHold, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonGatesHold, Message: "no gate has failed"}
}

func progressingCondition(m *v1alpha1.Migration, s *v1alpha1.MigrationStatus, o Observed) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionProgressing, Status: metav1.ConditionTrue, Reason: string(s.Phase), Message: Describe(m, s)}
	if s.Phase == v1alpha1.MigrationRollingBack && o.Absent != "" {
		c.Reason, c.Message = v1alpha1.ReasonSourceLost, o.Absent
		return c
	}
	switch s.Phase {
	case v1alpha1.MigrationMoving, v1alpha1.MigrationSoaking, v1alpha1.MigrationFinishing, v1alpha1.MigrationRollingBack:
		if o.Waiting != "" && s.Phase != v1alpha1.MigrationSoaking {
			c.Message += "; waits for " + o.Waiting
		}
	default:
		c.Status = metav1.ConditionFalse
	}
	return c
}

// Describe says in a sentence how far a migration is, and what to do about it.
func Describe(m *v1alpha1.Migration, s *v1alpha1.MigrationStatus) string {
	switch s.Phase {
	case v1alpha1.MigrationRefused:
		return "it has not begun"
	case v1alpha1.MigrationMoving:
		if s.Step == 0 {
			return fmt.Sprintf("%s is being prepared: it gets what it needs, and no clients", m.Spec.To)
		}
		return fmt.Sprintf("step %d of %d, %d%%: replicas first, then clients", s.Step, len(m.Spec.Steps), weightOf(m, s.Step))
	case v1alpha1.MigrationSoaking:
		return fmt.Sprintf("step %d of %d, %d%%: everything holds since %s, and has to for %s", s.Step, len(m.Spec.Steps), weightOf(m, s.Step), s.SoakTime.UTC().Format(time.TimeOnly), soak(m, s.Step))
	case v1alpha1.MigrationWaiting:
		return fmt.Sprintf("step %d of %d, %d%%, waits: kubectl drover migrate approve %s", s.Step+1, len(m.Spec.Steps), weightOf(m, s.Step+1), m.Name)
	case v1alpha1.MigrationPaused:
		return fmt.Sprintf("paused in step %d of %d: kubectl drover migrate resume %s", s.Step, len(m.Spec.Steps), m.Name)
	case v1alpha1.MigrationFailed:
		return fmt.Sprintf("step %d of %d failed, and nothing moves: kubectl drover migrate resume %s, or rollback", s.Step, len(m.Spec.Steps), m.Name)
	case v1alpha1.MigrationMoved:
		return fmt.Sprintf("all is in %s, and can be rolled back until kubectl drover migrate finish %s", m.Spec.To, m.Name)
	case v1alpha1.MigrationFinishing:
		return fmt.Sprintf("policies are given the weight of %s for %s", m.Spec.From, m.Spec.To)
	case v1alpha1.MigrationFinished:
		return fmt.Sprintf("%s has taken over from %s", m.Spec.To, m.Spec.From)
	case v1alpha1.MigrationRollingBack:
		return fmt.Sprintf("clients are led to %s again, replicas follow", m.Spec.From)
	case v1alpha1.MigrationRolledBack:
		return "all is as it was before"
	}
	return "nobody has looked at it yet; do drover controllers, or drover start, run?"
}
