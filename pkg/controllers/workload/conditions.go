// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// shortcoming says why a condition is false. A condition that has none is true, or is not there.
type shortcoming struct{ condition, reason, message string }

// HonoredCondition says what is not done of what is asked for; false if all is.
func HonoredCondition(p *v1alpha1.PlacementSpec) (c metav1.Condition, lacks bool) {
	if len(p.Omissions) == 0 {
		return c, false
	}
	var messages []string
	for _, o := range p.Omissions {
		messages = append(messages, o.Message)
	}
	return metav1.Condition{Type: v1alpha1.ConditionHonored, Status: metav1.ConditionFalse, Reason: p.Omissions[0].Code, Message: Shorten(strings.Join(messages, "; "))}, true
}

// shortcomings say what of an object has no place, what is not done of what is asked for, and what clusters do not take.
func (r Reports) shortcomings() (out []shortcoming) {
	if p := r.Placement; p.Problem != "" {
		out = append(out, shortcoming{v1alpha1.ConditionScheduled, p.Problem, p.ProblemMessage})
	}
	if c, lacks := HonoredCondition(r.Placement); lacks {
		out = append(out, shortcoming{c.Type, c.Reason, c.Message})
	}
	reason := ""
	refused := r.messages(func(c *v1alpha1.ClusterPlacementStatus) string {
		if c.Synced || c.Reason == v1alpha1.ReasonSyncing || c.Reason == v1alpha1.ReasonNotConnected {
			return ""
		}
		reason = cmp.Or(reason, c.Reason)
		return c.Message
	})
	if reason != "" {
		out = append(out, shortcoming{v1alpha1.ConditionSynced, reason, refused})
	}
	return out
}

// shortcomingTypes are the conditions that an object has only while they are false.
var shortcomingTypes = []string{v1alpha1.ConditionScheduled, v1alpha1.ConditionHonored, v1alpha1.ConditionSynced}

// withShortcomings are an object's conditions with those that say what it lacks, and without those that say so no more. One
// that says what it said stays as it is. C is the kind's own type of conditions: all have the same fields, by the API
// conventions, and some have another time.
func withShortcomings[C any](conditions []C, r Reports) []C {
	typeOf := func(c C) string { return reflect.ValueOf(c).FieldByName("Type").String() }
	out := slices.DeleteFunc(slices.Clone(conditions), func(c C) bool { return slices.Contains(shortcomingTypes, typeOf(c)) })
	for _, s := range r.shortcomings() {
		var next C
		times := []string{"LastTransitionTime", "LastUpdateTime", "LastProbeTime"}
		if i := slices.IndexFunc(conditions, func(c C) bool { return typeOf(c) == s.condition }); i >= 0 {
			next, times = conditions[i], times[1:] // it was false before
		}
		fields := reflect.ValueOf(&next).Elem()
		if fields.FieldByName("Reason").String() != s.reason || fields.FieldByName("Message").String() != s.message {
			for name, value := range map[string]string{"Type": s.condition, "Status": string(metav1.ConditionFalse), "Reason": s.reason, "Message": s.message} {
				fields.FieldByName(name).SetString(value)
			}
			for _, name := range times {
				if field := fields.FieldByName(name); field.IsValid() {
					field.Set(reflect.ValueOf(metav1.NewTime(r.Now)))
				}
			}
		}
		out = append(out, next)
	}
	return out
}
