// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"encoding/json"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"drover.dev/drover/pkg/apis/kind"
)

var controllerRevisions = func() kind.Kind {
	k := ident(appsv1.SchemeGroupVersion, "ControllerRevision", "controllerrevisions", "controllerrevision")
	k.New = func() runtime.Object { return &appsv1.ControllerRevision{} }
	k.NewList = func() runtime.Object { return &appsv1.ControllerRevisionList{} }
	k.Validate = kind.OfBoth(validateControllerRevision)
	k.Columns = []kind.Column{
		{Name: "Controller", Type: "string", Description: "Controller of the object.", Value: kind.Of(func(r *appsv1.ControllerRevision) any { return controllerOf(r) })},
		{Name: "Revision", Type: "string", Description: "Number of the revision.", Value: kind.Of(func(r *appsv1.ControllerRevision) any { return r.Revision })},
	}
	return k
}()

// controllerOf names an object's controller as kubectl does: statefulset.apps/web.
func controllerOf(obj metav1.Object) string {
	owner := metav1.GetControllerOf(obj)
	if owner == nil {
		return "<none>"
	}
	gvk := schema.FromAPIVersionAndKind(owner.APIVersion, owner.Kind)
	return strings.ToLower(gvk.GroupKind().String()) + "/" + owner.Name
}

func validateControllerRevision(r, old *appsv1.ControllerRevision) field.ErrorList {
	data := field.NewPath("data")
	errs := apivalidation.ValidateNonnegativeField(r.Revision, field.NewPath("revision"))
	if old != nil {
		return append(errs, validateUnchanged(r.Data, old.Data, data)...)
	}
	var content any
	if len(r.Data.Raw) == 0 {
		return append(errs, field.Required(data, "data is mandatory"))
	}
	if err := json.Unmarshal(r.Data.Raw, &content); err != nil {
		return append(errs, field.Invalid(data, "<value omitted>", "error parsing data: "+err.Error()))
	}
	if _, ok := content.(map[string]any); !ok {
		return append(errs, field.Required(data, "data must be a valid JSON object"))
	}
	return errs
}
