// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package registry

import (
	"context"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

// strategy is how objects of a kind are created, updated and deleted.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	kind kind.Kind
}

var (
	_ rest.RESTCreateStrategy              = strategy{}
	_ rest.RESTUpdateStrategy              = strategy{}
	_ rest.GarbageCollectionDeleteStrategy = strategy{}
)

func newStrategy(k kind.Kind, typer runtime.ObjectTyper) strategy {
	return strategy{ObjectTyper: typer, NameGenerator: names.SimpleNameGenerator, kind: k}
}

func (s strategy) NamespaceScoped() bool                         { return s.kind.Namespaced }
func (s strategy) AllowCreateOnUpdate(context.Context) bool      { return false }
func (s strategy) AllowUnconditionalUpdate(context.Context) bool { return true }
func (s strategy) Canonicalize(runtime.Object)                   {}

// DefaultGarbageCollectionPolicy deletes what Drover made of a workload with it, unless the client asks to orphan it.
// Other objects have no dependents: for them there is nobody to remove the finalizers that a client's wish would set.
func (s strategy) DefaultGarbageCollectionPolicy(context.Context) rest.GarbageCollectionPolicy {
	if !slices.Contains(s.kind.Finalizers, v1alpha1.FinalizerSync) {
		return rest.Unsupported
	}
	return rest.DeleteDependents
}

// GetResetFields says what a write of the main resource never changes.
func (s strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	if s.kind.Status == nil {
		return nil
	}
	return s.resetFields("status")
}

func (s strategy) resetFields(names ...string) map[fieldpath.APIVersion]*fieldpath.Set {
	set := fieldpath.NewSet()
	for _, name := range names {
		set.Insert(fieldpath.MakePathOrDie(name))
	}
	out := map[fieldpath.APIVersion]*fieldpath.Set{}
	for _, gv := range s.kind.GroupVersions() {
		out[fieldpath.APIVersion(gv.String())] = set
	}
	return out
}

func (s strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	if s.kind.Status != nil {
		reflect.ValueOf(s.kind.Status(obj)).Elem().SetZero()
	}
	m := accessor(obj)
	if s.kind.Spec != nil {
		m.SetGeneration(1)
	}
	for _, finalizer := range s.kind.Finalizers {
		if s.kind.IsUnplaced(obj) {
			break // nobody would remove it
		}
		if !slices.Contains(m.GetFinalizers(), finalizer) {
			m.SetFinalizers(append(m.GetFinalizers(), finalizer))
		}
	}
	if s.kind.Prepare != nil {
		s.kind.Prepare(obj, nil)
	}
}

func (s strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	if s.kind.Status != nil {
		setStatus(s.kind, obj, old)
	}
	if s.kind.Prepare != nil {
		s.kind.Prepare(obj, old)
	}
	if s.kind.Spec != nil {
		generation := accessor(old).GetGeneration()
		if s.kind.SpecChanged(obj, old) {
			generation++
		}
		accessor(obj).SetGeneration(generation)
	}
}

func (s strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	validateName := validation.IsDNS1123Subdomain
	if s.kind.ValidateName != nil {
		validateName = s.kind.ValidateName
	}
	if accessor(obj).GetName() == "" {
		return field.ErrorList{field.Required(field.NewPath("metadata", "name"), "name or generateName is required")}
	}
	var errs field.ErrorList
	for _, msg := range validateName(accessor(obj).GetName()) {
		errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), accessor(obj).GetName(), msg))
	}
	if len(errs) > 0 || s.kind.Validate == nil {
		return errs
	}
	return FirstErrors(s.kind.Validate(obj, nil))
}

func (s strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	if s.kind.Validate == nil {
		return nil
	}
	return FirstErrors(s.kind.Validate(obj, old))
}

func (s strategy) WarningsOnCreate(_ context.Context, obj runtime.Object) []string {
	return s.warnings(obj, nil)
}

func (s strategy) WarningsOnUpdate(_ context.Context, obj, old runtime.Object) []string {
	return s.warnings(obj, old)
}

func (s strategy) warnings(obj, old runtime.Object) []string {
	if s.kind.Warnings == nil {
		return nil
	}
	return s.kind.Warnings(obj, old)
}

// setStatus gives obj the status of from.
func setStatus(k kind.Kind, obj, from runtime.Object) {
	reflect.ValueOf(k.Status(obj)).Elem().Set(reflect.ValueOf(k.Status(from)).Elem())
}

func accessor(obj runtime.Object) metav1.Object {
	m, err := meta.Accessor(obj)
	if err != nil {
		panic(err) // every kind of the tables has object metadata
	}
	return m
}
