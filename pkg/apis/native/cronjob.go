// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones are known on any machine

	"github.com/robfig/cron/v3"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

// maxCronJobName leaves room in a label for the eleven characters that are added to the names of a CronJob's Jobs.
const maxCronJobName = 52

var cronJobs = func() kind.Kind {
	k := ident(batchv1.SchemeGroupVersion, "CronJob", "cronjobs", "cronjob", "cj")
	k.Categories = []string{"all"}
	k.New = func() runtime.Object { return &batchv1.CronJob{} }
	k.NewList = func() runtime.Object { return &batchv1.CronJobList{} }
	k.Status = kind.Of(func(c *batchv1.CronJob) any { return &c.Status })
	k.Spec = kind.Of(func(c *batchv1.CronJob) any { return &c.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Default = kind.On(setCronJobDefaults)
	k.ValidateName = validateCronJobName
	k.Validate = kind.OfBoth(validateCronJob)
	k.Columns = []kind.Column{
		{Name: "Schedule", Type: "string", Description: "When Jobs are started, in cron format.", Value: kind.Of(func(c *batchv1.CronJob) any { return c.Spec.Schedule })},
		{Name: "Timezone", Type: "string", Description: "Time zone of the schedule.", Value: kind.Of(func(c *batchv1.CronJob) any { return ptr.Deref(c.Spec.TimeZone, "<none>") })},
		{Name: "Suspend", Type: "boolean", Description: "Whether no Jobs are started for now.", Value: kind.Of(func(c *batchv1.CronJob) any {
			if ptr.Deref(c.Spec.Suspend, false) {
				return "True"
			}
			return "False"
		})},
		{Name: "Active", Type: "integer", Description: "Jobs that run, over all clusters.", Value: kind.Of(func(c *batchv1.CronJob) any { return int64(len(c.Status.Active)) })},
		{Name: "Last Schedule", Type: "string", Description: "Time since a Job was last started.", Value: kind.Of(func(c *batchv1.CronJob) any {
			if c.Status.LastScheduleTime == nil {
				return "<none>"
			}
			return duration.HumanDuration(time.Since(c.Status.LastScheduleTime.Time))
		})},
		{Name: "Clusters", Type: "string", Description: "Clusters the CronJob runs on.", Clusters: true},
	}
	k.Columns = append(k.Columns, podColumns(
		func(c *batchv1.CronJob) *corev1.PodTemplateSpec { return &c.Spec.JobTemplate.Spec.Template },
		func(c *batchv1.CronJob) *metav1.LabelSelector { return c.Spec.JobTemplate.Spec.Selector })...)
	return k
}()

func setCronJobDefaults(c *batchv1.CronJob) {
	setPodTemplateDefaults(&c.Spec.JobTemplate.Spec.Template)
	if c.Spec.ConcurrencyPolicy == "" {
		c.Spec.ConcurrencyPolicy = batchv1.AllowConcurrent
	}
	if c.Spec.Suspend == nil {
		c.Spec.Suspend = ptr.To(false)
	}
	if c.Spec.SuccessfulJobsHistoryLimit == nil {
		c.Spec.SuccessfulJobsHistoryLimit = ptr.To[int32](3)
	}
	if c.Spec.FailedJobsHistoryLimit == nil {
		c.Spec.FailedJobsHistoryLimit = ptr.To[int32](1)
	}
}

func validateCronJobName(name string) []string {
	msgs := validation.IsDNS1123Subdomain(name)
	if len(name) > maxCronJobName {
		msgs = append(msgs, fmt.Sprintf("must be no more than %d characters", maxCronJobName))
	}
	return msgs
}

var concurrencyPolicies = []batchv1.ConcurrencyPolicy{batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent}

func validateCronJob(c, _ *batchv1.CronJob) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateSchedule(c.Spec.Schedule, spec.Child("schedule"))
	errs = append(errs, validateTimeZone(c.Spec.TimeZone, spec.Child("timeZone"))...)
	if !slices.Contains(concurrencyPolicies, c.Spec.ConcurrencyPolicy) {
		errs = append(errs, field.NotSupported(spec.Child("concurrencyPolicy"), c.Spec.ConcurrencyPolicy, concurrencyPolicies))
	}
	errs = append(errs, validateNonnegative(c.Spec.StartingDeadlineSeconds, spec.Child("startingDeadlineSeconds"))...)
	errs = append(errs, validateNonnegative(c.Spec.SuccessfulJobsHistoryLimit, spec.Child("successfulJobsHistoryLimit"))...)
	errs = append(errs, validateNonnegative(c.Spec.FailedJobsHistoryLimit, spec.Child("failedJobsHistoryLimit"))...)
	return append(errs, validateCronJobTemplate(&c.Spec.JobTemplate.Spec, spec.Child("jobTemplate", "spec"))...)
}

// validateCronJobTemplate wants no selector: each Job that is made of the template gets one of its own.
func validateCronJobTemplate(j *batchv1.JobSpec, spec *field.Path) field.ErrorList {
	errs := validateJobSpec(j, spec)
	if j.Selector != nil {
		errs = append(errs, field.Invalid(spec.Child("selector"), j.Selector, "`selector` will be auto-generated"))
	}
	if ptr.Deref(j.ManualSelector, false) {
		errs = append(errs, field.NotSupported(spec.Child("manualSelector"), *j.ManualSelector, []string{"nil", "false"}))
	}
	return errs
}

func validateSchedule(schedule string, path *field.Path) field.ErrorList {
	if schedule == "" {
		return field.ErrorList{field.Required(path, "")}
	}
	if strings.Contains(schedule, "TZ") { // the parser would panic on some of these
		return field.ErrorList{field.Invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")}
	}
	if _, err := cron.ParseStandard(schedule); err != nil {
		return field.ErrorList{field.Invalid(path, schedule, err.Error())}
	}
	return nil
}

func validateTimeZone(zone *string, path *field.Path) field.ErrorList {
	switch {
	case zone == nil:
		return nil
	case *zone == "":
		return field.ErrorList{field.Invalid(path, *zone, "timeZone must be nil or non-empty string")}
	case strings.EqualFold(*zone, "Local"):
		return field.ErrorList{field.Invalid(path, *zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")}
	}
	if _, err := time.LoadLocation(*zone); err != nil {
		return field.ErrorList{field.Invalid(path, *zone, err.Error())}
	}
	return nil
}
