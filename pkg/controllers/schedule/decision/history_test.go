// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"pgregory.net/rapid"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// story is a Placement as decisions follow each other.
type story struct {
	spec   *v1alpha1.PlacementSpec
	policy *v1alpha1.PlacementPolicy
	web    appsv1.Deployment
	now    time.Time
}

// decide is one decision more.
func (s *story) decide(change func(next *v1alpha1.PlacementSpec), clusters ...string) {
	next := running(clusters...)
	next.Policy, next.PolicyGeneration, next.Replicas = "", 0, s.web.Spec.Replicas
	if s.policy != nil {
		next.Policy, next.PolicyGeneration = s.policy.Name, s.policy.Generation
	}
	next.Revision = 1
	if s.spec != nil {
		next.Revision = s.spec.Revision + 1
	}
	if change != nil {
		change(next)
	}
	s.now = s.now.Add(time.Minute)
	next.History = remember(s.spec, next, &s.web, s.policy, s.now)
	s.spec = next
}

// write is a write of an object's spec.
func (s *story) write(obj metav1.Object, by string) {
	s.now = s.now.Add(time.Minute)
	obj.SetManagedFields(append(obj.GetManagedFields(), metav1.ManagedFieldsEntry{Manager: by, Time: ptr.To(metav1.NewTime(s.now))},
		metav1.ManagedFieldsEntry{Manager: "drover-status", Subresource: "status", Time: ptr.To(metav1.NewTime(s.now.Add(time.Second)))}))
}

func (s *story) told() (out []string) {
	for _, d := range s.spec.History {
		said := ""
		if d.PolicySpec != nil {
			said = fmt.Sprintf(", policy says %d", len(d.PolicySpec.Clusters))
		}
		var clusters []string
		for _, c := range d.Clusters {
			clusters = append(clusters, fmt.Sprintf("%s=%d", c.Name, *c.Replicas))
		}
		out = append(out, fmt.Sprintf("%d %s by %q: %s; %s%s", d.Revision, d.Code, d.By, d.Reason, strings.Join(clusters, " "), said))
	}
	return out
}

func TestRemember(t *testing.T) {
	s := &story{now: now}
	s.web.Spec.Replicas = ptr.To[int32](6)
	s.write(&s.web, "kubectl-create")
	s.decide(nil, "a=3", "b=3")

	s.policy = policyWith(nil, weight("a", 2), weight("b", 1))
	s.policy.Annotations = map[string]string{v1alpha1.AnnotationChangedBy: "alice"}
	s.write(s.policy, "kubectl")
	toward := func(replicas int32) func(*v1alpha1.PlacementSpec) {
		return func(next *v1alpha1.PlacementSpec) { next.Clusters[1].Target = &replicas }
	}
	s.decide(toward(2), "a=4", "b=3") // the first step of a move is the decision
	s.decide(nil, "a=4", "b=2")       // and its last is none

	s.web.Spec.Replicas = ptr.To[int32](9)
	s.web.ManagedFields = append(s.web.ManagedFields, metav1.ManagedFieldsEntry{Manager: "kubectl", Subresource: "scale"})
	s.decide(nil, "a=6", "b=3")

	s.decide(func(next *v1alpha1.PlacementSpec) {
		next.Excluded = []v1alpha1.ClusterExclusion{{Name: "b", Code: v1alpha1.ExcludedNotReady, Reason: "is not ready since noon"}}
	}, "a=9")

	s.write(&s.web, "kubectl-edit")
	s.decide(func(next *v1alpha1.PlacementSpec) { next.WorkloadGeneration = 2 }, "a=8", "c=1")
	s.policy = nil
	s.decide(toward(0), "a=9", "c=1")

	want := []string{
		`1 Created by "kubectl-create": created; a=3 b=3`,
		`2 PolicyChanged by "alice": policy web applies; a=4 b=2, policy says 2`,
		`4 Scaled by "kubectl": scaled from 6 to 9; a=6 b=3`,
		`5 ClustersChanged by "": b: is not ready since noon; a=9`,
		`6 WorkloadChanged by "kubectl-edit": the workload was changed; a=8 c=1`,
		`7 PolicyChanged by "": policy web applies no more; a=9`,
	}
	if diff := gocmp.Diff(want, s.told()); diff != "" {
		t.Error(diff)
	}
}

// Whatever happens, the history is bounded, its revisions go up, two decisions that follow each other differ when they are
// made, the newest is there, and what a policy said can be found as long as a decision by it is remembered.
func TestRememberAlways(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &story{now: now}
		said := map[int64]int{} // clusters that the policy named, by its generation
		for range rapid.IntRange(1, 60).Draw(t, "decisions") {
			s.web.Spec.Replicas = ptr.To(rapid.Int32Range(1, 3).Draw(t, "replicas"))
			if rapid.IntRange(0, 3).Draw(t, "policy changes") == 0 {
				generation := int64(len(said) + 1)
				s.policy = policyWith(nil, make([]v1alpha1.ClusterWeight, rapid.IntRange(1, 4).Draw(t, "clusters"))...)
				s.policy.Generation = generation
				said[generation] = len(s.policy.Spec.Clusters)
			}
			s.decide(nil, fmt.Sprintf("a=%d", rapid.IntRange(0, 2).Draw(t, "a")), fmt.Sprintf("b=%d", rapid.IntRange(0, 2).Draw(t, "b")))

			history := s.spec.History
			if len(history) == 0 || len(history) > historyLength {
				t.Fatalf("%d decisions are remembered", len(history))
			}
			if newest := history[len(history)-1]; *newest.Clusters[0].Replicas != *s.spec.Clusters[0].Replicas || *newest.Clusters[1].Replicas != *s.spec.Clusters[1].Replicas {
				t.Fatalf("the newest is not what was decided: %v", s.told())
			}
			var spec *v1alpha1.PlacementPolicySpec
			for i, d := range history {
				if i > 0 && d.Revision <= history[i-1].Revision {
					t.Fatalf("revisions do not go up: %v", s.told())
				}
				if d.PolicySpec != nil {
					spec = d.PolicySpec
				}
				if d.Policy != "" && (spec == nil || len(spec.Clusters) != said[d.PolicyGeneration]) {
					t.Fatalf("what the policy said at revision %d is not remembered: %v", d.Revision, s.told())
				}
			}
		}
	})
}
