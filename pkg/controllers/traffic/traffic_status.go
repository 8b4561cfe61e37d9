// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// picture is what policies of a namespace may be for, by kind and name, and the clusters that are joined.
type picture struct {
	targets  map[string]sets.Set[string]
	clusters sets.Set[string]
}

// statusOf says whether clients are led by a policy, of all those of its namespace.
func statusOf(policy *v1alpha1.TrafficPolicy, policies []*v1alpha1.TrafficPolicy, there picture, now time.Time) v1alpha1.TrafficPolicyStatus {
	next := v1alpha1.TrafficPolicyStatus{ObservedGeneration: policy.Generation, Conditions: slices.Clone(policy.Status.Conditions)}
	condition := applied(policy, policies, there)
	condition.ObservedGeneration, condition.LastTransitionTime = policy.Generation, metav1.NewTime(now)
	meta.SetStatusCondition(&next.Conditions, condition)
	return next
}

func applied(policy *v1alpha1.TrafficPolicy, policies []*v1alpha1.TrafficPolicy, there picture) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionApplied, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonApplied}
	kind, name := policy.Spec.Target.Kind, policy.TargetName()
	if !there.targets[kind].Has(name) {
		c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonTargetNotFound
		c.Message = fmt.Sprintf("there is no %s %s in the namespace; the policy applies as soon as there is", kind, name)
		return c
	}
	if first := v1alpha1.TrafficPolicyFor(policies, kind, name); first != nil && first.Name != policy.Name {
		c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonOverruled
		c.Message = fmt.Sprintf("policy %s is for %s %s, too, and is the first by name", first.Name, kind, name)
		return c
	}
	c.Message = fmt.Sprintf("leads the clients of %s %s", kind, name)
	var unknown []string
	for _, cluster := range policy.Spec.Clusters {
		if cluster.Name != v1alpha1.AnyCluster && !there.clusters.Has(cluster.Name) {
			unknown = append(unknown, cluster.Name)
		}
	}
	if len(unknown) > 0 {
		c.Message += "; not joined: " + strings.Join(unknown, ", ")
	}
	return c
}
