// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/dump"
	"k8s.io/utils/ptr"
)

// annotationTemplate tells which template the replicas in the status are of.
const annotationTemplate = "fleet.drover.dev/template"

// rollOut keeps the status of a Deployment.
func (s *simulation) rollOut(ctx context.Context, t task) (after time.Duration, err error) {
	d, ok := t.cluster.space.Get(t.resource, t.namespace, t.name).(*appsv1.Deployment)
	if !ok || !d.DeletionTimestamp.IsZero() {
		return 0, nil
	}
	now, delay := time.Now(), t.cluster.fleet.options.ReadyDelay
	err = update(ctx, s.server.stores[t.resource], t.name, func(d *appsv1.Deployment) {
		after = advance(d, now, delay)
	})
	return after, err
}

func templateHash(d *appsv1.Deployment) string {
	h := fnv.New64a()
	h.Write([]byte(dump.ForHash(d.Spec.Template)))
	return strconv.FormatUint(h.Sum64(), 36)
}

// advance takes the status of a Deployment one step on. A change is observed at once; after the delay all replicas there
// should be are ready and of the present template. Until then no more are ready than were, and no fewer: a rolling
// update. It returns after how long the next step is due; 0 if there is none.
func advance(d *appsv1.Deployment, now time.Time, delay time.Duration) time.Duration {
	s, want := &d.Status, ptr.Deref(d.Spec.Replicas, 1)
	since, rolling := rollingSince(s)
	if s.ObservedGeneration == d.Generation && !rolling {
		return 0
	}
	if s.ObservedGeneration != d.Generation {
		since = now
		s.ObservedGeneration = d.Generation
		s.Replicas, s.ReadyReplicas, s.AvailableReplicas = want, min(s.ReadyReplicas, want), min(s.AvailableReplicas, want)
		s.UpdatedReplicas = min(s.UpdatedReplicas, want)
		if !rolling {
			s.UpdatedReplicas = want
		}
		if template := templateHash(d); d.Annotations[annotationTemplate] != template {
			s.UpdatedReplicas = 0
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, annotationTemplate, template)
		}
		setCondition(s, appsv1.DeploymentProgressing, corev1.ConditionTrue, reasonRolling, now)
	}
	if due := since.Add(delay); due.After(now) {
		s.UnavailableReplicas = want - s.AvailableReplicas
		return due.Sub(now)
	}
	s.UpdatedReplicas, s.ReadyReplicas, s.AvailableReplicas, s.UnavailableReplicas = want, want, want, 0
	setCondition(s, appsv1.DeploymentAvailable, corev1.ConditionTrue, "MinimumReplicasAvailable", now)
	setCondition(s, appsv1.DeploymentProgressing, corev1.ConditionTrue, reasonComplete, now)
	return 0
}

// Reasons of the condition Progressing, as Kubernetes gives them.
const (
	reasonRolling  = "ReplicaSetUpdated"
	reasonComplete = "NewReplicaSetAvailable"
)

// rollingSince is when the rollout that is under way began; false if there is none.
func rollingSince(s *appsv1.DeploymentStatus) (time.Time, bool) {
	for _, c := range s.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Reason == reasonRolling {
			return c.LastUpdateTime.Time, true
		}
	}
	return time.Time{}, false
}

// setCondition says so as of now.
func setCondition(s *appsv1.DeploymentStatus, kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason string, now time.Time) {
	at := metav1.NewTime(now)
	next := appsv1.DeploymentCondition{Type: kind, Status: status, Reason: reason, LastUpdateTime: at, LastTransitionTime: at}
	i := slices.IndexFunc(s.Conditions, func(c appsv1.DeploymentCondition) bool { return c.Type == kind })
	if i < 0 {
		s.Conditions = append(s.Conditions, next)
		return
	}
	if s.Conditions[i].Status == status {
		next.LastTransitionTime = s.Conditions[i].LastTransitionTime
	}
	s.Conditions[i] = next
}
