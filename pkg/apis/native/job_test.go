// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func job(change ...func(*batchv1.JobSpec)) *batchv1.Job {
	j := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "task"}, Spec: jobSpec(change...)}
	return defaulted(j)
}

func jobSpec(change ...func(*batchv1.JobSpec)) batchv1.JobSpec {
	spec := batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{RestartPolicy: "Never", Containers: []corev1.Container{{Name: "main", Image: "busybox"}}}}}
	for _, c := range change {
		c(&spec)
	}
	return spec
}

func indexedJob(completions int32) func(*batchv1.JobSpec) {
	return func(j *batchv1.JobSpec) {
		j.CompletionMode, j.Completions = ptr.To(batchv1.IndexedCompletion), &completions
	}
}

func TestJob(t *testing.T) {
	restart := func(policy corev1.RestartPolicy) func(*batchv1.JobSpec) {
		return func(j *batchv1.JobSpec) { j.Template.Spec.RestartPolicy = policy }
	}
	for _, tt := range []struct {
		name   string
		change func(*batchv1.JobSpec)
		want   []string
	}{
		{"plain", func(*batchv1.JobSpec) {}, nil},
		{"pods that run for ever", restart("Always"), []string{`spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"`}},
		{"pods that run for ever by default", restart(""), []string{"spec.template.spec.restartPolicy: Required value"}},
		{"a policy that is none", restart("Sometimes"), []string{`spec.template.spec.restartPolicy: Unsupported value: "Sometimes"`}},
		{"a failure policy, and restarts", func(j *batchv1.JobSpec) { restart("OnFailure")(j); j.PodFailurePolicy = &batchv1.PodFailurePolicy{} }, []string{`spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never"`}},
		{"negative numbers", func(j *batchv1.JobSpec) {
			j.Parallelism, j.Completions, j.BackoffLimit, j.TTLSecondsAfterFinished, j.ActiveDeadlineSeconds = ptr.To[int32](-1), ptr.To[int32](-1), ptr.To[int32](-1), ptr.To[int32](-1), ptr.To[int64](-1)
		}, []string{
			"spec.parallelism: Invalid value: -1", "spec.completions: Invalid value: -1", "spec.backoffLimit: Invalid value: -1", "spec.ttlSecondsAfterFinished: Invalid value: -1", "spec.activeDeadlineSeconds: Invalid value: -1",
		}},
		{"a mode that is none", func(j *batchv1.JobSpec) { j.CompletionMode = ptr.To(batchv1.CompletionMode("Some")) }, []string{`spec.completionMode: Unsupported value: "Some"`}},
		{"a selector", func(j *batchv1.JobSpec) { j.Selector = webSelector() }, []string{"spec.selector: Invalid value"}},
		{"a manual selector without one", func(j *batchv1.JobSpec) { j.ManualSelector = ptr.To(true) }, []string{"spec.selector: Required value"}},
		{"a manual selector that does not match", func(j *batchv1.JobSpec) { j.ManualSelector, j.Selector = ptr.To(true), webSelector() }, []string{"spec.template.metadata.labels: Invalid value"}},
		{"a manual selector", func(j *batchv1.JobSpec) {
			j.ManualSelector, j.Selector, j.Template.Labels = ptr.To(true), webSelector(), map[string]string{"app": "web"}
		}, nil},
		{"indexed", indexedJob(3), nil},
		{"indexed without completions", func(j *batchv1.JobSpec) { indexedJob(3)(j); j.Completions, j.Parallelism = nil, ptr.To[int32](2) }, []string{"spec.completions: Required value: when completion mode is Indexed"}},
		{"failed indexes without a limit of each", func(j *batchv1.JobSpec) { indexedJob(3)(j); j.MaxFailedIndexes = ptr.To[int32](1) }, []string{"spec.backoffLimitPerIndex: Required value"}},
		{"indexes of no index", func(j *batchv1.JobSpec) {
			j.BackoffLimitPerIndex, j.MaxFailedIndexes, j.SuccessPolicy = ptr.To[int32](1), ptr.To[int32](1), &batchv1.SuccessPolicy{}
		}, []string{"spec.backoffLimitPerIndex: Invalid value: 1: requires indexed", "spec.maxFailedIndexes: Invalid value: 1: requires indexed", "spec.successPolicy: Invalid value"}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateJob(job(tt.change), nil), tt.want...) })
	}
	dotted := job(indexedJob(3))
	dotted.Name = "task.v1"
	expect(t, validateJob(dotted, nil), `metadata.name: Invalid value: "task.v1": will not able to create pod with invalid DNS label: task.v1-2`)
}

func TestJobUpdate(t *testing.T) {
	image := func(j *batchv1.JobSpec) { j.Template.Spec.Containers[0].Image = "other" }
	suspended := func(j *batchv1.JobSpec) { j.Suspend = ptr.To(true) }
	for _, tt := range []struct {
		name     string
		old, new func(*batchv1.JobSpec)
		want     []string
	}{
		{"parallelism", func(*batchv1.JobSpec) {}, func(j *batchv1.JobSpec) {
			j.Parallelism, j.Completions, j.Suspend = ptr.To[int32](0), ptr.To[int32](1), ptr.To(true)
		}, nil},
		{"completions", func(*batchv1.JobSpec) {}, func(j *batchv1.JobSpec) { j.Completions = ptr.To[int32](2) }, []string{"spec.completions: Invalid value: 2: field is immutable"}},
		{"completions of an indexed Job", indexedJob(3), indexedJob(4), []string{"spec.completions: Invalid value: 4: can only be modified in tandem with spec.parallelism"}},
		{"both of an indexed Job", indexedJob(3), func(j *batchv1.JobSpec) { indexedJob(4)(j); j.Parallelism = ptr.To[int32](4) }, nil},
		{"the template", func(*batchv1.JobSpec) {}, image, []string{"spec.template: Invalid value"}},
		{"the template of a suspended Job", suspended, image, nil},
		{"what stays", func(*batchv1.JobSpec) {}, func(j *batchv1.JobSpec) {
			indexedJob(1)(j)
			j.Parallelism, j.BackoffLimitPerIndex, j.ManagedBy = ptr.To[int32](1), ptr.To[int32](1), ptr.To("example.com/me")
			j.PodFailurePolicy, j.SuccessPolicy = &batchv1.PodFailurePolicy{Rules: []batchv1.PodFailurePolicyRule{{}}}, &batchv1.SuccessPolicy{Rules: []batchv1.SuccessPolicyRule{{}}}
		}, []string{
			"spec.completionMode: Invalid value", "spec.backoffLimitPerIndex: Invalid value", "spec.managedBy: Invalid value", "spec.podFailurePolicy: Invalid value", "spec.successPolicy: Invalid value",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateJob(job(tt.new), job(tt.old)), tt.want...) })
	}
}

func TestJobDefaults(t *testing.T) {
	j := job().Spec
	if *j.Parallelism != 1 || *j.Completions != 1 || *j.BackoffLimit != 6 || *j.CompletionMode != "NonIndexed" || *j.Suspend {
		t.Errorf("by default %+v", j)
	}
	if j := job(func(j *batchv1.JobSpec) { j.Parallelism = ptr.To[int32](3) }).Spec; j.Completions != nil {
		t.Errorf("a work queue is to have %d completions", *j.Completions)
	}
	if j := job(func(j *batchv1.JobSpec) { j.Completions = ptr.To[int32](3) }).Spec; *j.Parallelism != 1 {
		t.Errorf("%d at a time by default", *j.Parallelism)
	}
}

func cronJob(schedule string, change ...func(*batchv1.CronJobSpec)) *batchv1.CronJob {
	c := &batchv1.CronJob{Spec: batchv1.CronJobSpec{Schedule: schedule, JobTemplate: batchv1.JobTemplateSpec{Spec: jobSpec()}}}
	for _, f := range change {
		f(&c.Spec)
	}
	return defaulted(c)
}

func TestCronJob(t *testing.T) {
	for schedule, want := range map[string][]string{
		"*/5 * * * *": nil, "@hourly": nil, "0 0 13 * 5": nil, "@every 1h": nil,
		"":                {"spec.schedule: Required value"},
		"every day":       {`spec.schedule: Invalid value: "every day": expected exactly 5 fields`},
		"61 * * * *":      {`spec.schedule: Invalid value: "61 * * * *"`},
		"TZ=0":            {`spec.schedule: Invalid value: "TZ=0": cannot use TZ or CRON_TZ in schedule`},
		"CRON_TZ=UTC 0 0": {`spec.schedule: Invalid value: "CRON_TZ=UTC 0 0": cannot use TZ or CRON_TZ in schedule`},
	} {
		t.Run(schedule, func(t *testing.T) { expect(t, validateCronJob(cronJob(schedule), nil), want...) })
	}
	for _, tt := range []struct {
		name   string
		change func(*batchv1.CronJobSpec)
		want   []string
	}{
		{"a time zone", func(c *batchv1.CronJobSpec) { c.TimeZone = ptr.To("Europe/Berlin") }, nil},
		{"an empty time zone", func(c *batchv1.CronJobSpec) { c.TimeZone = ptr.To("") }, []string{`spec.timeZone: Invalid value: "": timeZone must be nil or non-empty`}},
		{"the local time zone", func(c *batchv1.CronJobSpec) { c.TimeZone = ptr.To("local") }, []string{`spec.timeZone: Invalid value: "local": timeZone must be an explicit time zone`}},
		{"a time zone of nowhere", func(c *batchv1.CronJobSpec) { c.TimeZone = ptr.To("Mars/Base") }, []string{`spec.timeZone: Invalid value: "Mars/Base": unknown time zone`}},
		{"a time zone out of bounds", func(c *batchv1.CronJobSpec) { c.TimeZone = ptr.To("../etc/passwd") }, []string{`spec.timeZone: Invalid value: "../etc/passwd"`}},
		{"a policy that is none", func(c *batchv1.CronJobSpec) { c.ConcurrencyPolicy = "Some" }, []string{`spec.concurrencyPolicy: Unsupported value: "Some"`}},
		{"negative numbers", func(c *batchv1.CronJobSpec) {
			c.StartingDeadlineSeconds, c.SuccessfulJobsHistoryLimit, c.FailedJobsHistoryLimit = ptr.To[int64](-1), ptr.To[int32](-1), ptr.To[int32](-1)
		}, []string{"spec.startingDeadlineSeconds: Invalid value: -1", "spec.successfulJobsHistoryLimit: Invalid value: -1", "spec.failedJobsHistoryLimit: Invalid value: -1"}},
		{"a selector", func(c *batchv1.CronJobSpec) {
			c.JobTemplate.Spec.Selector, c.JobTemplate.Spec.ManualSelector = webSelector(), ptr.To(true)
		}, []string{"spec.jobTemplate.spec.selector: Invalid value", "spec.jobTemplate.spec.manualSelector: Unsupported value"}},
		{"a Job that is none", func(c *batchv1.CronJobSpec) { c.JobTemplate.Spec.Template.Spec.RestartPolicy = "Always" }, []string{"spec.jobTemplate.spec.template.spec.restartPolicy: Required value"}},
	} {
		t.Run(tt.name, func(t *testing.T) { expect(t, validateCronJob(cronJob("@daily", tt.change), nil), tt.want...) })
	}
	if c := cronJob("@daily").Spec; c.ConcurrencyPolicy != "Allow" || *c.Suspend || *c.SuccessfulJobsHistoryLimit != 3 || *c.FailedJobsHistoryLimit != 1 {
		t.Errorf("by default %+v", c)
	}
}
