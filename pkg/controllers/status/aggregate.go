// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/workload"
)

// placementStatus sums up what the clusters report of a workload.
func placementStatus(kind *workload.Kind, obj workload.Object, p *v1alpha1.Placement, reports []v1alpha1.ClusterPlacementStatus, now time.Time) v1alpha1.PlacementStatus {
	next := v1alpha1.PlacementStatus{ObservedGeneration: p.Generation, Conditions: slices.Clone(p.Status.Conditions)}
	for _, s := range reports {
		s.LastTransitionTime = &metav1.Time{Time: now.Truncate(time.Second)}
		for i := range p.Status.Clusters {
			if same := &p.Status.Clusters[i]; same.Name == s.Name && equalReport(*same, s) {
				s.LastTransitionTime = same.LastTransitionTime
			}
		}
		next.ReadyReplicas += s.ReadyReplicas
		next.Clusters = append(next.Clusters, s)
	}
	slices.SortFunc(next.Clusters, func(a, b v1alpha1.ClusterPlacementStatus) int { return cmp.Compare(a.Name, b.Name) })
	conditions := []metav1.Condition{scheduledCondition(&p.Spec), syncedCondition(next.Clusters), availableCondition(kind, obj, &p.Spec, next.Clusters), progressingCondition(&p.Spec, next.Clusters)}
	if c, lacks := workload.HonoredCondition(&p.Spec); lacks {
		conditions = append(conditions, c)
	} else {
		meta.RemoveStatusCondition(&next.Conditions, v1alpha1.ConditionHonored)
	}
	for _, c := range conditions {
		c.ObservedGeneration, c.LastTransitionTime = p.Generation, metav1.NewTime(now)
		meta.SetStatusCondition(&next.Conditions, c)
	}
	return next
}

func equalReport(a, b v1alpha1.ClusterPlacementStatus) bool {
	a.LastTransitionTime, b.LastTransitionTime = nil, nil
	return apiequality.Semantic.DeepEqual(a, b)
}

func scheduledCondition(spec *v1alpha1.PlacementSpec) metav1.Condition {
	if spec.Problem != "" {
		return metav1.Condition{Type: v1alpha1.ConditionScheduled, Status: metav1.ConditionFalse, Reason: spec.Problem, Message: spec.ProblemMessage}
	}
	return metav1.Condition{Type: v1alpha1.ConditionScheduled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPlaced, Message: fmt.Sprintf("placed on %s", countClusters(len(spec.Clusters)))}
}

// progressingCondition says what is on its way, and what it waits for: replicas are taken from a cluster when they are not
// missed, that is when as many are available elsewhere; the last ones when no client is led there any more. A new pod
// template comes to a cluster when it is its turn.
func progressingCondition(spec *v1alpha1.PlacementSpec, clusters []v1alpha1.ClusterPlacementStatus) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionProgressing, Status: metav1.ConditionTrue}
	var moving, clients []string
	for _, a := range spec.Clusters {
		if a.Code == v1alpha1.KeptUntilEnd {
			clients = append(clients, a.Name+": "+a.Reason)
			continue
		}
		if a.Target != nil && (a.Traffic == nil || a.Traffic.State == v1alpha1.TrafficArriving || a.Traffic.Percent > 0) {
			has := "all"
			if n := cmp.Or(a.MaxReplicas, a.Replicas); n != nil {
				has = strconv.Itoa(int(*n))
			}
			moving = append(moving, fmt.Sprintf("%s %s → %d", a.Name, has, *a.Target))
		}
		if t := a.Traffic; t != nil {
			clients = append(clients, a.Name+": "+sayTraffic(t))
			if t.State != v1alpha1.TrafficArriving && t.Percent == 0 && c.Reason != v1alpha1.ReasonTrafficStays {
				c.Reason = v1alpha1.ReasonTrafficLeaving
			}
			if t.Message != "" {
				c.Reason = v1alpha1.ReasonTrafficStays
			}
		}
	}
	rollout := sayRollout(spec, clusters)
	if len(moving)+len(clients)+len(rollout) == 0 {
		c.Status, c.Reason, c.Message = metav1.ConditionFalse, v1alpha1.ReasonSettled, "every cluster has what was decided"
		return c
	}
	switch {
	case c.Reason != "":
	case len(moving)+len(clients) > 0:
		c.Reason = v1alpha1.ReasonMoving
	default:
		c.Reason = v1alpha1.ReasonRollingOut
	}
	if len(moving) > 0 {
		moving = []string{strings.Join(moving, ", ") + ": goes on as new replicas become available"}
	}
	c.Message = workload.Shorten(strings.Join(slices.Concat(clients, moving, rollout), "; "))
	return c
}

// sayRollout says whose turn it is to replace pods by those of a new template, and who waits for it; nothing if nobody does.
func sayRollout(spec *v1alpha1.PlacementSpec, clusters []v1alpha1.ClusterPlacementStatus) (out []string) {
	waiting := workload.Waiting(spec)
	if len(waiting) == 0 {
		return nil
	}
	for _, c := range clusters {
		switch share := workload.Share(spec, c.Name); {
		case share == nil || share.TemplateHash != "":
		case c.TemplateHash != spec.TemplateHash:
			out = append(out, c.Name+": is given the new pod template")
		case c.UpdatedReplicas < c.Replicas || c.AvailableReplicas < max(c.Replicas, ptr.Deref(share.Replicas, 0)):
			out = append(out, fmt.Sprintf("%s: %d of %d pods are of the new template, %d available", c.Name, c.UpdatedReplicas, c.Replicas, c.AvailableReplicas))
		}
	}
	return append(out, strings.Join(waiting, ", ")+": the pod template of before, until it is their turn")
}

// sayTraffic says which clients a cluster is answered to, and what is waited for.
func sayTraffic(t *v1alpha1.AssignedTraffic) string {
	switch {
	case t.Message != "":
		return "its clients cannot be led elsewhere: " + t.Message
	case t.Until != nil:
		return "its clients are led elsewhere; what is left there goes at " + t.Until.UTC().Format(time.TimeOnly) + " UTC, when no answer is used any more that leads there"
	case t.State == v1alpha1.TrafficArriving:
		return fmt.Sprintf("comes, and takes %d %% of its clients", t.Percent)
	case t.Percent == 0:
		return "its clients are led elsewhere"
	}
	return fmt.Sprintf("leaves, and takes %d %% of its clients", t.Percent)
}

func syncedCondition(clusters []v1alpha1.ClusterPlacementStatus) metav1.Condition {
	reason, behind := "", []string{}
	for _, c := range clusters {
		if c.Synced {
			continue
		}
		behind = append(behind, c.Name+": "+c.Message)
		if reason == "" || reason == v1alpha1.ReasonSyncing {
			reason = c.Reason
		}
	}
	if len(behind) == 0 {
		return metav1.Condition{Type: v1alpha1.ConditionSynced, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSynced, Message: fmt.Sprintf("%s hold what was decided", countClusters(len(clusters)))}
	}
	return metav1.Condition{Type: v1alpha1.ConditionSynced, Status: metav1.ConditionFalse, Reason: reason, Message: workload.Shorten(strings.Join(behind, "; "))}
}

func availableCondition(kind *workload.Kind, obj workload.Object, spec *v1alpha1.PlacementSpec, clusters []v1alpha1.ClusterPlacementStatus) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionAvailable, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAvailable}
	if spec.Replicas != nil && kind.Ready == nil {
		var available int32
		for _, s := range clusters {
			available += s.AvailableReplicas
		}
		c.Message = fmt.Sprintf("%d of %d replicas are available", available, *spec.Replicas)
		if available < *spec.Replicas {
			c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonUnavailable
		}
		return c
	}
	available := 0
	for i := range clusters {
		if share := workload.Share(spec, clusters[i].Name); share != nil && (share.Idle || kind.AvailableIn(obj, &clusters[i])) {
			available++
		}
	}
	switch {
	case kind.Serves != nil:
		c.Message = fmt.Sprintf("%d of %s serve", available, countClusters(len(spec.Clusters)))
		if available == 0 && len(spec.Clusters) > 0 {
			c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonNotServing
		}
	default:
		c.Message = fmt.Sprintf("ready in %d of %s", available, countClusters(len(spec.Clusters)))
		if available < len(spec.Clusters) {
			c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonUnavailable
		}
	}
	return c
}

func countClusters(n int) string {
	if n == 1 {
		return "1 cluster"
	}
	return fmt.Sprintf("%d clusters", n)
}
