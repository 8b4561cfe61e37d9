// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"math"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/members"
	"drover.dev/drover/pkg/placement"
)

// Job is divided by its completions, or by its parallelism where it has no number of completions.
var Job = &Kind{
	GroupVersionKind: batchv1.SchemeGroupVersion.WithKind("Job"),
	Resource:         members.Jobs,
	Division:         v1alpha1.Divide,
	Replicas: kind.Of(func(j *batchv1.Job) **int32 {
		if worksOffQueue(j) {
			return &j.Spec.Parallelism
		}
		return &j.Spec.Completions
	}),
	Indivisible: kind.Of(func(j *batchv1.Job) string {
		if ptr.Deref(j.Spec.CompletionMode, batchv1.NonIndexedCompletion) == batchv1.IndexedCompletion {
			return "its indexes would be given out in each cluster anew"
		}
		return ""
	}),
	Fixed:    kind.Of(func(j *batchv1.Job) bool { return !worksOffQueue(j) }),
	Finished: kind.Of(func(j *batchv1.Job) bool { return finish(&j.Status) != nil }),
	Expires:  expires,
	Template: kind.Of(func(j *batchv1.Job) *corev1.PodTemplateSpec { return &j.Spec.Template }),
	Localize: localizeJob,
	Report: reportBy(func(j *batchv1.Job, into *v1alpha1.ClusterPlacementStatus) {
		into.Replicas, into.UpdatedReplicas = j.Status.Active, j.Status.Active
		into.ReadyReplicas = ptr.Deref(j.Status.Ready, 0)
		status := j.Status
		status.UncountedTerminatedPods = nil
		keep(into, status)
	}),
	Ready: jobCompleted,
	Ended: func(report *v1alpha1.ClusterPlacementStatus) bool {
		status := kept[batchv1.JobStatus](report)
		return finish(&status) != nil
	},
	Sum: sumBy(sumJob),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*batchv1.Job] {
		return kube.BatchV1().Jobs(namespace)
	}),
}

// worksOffQueue says whether the pods know themselves when the work is done.
func worksOffQueue(j *batchv1.Job) bool {
	return j.Spec.Completions == nil && j.Spec.Parallelism != nil
}

func jobCompleted(report *v1alpha1.ClusterPlacementStatus) bool {
	status := kept[batchv1.JobStatus](report)
	return jobCondition(&status, batchv1.JobComplete) != nil
}

// JobRuns says whether a cluster has begun a Job, and not ended it.
func JobRuns(report *v1alpha1.ClusterPlacementStatus) bool {
	status := kept[batchv1.JobStatus](report)
	return status.StartTime != nil && finish(&status) == nil
}

// Succeeded is how many completions of a Job a cluster reports.
func Succeeded(report v1alpha1.ClusterPlacementStatus) int32 {
	return kept[batchv1.JobStatus](&report).Succeeded
}

func expires(obj runtime.Object) (time.Time, bool) {
	j := obj.(*batchv1.Job)
	end := finish(&j.Status)
	if end == nil || j.Spec.TTLSecondsAfterFinished == nil {
		return time.Time{}, false
	}
	return end.LastTransitionTime.Add(time.Duration(*j.Spec.TTLSecondsAfterFinished) * time.Second), true
}

// localizeJob divides the parallelism as the completions are divided. The federation's Job is what expires: one that a
// cluster deleted would be made, and run, again.
func localizeJob(obj runtime.Object, spec *v1alpha1.PlacementSpec, cluster string) {
	j := obj.(*batchv1.Job)
	j.Spec.TTLSecondsAfterFinished = nil
	if spec.Replicas == nil || worksOffQueue(j) {
		return
	}
	request := placement.Request{Key: spec.Workload.UID, Rebalance: true}
	for _, a := range spec.Clusters {
		if share := int64(ptr.Deref(a.Replicas, 0)); share > 0 {
			request.Clusters = append(request.Clusters, placement.Cluster{Name: a.Name, Weight: share, Min: 1})
		}
	}
	// Not less than one each, or it would never end; none at all where it is paused that way.
	parallelism := int64(ptr.Deref(j.Spec.Parallelism, 1))
	if request.Replicas = max(parallelism, int64(len(request.Clusters))); parallelism == 0 {
		request.Replicas = 0
	}
	result, err := placement.Plan(request)
	if err != nil {
		return // more pods than a plan may have: each cluster runs what it can
	}
	for _, a := range result.Assignments {
		if a.Name == cluster {
			j.Spec.Parallelism = ptr.To(int32(a.Replicas))
		}
	}
}

// sumJob adds up; of what each cluster runs whole, as many have succeeded as in the cluster that is furthest behind. A Job
// that has finished stays so.
func sumJob(j *batchv1.Job, r Reports) {
	next := batchv1.JobStatus{Succeeded: r.Placement.Completed, StartTime: j.Status.StartTime, Conditions: withShortcomings(j.Status.Conditions, r), CompletionTime: j.Status.CompletionTime}
	var ready, terminating int32
	var completed *metav1.Time
	var suspended bool
	least := int32(-1)
	for i := range r.Clusters {
		in := kept[batchv1.JobStatus](&r.Clusters[i])
		next.Active += in.Active
		next.Failed += in.Failed
		ready += ptr.Deref(in.Ready, 0)
		terminating += ptr.Deref(in.Terminating, 0)
		next.StartTime = oldest(next.StartTime, in.StartTime)
		completed = newest(completed, in.CompletionTime)
		suspended = suspended || jobCondition(&in, batchv1.JobSuspended) != nil
		if Share(r.Placement, r.Clusters[i].Name) == nil {
			continue // what it has completed is among the Placement's
		}
		next.Succeeded += in.Succeeded
		if least < 0 || in.Succeeded < least {
			least = in.Succeeded
		}
	}
	if r.whole() {
		next.Succeeded = max(0, least)
	}
	next.Ready, next.Terminating = &ready, &terminating
	if finish(&next) == nil {
		setJobSuspended(&next, suspended, r.Now)
		finishJob(&next, completed, r)
	}
	j.Status = next
}

// finishJob says that a Job is complete when it is in each cluster, and that it failed when it did in one.
func finishJob(s *batchv1.JobStatus, completed *metav1.Time, r Reports) {
	reason := ""
	failed := r.messages(func(c *v1alpha1.ClusterPlacementStatus) string {
		in := kept[batchv1.JobStatus](c)
		f := jobCondition(&in, batchv1.JobFailed)
		if f == nil {
			return ""
		}
		reason = f.Reason
		return f.Message
	})
	at := metav1.NewTime(r.Now)
	switch {
	case failed != "":
		s.Conditions = append(s.Conditions, batchv1.JobCondition{
			Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: reason, Message: failed, LastProbeTime: at, LastTransitionTime: at,
		})
	case r.Placement.Unplaced == 0 && (r.everywhere(jobCompleted) || r.Placement.Completed >= ptr.Deref(r.Placement.Replicas, math.MaxInt32)):
		if s.CompletionTime = completed; completed == nil {
			s.CompletionTime = &at
		}
		s.Conditions = append(s.Conditions, batchv1.JobCondition{
			Type: batchv1.JobComplete, Status: corev1.ConditionTrue, Reason: batchv1.JobReasonCompletionsReached,
			Message: "Every cluster has completed its part.", LastProbeTime: at, LastTransitionTime: at,
		})
	}
}

func setJobSuspended(s *batchv1.JobStatus, suspended bool, now time.Time) {
	c := batchv1.JobCondition{Type: batchv1.JobSuspended, Status: corev1.ConditionFalse, Reason: "JobResumed", Message: "Job resumed", LastProbeTime: metav1.NewTime(now), LastTransitionTime: metav1.NewTime(now)}
	if suspended {
		c.Status, c.Reason, c.Message = corev1.ConditionTrue, "JobSuspended", "Job suspended"
	}
	i := slices.IndexFunc(s.Conditions, func(c batchv1.JobCondition) bool { return c.Type == batchv1.JobSuspended })
	switch {
	case i < 0 && suspended:
		s.Conditions = append(s.Conditions, c)
	case i >= 0 && s.Conditions[i].Status != c.Status:
		s.Conditions[i] = c
	}
}

// finish is the condition that says that a Job is complete, or failed; nil while it is neither.
func finish(s *batchv1.JobStatus) *batchv1.JobCondition {
	if c := jobCondition(s, batchv1.JobComplete); c != nil {
		return c
	}
	return jobCondition(s, batchv1.JobFailed)
}

// jobCondition finds a condition that is true; nil if it is not.
func jobCondition(s *batchv1.JobStatus, kind batchv1.JobConditionType) *batchv1.JobCondition {
	for i := range s.Conditions {
		if c := &s.Conditions[i]; c.Type == kind && c.Status == corev1.ConditionTrue {
			return c
		}
	}
	return nil
}
