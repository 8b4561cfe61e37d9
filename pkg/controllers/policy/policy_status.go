// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
)

// statuses says of each policy of a namespace, by name, what it is in force for, of what is placed there with its labels.
func statuses(policies []*v1alpha1.PlacementPolicy, placed map[workload.Key]labels.Set, now time.Time) map[string]v1alpha1.PlacementPolicyStatus {
	type tally struct {
		selected, applied int32
		overruled         []string
	}
	tallies := map[string]*tally{}
	for _, p := range policies {
		tallies[p.Name] = &tally{}
	}
	for key, labelled := range placed {
		winner, err := decision.SelectPolicy(labelled, policies)
		if err != nil || winner == nil {
			continue
		}
		for _, p := range policies {
			if !decision.Selects(p, labelled) {
				continue
			}
			t := tallies[p.Name]
			t.selected++
			if p == winner {
				t.applied++
			} else {
				t.overruled = append(t.overruled, fmt.Sprintf("%s by policy %s", key.InNamespace(), winner.Name))
			}
		}
	}
	out := map[string]v1alpha1.PlacementPolicyStatus{}
	for _, p := range policies {
		t := tallies[p.Name]
		next := v1alpha1.PlacementPolicyStatus{ObservedGeneration: p.Generation, Selected: t.selected, Applied: t.applied, Conditions: slices.Clone(p.Status.Conditions)}
		condition := applied(t.selected, t.overruled)
		condition.ObservedGeneration, condition.LastTransitionTime = p.Generation, metav1.NewTime(now)
		meta.SetStatusCondition(&next.Conditions, condition)
		out[p.Name] = next
	}
	return out
}

func applied(selected int32, overruled []string) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionApplied, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonApplied, Message: "applies to all that it selects"}
	switch {
	case selected == 0:
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, v1alpha1.ReasonSelectsNothing, "no workload of the namespace has the labels that spec.selector asks for"
	case len(overruled) > 0:
		slices.Sort(overruled)
		more := ""
		if len(overruled) > 5 {
			overruled, more = overruled[:5], ", and more"
		}
		c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonOverruled
		c.Message = "overruled: " + strings.Join(overruled, ", ") + more + "; the highest priority wins, then the first by name"
	}
	return c
}
