// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var jobs = func() kind.Kind {
	k := ident(batchv1.SchemeGroupVersion, "Job", "jobs", "job")
	k.Categories = []string{"all"}
	k.New = func() runtime.Object { return &batchv1.Job{} }
	k.NewList = func() runtime.Object { return &batchv1.JobList{} }
	k.Status = kind.Of(func(j *batchv1.Job) any { return &j.Status })
	k.Spec = kind.Of(func(j *batchv1.Job) any { return &j.Spec })
	k.Finalizers = []string{v1alpha1.FinalizerSync}
	k.Default = kind.On(setJobDefaults)
	k.Validate = kind.OfBoth(validateJob)
	k.Fields = kind.Of(func(j *batchv1.Job) fields.Set {
		return fields.Set{"status.successful": strconv.Itoa(int(j.Status.Succeeded))}
	})
	k.Columns = []kind.Column{
		{Name: "Status", Type: "string", Description: "Running, or how the Job ended.", Value: kind.Of(func(j *batchv1.Job) any { return jobStatus(j) })},
		{Name: "Completions", Type: "string", Description: "Pods that succeeded, of those that are to, over all clusters.", Value: kind.Of(func(j *batchv1.Job) any { return jobCompletions(j) })},
		{Name: "Duration", Type: "string", Description: "Time from the start to the end, or until now.", Value: kind.Of(func(j *batchv1.Job) any { return jobDuration(j) })},
		{Name: "Clusters", Type: "string", Description: "Clusters the Job runs on.", Clusters: true},
	}
	k.Columns = append(k.Columns, podColumns(
		func(j *batchv1.Job) *corev1.PodTemplateSpec { return &j.Spec.Template },
		func(j *batchv1.Job) *metav1.LabelSelector { return j.Spec.Selector })...)
	return k
}()

// jobStatus is the first that is true of these conditions; a Job without any is running.
func jobStatus(j *batchv1.Job) string {
	is := func(conditions ...batchv1.JobConditionType) string {
		for _, name := range conditions {
			if slices.ContainsFunc(j.Status.Conditions, func(c batchv1.JobCondition) bool { return c.Type == name && c.Status == corev1.ConditionTrue }) {
				return string(name)
			}
		}
		return ""
	}
	if ended := is(batchv1.JobComplete, batchv1.JobFailed); ended != "" {
		return ended
	}
	if j.DeletionTimestamp != nil {
		return "Terminating"
	}
	if state := is(batchv1.JobSuspended, batchv1.JobFailureTarget, batchv1.JobSuccessCriteriaMet); state != "" {
		return state
	}
	return "Running"
}

func jobCompletions(j *batchv1.Job) string {
	switch parallelism := ptr.Deref(j.Spec.Parallelism, 0); {
	case j.Spec.Completions != nil:
		return fmt.Sprintf("%d/%d", j.Status.Succeeded, *j.Spec.Completions)
	case parallelism > 1:
		return fmt.Sprintf("%d/1 of %d", j.Status.Succeeded, parallelism)
	default:
		return fmt.Sprintf("%d/1", j.Status.Succeeded)
	}
}

func jobDuration(j *batchv1.Job) string {
	if j.Status.StartTime == nil {
		return ""
	}
	end := ptr.Deref(j.Status.CompletionTime, metav1.NewTime(time.Now()))
	return duration.HumanDuration(end.Sub(j.Status.StartTime.Time))
}

func setJobDefaults(j *batchv1.Job) {
	setPodTemplateDefaults(&j.Spec.Template)
	if j.Spec.Parallelism == nil {
		j.Spec.Parallelism = ptr.To[int32](1)
		if j.Spec.Completions == nil {
			j.Spec.Completions = ptr.To[int32](1)
		}
	}
	if j.Spec.BackoffLimit == nil && j.Spec.BackoffLimitPerIndex == nil {
		j.Spec.BackoffLimit = ptr.To[int32](6)
	}
	if j.Spec.CompletionMode == nil {
		j.Spec.CompletionMode = ptr.To(batchv1.NonIndexedCompletion)
	}
	if j.Spec.Suspend == nil {
		j.Spec.Suspend = ptr.To(false)
	}
}

func validateJob(j, old *batchv1.Job) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateJobSpec(&j.Spec, spec)
	errs = append(errs, validateJobSelector(&j.Spec, spec)...)
	if indexed(&j.Spec) && ptr.Deref(j.Spec.Completions, 0) > 0 {
		host := fmt.Sprintf("%s-%d", j.Name, *j.Spec.Completions-1)
		if len(validation.IsDNS1123Label(host)) > 0 {
			errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), j.Name, "will not able to create pod with invalid DNS label: "+host))
		}
	}
	if old != nil {
		errs = append(errs, validateJobUpdate(&j.Spec, &old.Spec, spec)...)
	}
	return errs
}

func indexed(j *batchv1.JobSpec) bool {
	return ptr.Deref(j.CompletionMode, batchv1.NonIndexedCompletion) == batchv1.IndexedCompletion
}

// validateJobSpec checks what Jobs and the Jobs of CronJobs have in common.
func validateJobSpec(j *batchv1.JobSpec, spec *field.Path) field.ErrorList {
	var errs field.ErrorList
	for _, number := range []struct {
		name  string
		value *int32
	}{
		{"parallelism", j.Parallelism},
		{"completions", j.Completions},
		{"backoffLimit", j.BackoffLimit},
		{"backoffLimitPerIndex", j.BackoffLimitPerIndex},
		{"maxFailedIndexes", j.MaxFailedIndexes},
		{"ttlSecondsAfterFinished", j.TTLSecondsAfterFinished},
	} {
		errs = append(errs, validateNonnegative(number.value, spec.Child(number.name))...)
	}
	errs = append(errs, validateNonnegative(j.ActiveDeadlineSeconds, spec.Child("activeDeadlineSeconds"))...)
	if modes := []batchv1.CompletionMode{batchv1.IndexedCompletion, batchv1.NonIndexedCompletion}; j.CompletionMode != nil && !slices.Contains(modes, *j.CompletionMode) {
		errs = append(errs, field.NotSupported(spec.Child("completionMode"), *j.CompletionMode, modes))
	}
	errs = append(errs, validateIndexes(j, spec)...)
	errs = append(errs, validatePodTemplate(&j.Template, spec.Child("template"))...)

	restart, policy := spec.Child("template", "spec", "restartPolicy"), j.Template.Spec.RestartPolicy
	switch policies := []corev1.RestartPolicy{corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure}; {
	case policy == "" || policy == corev1.RestartPolicyAlways:
		errs = append(errs, field.Required(restart, fmt.Sprintf("valid values: %q, %q", corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)))
	case !slices.Contains(policies, policy):
		errs = append(errs, field.NotSupported(restart, policy, policies))
	case j.PodFailurePolicy != nil && policy != corev1.RestartPolicyNever:
		errs = append(errs, field.Invalid(restart, policy, fmt.Sprintf("only %q is supported when podFailurePolicy is specified", corev1.RestartPolicyNever)))
	}
	return errs
}

func validateIndexes(j *batchv1.JobSpec, spec *field.Path) field.ErrorList {
	var errs field.ErrorList
	if indexed(j) {
		if j.Completions == nil {
			errs = append(errs, field.Required(spec.Child("completions"), fmt.Sprintf("when completion mode is %s", batchv1.IndexedCompletion)))
		}
		if j.MaxFailedIndexes != nil && j.BackoffLimitPerIndex == nil {
			errs = append(errs, field.Required(spec.Child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"))
		}
		return errs
	}
	const reason = "requires indexed completion mode"
	if j.BackoffLimitPerIndex != nil {
		errs = append(errs, field.Invalid(spec.Child("backoffLimitPerIndex"), *j.BackoffLimitPerIndex, reason))
	}
	if j.MaxFailedIndexes != nil {
		errs = append(errs, field.Invalid(spec.Child("maxFailedIndexes"), *j.MaxFailedIndexes, reason))
	}
	if j.SuccessPolicy != nil {
		errs = append(errs, field.Invalid(spec.Child("successPolicy"), *j.SuccessPolicy, reason))
	}
	return errs
}

// validateJobSelector leaves the selector to each cluster, which makes it of the UID that the Job has there.
func validateJobSelector(j *batchv1.JobSpec, spec *field.Path) field.ErrorList {
	path, manual := spec.Child("selector"), ptr.Deref(j.ManualSelector, false)
	switch {
	case !manual && j.Selector != nil:
		return field.ErrorList{field.Invalid(path, j.Selector, "`selector` not auto-generated: leave it out, each cluster generates its own, or set `manualSelector`")}
	case !manual:
		return nil
	case j.Selector == nil:
		return field.ErrorList{field.Required(path, "when `manualSelector` is set")}
	}
	if errs := validateSelector(j.Selector, path); len(errs) > 0 {
		return errs
	}
	return validateTemplateMatches(j.Selector, j.Template.Labels, spec)
}

func validateJobUpdate(j, old *batchv1.JobSpec, spec *field.Path) field.ErrorList {
	errs := validateUnchanged(j.Selector, old.Selector, spec.Child("selector"))
	errs = append(errs, validateUnchanged(j.CompletionMode, old.CompletionMode, spec.Child("completionMode"))...)
	errs = append(errs, validateUnchanged(j.PodFailurePolicy, old.PodFailurePolicy, spec.Child("podFailurePolicy"))...)
	errs = append(errs, validateUnchanged(j.SuccessPolicy, old.SuccessPolicy, spec.Child("successPolicy"))...)
	errs = append(errs, validateUnchanged(j.BackoffLimitPerIndex, old.BackoffLimitPerIndex, spec.Child("backoffLimitPerIndex"))...)
	errs = append(errs, validateUnchanged(j.ManagedBy, old.ManagedBy, spec.Child("managedBy"))...)
	switch completions := spec.Child("completions"); {
	case !indexed(j):
		errs = append(errs, validateUnchanged(j.Completions, old.Completions, completions)...)
	case j.Completions != nil && !ptr.Equal(j.Completions, old.Completions) && !ptr.Equal(j.Completions, j.Parallelism):
		errs = append(errs, field.Invalid(completions, *j.Completions, "can only be modified in tandem with spec.parallelism"))
	}
	// Of a suspended Job, some of the template may change yet. Which, its clusters know.
	if !ptr.Deref(old.Suspend, false) {
		errs = append(errs, validateUnchanged(j.Template, old.Template, spec.Child("template"))...)
	}
	return errs
}

func validateNonnegative[T int32 | int64](value *T, path *field.Path) field.ErrorList {
	if value == nil || *value >= 0 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *value, apivalidation.IsNegativeErrorMsg)}
}
