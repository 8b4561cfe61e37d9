// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Reasons of a Deployment's conditions, as Kubernetes' own deployment controller gives them.
const (
	progressing         = "ReplicaSetUpdated"
	complete            = "NewReplicaSetAvailable"
	deadlineExceeded    = "ProgressDeadlineExceeded"
	minimumAvailable    = "MinimumReplicasAvailable"
	minimumNotAvailable = "MinimumReplicasUnavailable"
)

// placementStatus sums up what the clusters report.
func placementStatus(p *v1alpha1.Placement, reports []report, now time.Time) v1alpha1.PlacementStatus {
	next := v1alpha1.PlacementStatus{ObservedGeneration: p.Generation, Conditions: slices.Clone(p.Status.Conditions)}
	for _, r := range reports {
		s := r.status
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
	for _, c := range []metav1.Condition{scheduledCondition(&p.Spec), syncedCondition(next.Clusters), availableCondition(&p.Spec, next.Clusters)} {
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
	return metav1.Condition{Type: v1alpha1.ConditionScheduled, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonPlaced, Message: fmt.Sprintf("placed on %s", plural(len(spec.Clusters), "cluster"))}
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
		return metav1.Condition{Type: v1alpha1.ConditionSynced, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSynced, Message: fmt.Sprintf("%s hold what was decided", plural(len(clusters), "cluster"))}
	}
	return metav1.Condition{Type: v1alpha1.ConditionSynced, Status: metav1.ConditionFalse, Reason: reason, Message: truncate(strings.Join(behind, "; "))}
}

func availableCondition(spec *v1alpha1.PlacementSpec, clusters []v1alpha1.ClusterPlacementStatus) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionAvailable, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonAvailable}
	if spec.Replicas == nil {
		var serving int
		for _, s := range clusters {
			if len(s.Addresses) > 0 || s.ReadyEndpoints > 0 {
				serving++
			}
		}
		c.Message = fmt.Sprintf("%d of %s serve", serving, plural(len(spec.Clusters), "cluster"))
		if serving == 0 && len(spec.Clusters) > 0 {
			c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonNotServing
		}
		return c
	}
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

// deploymentStatus makes one status of what the clusters report, such that what kubectl reads off it is true of all of
// them. It speaks of the generation that was decided on; a cluster that has not acted on it yet counts with none of its
// replicas updated.
func deploymentStatus(d *appsv1.Deployment, p *v1alpha1.Placement, reports []report, now time.Time) appsv1.DeploymentStatus {
	next := appsv1.DeploymentStatus{ObservedGeneration: p.Spec.WorkloadGeneration, Conditions: slices.Clone(d.Status.Conditions), CollisionCount: d.Status.CollisionCount}
	var exceeded []string
	for _, r := range reports {
		next.Replicas += r.status.Replicas
		next.ReadyReplicas += r.status.ReadyReplicas
		next.AvailableReplicas += r.status.AvailableReplicas
		if r.status.ObservedGeneration == p.Spec.WorkloadGeneration {
			next.UpdatedReplicas += r.status.UpdatedReplicas
		}
		if r.deadlineExceeded != "" && r.status.ObservedGeneration == p.Spec.WorkloadGeneration {
			exceeded = append(exceeded, r.status.Name+": "+r.deadlineExceeded)
		}
	}
	desired := ptr.Deref(d.Spec.Replicas, 1)
	next.UnavailableReplicas = max(0, desired-next.AvailableReplicas)
	setCondition(&next, deploymentAvailable(desired, d, next.AvailableReplicas), now)
	setCondition(&next, deploymentProgressing(desired, &next, exceeded), now)
	if p.Spec.Problem != "" {
		setCondition(&next, appsv1.DeploymentCondition{Type: v1alpha1.ConditionScheduled, Status: corev1.ConditionFalse, Reason: p.Spec.Problem, Message: p.Spec.ProblemMessage}, now)
	} else {
		next.Conditions = slices.DeleteFunc(next.Conditions, func(c appsv1.DeploymentCondition) bool { return c.Type == v1alpha1.ConditionScheduled })
	}
	return next
}

func deploymentAvailable(desired int32, d *appsv1.Deployment, available int32) appsv1.DeploymentCondition {
	if available >= desired-maxUnavailable(d, desired) {
		return appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: minimumAvailable, Message: "Deployment has minimum availability."}
	}
	return appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, Reason: minimumNotAvailable, Message: "Deployment does not have minimum availability."}
}

// maxUnavailable resolves the strategy's field as Kubernetes does: rounded down, but at least one pod may move.
func maxUnavailable(d *appsv1.Deployment, desired int32) int32 {
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return 0
	}
	unavailable, surge := intstr.FromString("25%"), intstr.FromString("25%")
	if r := d.Spec.Strategy.RollingUpdate; r != nil {
		unavailable, surge = ptr.Deref(r.MaxUnavailable, unavailable), ptr.Deref(r.MaxSurge, surge)
	}
	u, err := intstr.GetScaledValueFromIntOrPercent(&unavailable, int(desired), false)
	if err != nil {
		return 0
	}
	s, err := intstr.GetScaledValueFromIntOrPercent(&surge, int(desired), true)
	if err == nil && u == 0 && s == 0 {
		u = 1
	}
	return min(int32(u), desired)
}

func deploymentProgressing(desired int32, s *appsv1.DeploymentStatus, exceeded []string) appsv1.DeploymentCondition {
	c := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue}
	switch {
	case s.UpdatedReplicas == desired && s.Replicas == desired && s.AvailableReplicas == desired:
		c.Reason, c.Message = complete, "Every cluster has rolled out the Deployment."
	case len(exceeded) > 0:
		c.Status, c.Reason, c.Message = corev1.ConditionFalse, deadlineExceeded, truncate(strings.Join(exceeded, "; "))
	default:
		c.Reason, c.Message = progressing, "The Deployment is being rolled out."
	}
	return c
}

func setCondition(s *appsv1.DeploymentStatus, c appsv1.DeploymentCondition, now time.Time) {
	c.LastTransitionTime, c.LastUpdateTime = metav1.NewTime(now), metav1.NewTime(now)
	for i := range s.Conditions {
		was := &s.Conditions[i]
		if was.Type != c.Type {
			continue
		}
		if was.Status == c.Status {
			c.LastTransitionTime = was.LastTransitionTime
			if was.Reason == c.Reason && was.Message == c.Message {
				c.LastUpdateTime = was.LastUpdateTime
			}
		}
		*was = c
		return
	}
	s.Conditions = append(s.Conditions, c)
}

// serviceStatus gathers the load balancers of all clusters.
func serviceStatus(s *corev1.Service, clusters []v1alpha1.ClusterPlacementStatus) corev1.ServiceStatus {
	next := corev1.ServiceStatus{Conditions: s.Status.Conditions}
	for _, c := range clusters {
		for _, a := range c.Addresses {
			next.LoadBalancer.Ingress = append(next.LoadBalancer.Ingress, corev1.LoadBalancerIngress{IP: a.IP, Hostname: a.Hostname, Ports: a.Ports})
		}
	}
	return next
}

// ingressStatus gathers the load balancers of all clusters.
func ingressStatus(clusters []v1alpha1.ClusterPlacementStatus) networkingv1.IngressStatus {
	var next networkingv1.IngressStatus
	for _, c := range clusters {
		for _, a := range c.Addresses {
			in := networkingv1.IngressLoadBalancerIngress{IP: a.IP, Hostname: a.Hostname}
			for _, p := range a.Ports {
				in.Ports = append(in.Ports, networkingv1.IngressPortStatus{Port: p.Port, Protocol: p.Protocol, Error: p.Error})
			}
			next.LoadBalancer.Ingress = append(next.LoadBalancer.Ingress, in)
		}
	}
	return next
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// truncate keeps a message within what a condition may hold, and a person may read.
func truncate(message string) string {
	const limit = 1024
	if len(message) <= limit {
		return message
	}
	return strings.ToValidUTF8(message[:limit], "") + "…"
}
