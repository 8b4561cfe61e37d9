// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/members"
)

// CronJob is whole: each cluster runs Jobs of its own.
var CronJob = &Kind{
	GroupVersionKind: batchv1.SchemeGroupVersion.WithKind("CronJob"),
	Resource:         members.CronJobs,
	Division:         v1alpha1.Whole,
	Template:         kind.Of(func(c *batchv1.CronJob) *corev1.PodTemplateSpec { return &c.Spec.JobTemplate.Spec.Template }),
	Suspend:          kind.On(func(c *batchv1.CronJob) { c.Spec.Suspend = ptr.To(true) }),
	Report: reportBy(func(c *batchv1.CronJob, into *v1alpha1.ClusterPlacementStatus) {
		into.Replicas = int32(len(c.Status.Active))
		keep(into, batchv1.CronJobStatus{LastScheduleTime: c.Status.LastScheduleTime, LastSuccessfulTime: c.Status.LastSuccessfulTime})
	}),
	Sum: sumBy(sumCronJob),
	UpdateStatus: statusBy(func(kube kubernetes.Interface, namespace string) statusWriter[*batchv1.CronJob] {
		return kube.BatchV1().CronJobs(namespace)
	}),
}

// sumCronJob counts the active Jobs. They are in the clusters, so what stands for one here names none.
func sumCronJob(c *batchv1.CronJob, r Reports) {
	next := batchv1.CronJobStatus{}
	for i := range r.Clusters {
		in := kept[batchv1.CronJobStatus](&r.Clusters[i])
		next.LastScheduleTime = newest(next.LastScheduleTime, in.LastScheduleTime)
		next.LastSuccessfulTime = newest(next.LastSuccessfulTime, in.LastSuccessfulTime)
		for range r.Clusters[i].Replicas {
			next.Active = append(next.Active, corev1.ObjectReference{Kind: "Job", Namespace: c.Namespace})
		}
	}
	c.Status = next
}
