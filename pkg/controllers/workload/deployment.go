// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/members"
)

// Deployment is divided by its replicas.
var Deployment = &Kind{
	GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("Deployment"),
	Resource:         members.Deployments,
	Division:         v1alpha1.Divide,
	Replicas:         kind.Of(func(d *appsv1.Deployment) **int32 { return &d.Spec.Replicas }),
	Template:         kind.Of(func(d *appsv1.Deployment) *corev1.PodTemplateSpec { return &d.Spec.Template }),
	Rolls: kind.Of(func(d *appsv1.Deployment) *Rolling {
		return &Rolling{Paused: d.Spec.Paused, Strategy: &d.Spec.Strategy}
	}),
	Localize: func(obj runtime.Object, spec *v1alpha1.PlacementSpec, cluster string) {
		divideRollout(&obj.(*appsv1.Deployment).Spec.Strategy, spec, cluster)
	},
	Local:    kind.Of(func(d *appsv1.Deployment) bool { return dividesRollout(&d.Spec.Strategy) }),
	Observed: kind.Of(func(d *appsv1.Deployment) int64 { return d.Status.ObservedGeneration }),
	Report:   reportBy(reportDeployment),
	Sum:      sumBy(sumDeployment),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*appsv1.Deployment] {
		return kube.AppsV1().Deployments(namespace)
	}),
}

// Reasons of a Deployment's conditions, as Kubernetes' own deployment controller gives them.
const (
	progressing         = "ReplicaSetUpdated"
	complete            = "NewReplicaSetAvailable"
	deadlineExceeded    = "ProgressDeadlineExceeded"
	minimumAvailable    = "MinimumReplicasAvailable"
	minimumNotAvailable = "MinimumReplicasUnavailable"
)

// reportDeployment keeps of the conditions the one that says that the cluster gave up rolling out.
func reportDeployment(d *appsv1.Deployment, into *v1alpha1.ClusterPlacementStatus) {
	into.Replicas, into.UpdatedReplicas = d.Status.Replicas, d.Status.UpdatedReplicas
	into.ReadyReplicas, into.AvailableReplicas = d.Status.ReadyReplicas, d.Status.AvailableReplicas
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == deadlineExceeded {
			keep(into, appsv1.DeploymentStatus{Conditions: []appsv1.DeploymentCondition{c}})
		}
	}
}

// sumDeployment makes one status of what the clusters report, such that what kubectl reads off it is true of all of
// them. It speaks of the generation that was decided on; a cluster that has not acted on it yet counts with none of its
// replicas updated.
func sumDeployment(d *appsv1.Deployment, r Reports) {
	n, desired, s := r.count(), ptr.Deref(d.Spec.Replicas, 1), &d.Status
	s.ObservedGeneration = r.Placement.WorkloadGeneration
	s.Replicas, s.UpdatedReplicas, s.ReadyReplicas, s.AvailableReplicas = n.replicas, n.updated, n.ready, n.available
	s.UnavailableReplicas = max(0, desired-n.available)
	exceeded := r.messages(func(c *v1alpha1.ClusterPlacementStatus) string {
		if conditions := kept[appsv1.DeploymentStatus](c).Conditions; len(conditions) > 0 && r.acted(c) {
			return conditions[0].Message
		}
		return ""
	})
	setDeploymentCondition(s, deploymentAvailable(desired, d, n.available), r.Now)
	setDeploymentCondition(s, deploymentProgressing(desired, s, exceeded, sayWaiting(r.Placement)), r.Now)
	s.Conditions = withShortcomings(s.Conditions, r)
}

func deploymentAvailable(desired int32, d *appsv1.Deployment, available int32) appsv1.DeploymentCondition {
	if available >= desired-maxUnavailable(d, desired) {
		return appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: minimumAvailable, Message: "Deployment has minimum availability."}
	}
	return appsv1.DeploymentCondition{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, Reason: minimumNotAvailable, Message: "Deployment does not have minimum availability."}
}

// maxUnavailable is how many replicas may be missing of a Deployment that is available, as Kubernetes has it.
func maxUnavailable(d *appsv1.Deployment, desired int32) int32 {
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		return 0
	}
	_, unavailable := bounds(&d.Spec.Strategy, desired)
	return int32(unavailable)
}

func deploymentProgressing(desired int32, s *appsv1.DeploymentStatus, exceeded, waiting string) appsv1.DeploymentCondition {
	c := appsv1.DeploymentCondition{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue}
	switch {
	case s.UpdatedReplicas == desired && s.Replicas == desired && s.AvailableReplicas == desired:
		c.Reason, c.Message = complete, "Every cluster has rolled out the Deployment."
	case exceeded != "":
		c.Status, c.Reason, c.Message = corev1.ConditionFalse, deadlineExceeded, exceeded+waiting
	default:
		c.Reason, c.Message = progressing, "The Deployment is being rolled out."+waiting
	}
	return c
}

// sayWaiting names the clusters whose turn to replace their pods has not come; empty if there are none.
func sayWaiting(spec *v1alpha1.PlacementSpec) string {
	waiting := Waiting(spec)
	if len(waiting) == 0 {
		return ""
	}
	return " Until it is their turn, these clusters keep the template they have: " + strings.Join(waiting, ", ") + "."
}

func setDeploymentCondition(s *appsv1.DeploymentStatus, c appsv1.DeploymentCondition, now time.Time) {
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
