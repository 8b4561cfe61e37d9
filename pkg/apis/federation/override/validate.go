// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package override

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/kubernetes/scheme"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

var operations = []string{"add", "copy", "move", "remove", "replace", "test"}

// fixed are the paths that no override may change, and why.
var fixed = map[string]string{
	"/apiVersion":                 "what the object is cannot differ between clusters",
	"/kind":                       "what the object is cannot differ between clusters",
	"/metadata/name":              "the object has the same name in every cluster",
	"/metadata/namespace":         "the object is in the same namespace in every cluster",
	"/metadata/ownerReferences":   "owners are objects of each cluster",
	"/metadata/finalizers":        "finalizers are kept in each cluster",
	"/spec/replicas":              "Drover divides the replicas; set weights and bounds in spec.clusters",
	"/spec/completions":           "Drover divides the completions; set weights and bounds in spec.clusters",
	"/spec/parallelism":           "Drover divides the parallelism; set weights and bounds in spec.clusters",
	"/spec/selector":              "the selector is immutable",
	"/status":                     "the status is what a cluster reports",
	"/metadata/managedFields":     "fields are managed by each cluster's API server",
	"/metadata/resourceVersion":   "versions are each cluster's own",
	"/metadata/uid":               "identities are each cluster's own",
	"/metadata/generation":        "generations are each cluster's own",
	"/metadata/creationTimestamp": "times are each cluster's own",
}

// Validate checks overrides against the kinds they may touch: paths that lead nowhere, values that do not fit, and changes
// that must not be made. Each must fit one of the kinds; if it does not, what is said is what keeps it from the kind that
// it comes nearest to.
func Validate(overrides []v1alpha1.Override, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range overrides {
		o, at := &overrides[i], path.Index(i)
		if o.ClusterSelector != nil {
			errs = append(errs, metav1validation.ValidateLabelSelector(o.ClusterSelector, metav1validation.LabelSelectorValidationOptions{}, at.Child("clusterSelector"))...)
		}
		for j, name := range o.Clusters {
			for _, msg := range validation.IsDNS1123Label(name) {
				errs = append(errs, field.Invalid(at.Child("clusters").Index(j), name, msg))
			}
		}
		if len(o.JSONPatch) == 0 && o.StrategicMerge == nil {
			errs = append(errs, field.Required(at, "a jsonPatch or a strategicMerge"))
		}
		errs = append(errs, validateForAny(o, at)...)
	}
	return errs
}

// validateForAny checks an override against each kind, and returns the errors of the one that fits best; of several the
// first.
func validateForAny(o *v1alpha1.Override, at *field.Path) (best field.ErrorList) {
	for i, kind := range v1alpha1.PlacedKinds {
		obj, err := scheme.Scheme.New(kind)
		if err != nil {
			continue // no kind of Kubernetes
		}
		var errs field.ErrorList
		touched := reflect.TypeOf(obj).Elem()
		for j := range o.JSONPatch {
			errs = append(errs, validateOperation(touched, &o.JSONPatch[j], at.Child("jsonPatch").Index(j))...)
		}
		if o.StrategicMerge != nil {
			errs = append(errs, validateMerge(touched, o.StrategicMerge, at.Child("strategicMerge"))...)
		}
		if i == 0 || misfit(errs) < misfit(best) {
			best = errs
		}
	}
	return best
}

// misfit weighs errors: a field that there is, and must not be changed or not so, is nearer than none.
func misfit(errs field.ErrorList) int {
	n := 0
	for _, e := range errs {
		if n++; e.Type == field.ErrorTypeInvalid && !strings.HasSuffix(e.Field, ".value") {
			n++
		}
	}
	return n
}

func validateOperation(touched reflect.Type, op *v1alpha1.JSONPatchOperation, at *field.Path) field.ErrorList {
	if !slices.Contains(operations, op.Op) {
		return field.ErrorList{field.NotSupported(at.Child("op"), op.Op, operations)}
	}
	errs := validatePointer(touched, op.Path, op.Op != "test", at.Child("path"))
	if op.Op == "move" || op.Op == "copy" {
		errs = append(errs, validatePointer(touched, op.From, op.Op == "move", at.Child("from"))...)
	}
	if op.Op != "add" && op.Op != "replace" && op.Op != "test" || len(errs) > 0 {
		return errs
	}
	if op.Value == nil {
		return append(errs, field.Required(at.Child("value"), ""))
	}
	target, _ := resolve(touched, op.Path)
	decoder := json.NewDecoder(strings.NewReader(string(op.Value.Raw)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(reflect.New(target).Interface()); err != nil {
		errs = append(errs, field.Invalid(at.Child("value"), string(op.Value.Raw), "does not fit "+op.Path+": "+err.Error()))
	}
	return errs
}

func validatePointer(touched reflect.Type, pointer string, writes bool, at *field.Path) field.ErrorList {
	if _, err := resolve(touched, pointer); err != nil {
		return field.ErrorList{field.Invalid(at, pointer, err.Error())}
	}
	if !writes {
		return nil
	}
	for prefix, why := range fixed {
		if pointer == prefix || strings.HasPrefix(pointer, prefix+"/") {
			return field.ErrorList{field.Forbidden(at, why)}
		}
	}
	return nil
}

// resolve finds the type that a JSON Pointer leads to in a workload of a type.
func resolve(at reflect.Type, pointer string) (reflect.Type, error) {
	if !strings.HasPrefix(pointer, "/") {
		return nil, fmt.Errorf("must begin with /, e.g. /spec/template/spec/containers/0/image")
	}
	if pointer == "/" || pointer == "/spec" || pointer == "/metadata" {
		return nil, fmt.Errorf("would replace all of the workload: name the field that differs")
	}
	walked := ""
	for _, token := range strings.Split(pointer[1:], "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		next, ok := step(at, token)
		if !ok {
			return nil, fmt.Errorf("%q is not a field of %s", token, orRoot(walked))
		}
		at, walked = next, walked+"/"+token
	}
	return at, nil
}

func orRoot(walked string) string {
	if walked == "" {
		return "a workload"
	}
	return walked
}

// step goes one token down from a type.
func step(at reflect.Type, token string) (reflect.Type, bool) {
	for at.Kind() == reflect.Pointer {
		at = at.Elem()
	}
	switch at.Kind() {
	case reflect.Struct:
		return fieldNamed(at, token)
	case reflect.Map:
		return at.Elem(), true
	case reflect.Slice:
		if _, err := strconv.ParseUint(token, 10, 31); err == nil || token == "-" {
			return at.Elem(), true
		}
	}
	return nil, false
}

func fieldNamed(at reflect.Type, name string) (reflect.Type, bool) {
	for i := range at.NumField() {
		f := at.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == name {
			return f.Type, true
		}
		if f.Anonymous && (tag == "" || strings.Contains(options, "inline")) {
			if found, ok := fieldNamed(f.Type, name); ok {
				return found, true
			}
		}
	}
	return nil, false
}

func validateMerge(touched reflect.Type, patch *v1alpha1.JSON, at *field.Path) field.ErrorList {
	var content map[string]any
	if err := json.Unmarshal(patch.Raw, &content); err != nil {
		return field.ErrorList{field.Invalid(at, string(patch.Raw), "must be an object")}
	}
	errs := validateWhole(content, at)
	for prefix, why := range fixed {
		if contains(content, strings.Split(prefix[1:], "/")) {
			errs = append(errs, field.Forbidden(at, strings.ReplaceAll(prefix[1:], "/", ".")+": "+why))
		}
	}
	// What it comes to on an empty workload must be a workload.
	merged, err := strategicpatch.StrategicMergePatch([]byte(`{}`), patch.Raw, reflect.New(touched).Interface())
	if err == nil {
		decoder := json.NewDecoder(strings.NewReader(string(merged)))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(reflect.New(touched).Interface())
	}
	if err != nil {
		errs = append(errs, field.Invalid(at, string(patch.Raw), err.Error()))
	}
	return errs
}

// validateWhole refuses patches that remove or replace all of a workload, its metadata or its spec.
func validateWhole(content map[string]any, at *field.Path) field.ErrorList {
	var errs field.ErrorList
	const directive, merge = "$patch", "merge"
	check := func(part any, what string) {
		object, ok := part.(map[string]any)
		if operation, given := object[directive]; !ok || given && operation != merge {
			errs = append(errs, field.Forbidden(at, "would replace or remove "+what+": name the field that differs"))
		}
	}
	check(content, "all of the workload")
	for _, part := range []string{"metadata", "spec"} {
		if value, given := content[part]; given {
			check(value, "all of its "+part)
		}
	}
	return errs
}

func contains(content map[string]any, path []string) bool {
	value, ok := content[path[0]]
	if !ok || len(path) == 1 {
		return ok
	}
	child, ok := value.(map[string]any)
	return ok && contains(child, path[1:])
}
