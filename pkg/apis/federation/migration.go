// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package federation

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

var migrations = func() kind.Kind {
	k := ident("Migration", "migrations", "migration")
	k.Namespaced = false
	k.Finalizers = []string{v1alpha1.FinalizerRollback}
	k.New = func() runtime.Object { return &v1alpha1.Migration{} }
	k.NewList = func() runtime.Object { return &v1alpha1.MigrationList{} }
	k.Spec = kind.Of(func(m *v1alpha1.Migration) any { return &m.Spec })
	k.Status = kind.Of(func(m *v1alpha1.Migration) any { return &m.Status })
	k.Validate = kind.OfBoth(validateMigration)
	k.Columns = []kind.Column{
		{Name: "From", Type: "string", Description: "Cluster that is left.", Value: kind.Of(func(m *v1alpha1.Migration) any { return m.Spec.From })},
		{Name: "To", Type: "string", Description: "Cluster that takes over.", Value: kind.Of(func(m *v1alpha1.Migration) any { return m.Spec.To })},
		{Name: "Phase", Type: "string", Description: "How far it is.", Value: kind.Of(func(m *v1alpha1.Migration) any { return string(m.Status.Phase) })},
		{Name: "Step", Type: "string", Description: "The step under way, of all.", Value: kind.Of(func(m *v1alpha1.Migration) any {
			return fmt.Sprintf("%d/%d", m.Status.Step, len(m.Spec.Steps))
		})},
		{Name: "Replicas", Type: "string", Description: "Part of the source's replicas that are placed on the target.", Value: kind.Of(func(m *v1alpha1.Migration) any { return fmt.Sprintf("%d%%", m.Status.Weight) })},
		{Name: "Traffic", Type: "string", Description: "Part of the source's clients that are answered the target.", Value: kind.Of(func(m *v1alpha1.Migration) any { return fmt.Sprintf("%d%%", m.Status.Traffic) })},
		{Name: "Workloads", Type: "string", Description: "Workloads that are where the step has them, of all.", Value: kind.Of(func(m *v1alpha1.Migration) any {
			return fmt.Sprintf("%d/%d", m.Status.ReadyWorkloads, m.Status.Workloads)
		})},
		{Name: "Failed", Type: "string", Wide: true, Description: "What failed.", Value: kind.Of(func(m *v1alpha1.Migration) any {
			if m.Status.Failure == nil {
				return ""
			}
			return m.Status.Failure.Gate
		})},
	}
	return k
}()

func validateMigration(m, old *v1alpha1.Migration) field.ErrorList {
	spec := field.NewPath("spec")
	errs := validateEnds(&m.Spec, spec)
	for i, namespace := range m.Spec.Namespaces {
		for _, msg := range validation.IsDNS1123Label(namespace) {
			errs = append(errs, field.Invalid(spec.Child("namespaces").Index(i), namespace, msg))
		}
	}
	errs = append(errs, metav1validation.ValidateLabelSelector(&m.Spec.Selector, metav1validation.LabelSelectorValidationOptions{}, spec.Child("selector"))...)
	errs = append(errs, validateSteps(m.Spec.Steps, spec.Child("steps"))...)
	errs = append(errs, validateGates(m.Spec.Gates, spec.Child("gates"))...)
	if actions := []v1alpha1.FailureAction{v1alpha1.FailurePause, v1alpha1.FailureRollback}; !slices.Contains(actions, m.Spec.OnFailure) {
		errs = append(errs, field.NotSupported(spec.Child("onFailure"), m.Spec.OnFailure, actions))
	}
	if goals := []v1alpha1.MigrationGoal{v1alpha1.GoalFinish, v1alpha1.GoalMove, v1alpha1.GoalRollback}; !slices.Contains(goals, m.Spec.Goal) {
		errs = append(errs, field.NotSupported(spec.Child("goal"), m.Spec.Goal, goals))
	}
	if d := m.Spec.ProgressDeadline; d != nil && d.Duration <= 0 {
		errs = append(errs, field.Invalid(spec.Child("progressDeadline"), d.Duration.String(), "must be more than 0"))
	}
	if m.Spec.ApprovedSteps < 0 || int(m.Spec.ApprovedSteps) > len(m.Spec.Steps) {
		errs = append(errs, field.Invalid(spec.Child("approvedSteps"), m.Spec.ApprovedSteps, fmt.Sprintf("must be between 0 and the number of steps, %d", len(m.Spec.Steps))))
	}
	return append(errs, validateChange(m, old, spec)...)
}

func validateEnds(s *v1alpha1.MigrationSpec, path *field.Path) (errs field.ErrorList) {
	for name, cluster := range map[string]string{"from": s.From, "to": s.To} {
		if cluster == "" {
			errs = append(errs, field.Required(path.Child(name), "the name of a cluster"))
			continue
		}
		for _, msg := range validation.IsDNS1123Label(cluster) {
			errs = append(errs, field.Invalid(path.Child(name), cluster, msg))
		}
	}
	if s.From == s.To && s.From != "" {
		errs = append(errs, field.Invalid(path.Child("to"), s.To, "must be another cluster than spec.from"))
	}
	return errs
}

func validateSteps(steps []v1alpha1.MigrationStep, path *field.Path) (errs field.ErrorList) {
	approvals := []v1alpha1.Approval{v1alpha1.ApprovalNotRequired, v1alpha1.ApprovalRequired}
	last := int32(-1)
	for i, step := range steps {
		at := path.Index(i)
		switch {
		case step.Weight < 0 || step.Weight > 100:
			errs = append(errs, field.Invalid(at.Child("weight"), step.Weight, "must be between 0 and 100"))
		case step.Weight <= last:
			errs = append(errs, field.Invalid(at.Child("weight"), step.Weight, "must be greater than that of the step before: to go back, roll back"))
		}
		last = step.Weight
		if step.Soak != nil && step.Soak.Duration < 0 {
			errs = append(errs, field.Invalid(at.Child("soak"), step.Soak.Duration.String(), "must not be negative"))
		}
		if !slices.Contains(approvals, step.Approval) {
			errs = append(errs, field.NotSupported(at.Child("approval"), step.Approval, approvals))
		}
	}
	if last != 100 {
		errs = append(errs, field.Invalid(path, last, "the last step must have weight 100"))
	}
	return errs
}

func validateGates(gates []v1alpha1.MigrationGate, path *field.Path) (errs field.ErrorList) {
	seen := map[string]bool{}
	for i, gate := range gates {
		at := path.Index(i)
		for _, msg := range validation.IsDNS1123Label(gate.Name) {
			errs = append(errs, field.Invalid(at.Child("name"), gate.Name, msg))
		}
		if seen[gate.Name] {
			errs = append(errs, field.Duplicate(at.Child("name"), gate.Name))
		}
		seen[gate.Name] = true
		if ptr.Deref(gate.FailureThreshold, 1) < 1 {
			errs = append(errs, field.Invalid(at.Child("failureThreshold"), *gate.FailureThreshold, "must be greater than or equal to 1"))
		}
		switch {
		case (gate.HTTP == nil) == (gate.Prometheus == nil):
			errs = append(errs, field.Required(at, "set one of http and prometheus"))
		case gate.HTTP != nil:
			errs = append(errs, validateProbeURL(gate.HTTP.URL, at.Child("http", "url"))...)
			if s := ptr.Deref(gate.HTTP.Status, 200); s < 100 || s > 599 {
				errs = append(errs, field.Invalid(at.Child("http", "status"), s, "must be an HTTP status, e.g. 200"))
			}
		default:
			errs = append(errs, validatePrometheus(gate.Prometheus, at.Child("prometheus"))...)
		}
	}
	return errs
}

func validatePrometheus(g *v1alpha1.PrometheusGate, path *field.Path) field.ErrorList {
	errs := validateProbeURL(g.Server, path.Child("server"))
	if strings.TrimSpace(g.Query) == "" {
		errs = append(errs, field.Required(path.Child("query"), "a PromQL expression"))
	}
	if g.Min == nil && g.Max == nil {
		errs = append(errs, field.Required(path, "set min, max or both"))
	}
	for name, bound := range map[string]*string{"min": g.Min, "max": g.Max} {
		if bound == nil {
			continue
		}
		if _, err := strconv.ParseFloat(*bound, 64); err != nil {
			errs = append(errs, field.Invalid(path.Child(name), *bound, "must be a decimal number, e.g. 0.01"))
		}
	}
	return errs
}

func validateProbeURL(probe string, path *field.Path) field.ErrorList {
	u, err := url.Parse(probe)
	switch {
	case probe == "":
		return field.ErrorList{field.Required(path, "an http or https URL")}
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return field.ErrorList{field.Invalid(path, "", "must be an http or https URL, e.g. https://web.example.com/healthz")}
	case u.User != nil:
		return field.ErrorList{field.Invalid(path, u.Redacted(), "must not hold a user or password: everybody who may read Migrations would")}
	}
	return nil
}

// validateChange refuses to make another migration of one that is there.
func validateChange(m, old *v1alpha1.Migration, path *field.Path) (errs field.ErrorList) {
	if old == nil {
		return nil
	}
	const fixed = "cannot be changed: delete the migration, which rolls it back, and create another"
	if m.Spec.From != old.Spec.From {
		errs = append(errs, field.Invalid(path.Child("from"), m.Spec.From, fixed))
	}
	if m.Spec.To != old.Spec.To {
		errs = append(errs, field.Invalid(path.Child("to"), m.Spec.To, fixed))
	}
	if !slices.Equal(m.Spec.Namespaces, old.Spec.Namespaces) {
		errs = append(errs, field.Invalid(path.Child("namespaces"), m.Spec.Namespaces, fixed))
	}
	if !apiequality.Semantic.DeepEqual(m.Spec.Selector, old.Spec.Selector) {
		errs = append(errs, field.Invalid(path.Child("selector"), metav1.FormatLabelSelector(&m.Spec.Selector), fixed))
	}
	if phase := old.Status.Phase; (phase == v1alpha1.MigrationFinishing || phase == v1alpha1.MigrationFinished) && m.Spec.Goal != old.Spec.Goal {
		errs = append(errs, field.Invalid(path.Child("goal"), m.Spec.Goal, "cannot be changed any more: it is "+string(phase)))
	}
	return errs
}

// Overlap says whether two migrations could move the same workload: neither namespaces nor labels keep them apart.
func Overlap(a, b *v1alpha1.Migration) bool {
	if len(a.Spec.Namespaces) > 0 && len(b.Spec.Namespaces) > 0 &&
		!slices.ContainsFunc(a.Spec.Namespaces, func(n string) bool { return slices.Contains(b.Spec.Namespaces, n) }) {
		return false
	}
	for key, value := range a.Spec.Selector.MatchLabels {
		if other, ok := b.Spec.Selector.MatchLabels[key]; ok && other != value {
			return false
		}
	}
	return true
}
