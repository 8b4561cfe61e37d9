// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package placementreview answers where a workload would be placed, by the decision that the controllers make.
package placementreview

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/controllers/schedule/decision"
)

// Stores are where the review reads the federation. Each reads as of the namespace in the context.
type Stores struct {
	Clusters, Policies rest.Lister
	Placements         rest.Getter
	Deployments        interface {
		rest.Getter
		rest.Lister
	}
}

// Options are what the review is made of.
type Options struct {
	Stores
	// Decoder reads the objects in a review strictly, Scheme fills in their defaults, Kinds checks them by their Go type.
	Decoder runtime.Decoder
	Scheme  *runtime.Scheme
	Kinds   []kind.Kind
}

// REST serves PlacementReviews.
type REST struct {
	Options
}

var (
	_ rest.Creater              = &REST{}
	_ rest.Scoper               = &REST{}
	_ rest.SingularNameProvider = &REST{}
)

// New makes the storage of PlacementReviews, which stores nothing.
func New(options Options) *REST { return &REST{Options: options} }

// New returns an empty review.
func (r *REST) New() runtime.Object { return &v1alpha1.PlacementReview{} }

// Destroy does nothing.
func (r *REST) Destroy() {}

// NamespaceScoped is true: a review is of a workload of its namespace.
func (r *REST) NamespaceScoped() bool { return true }

// GetSingularName is the name kubectl takes for one.
func (r *REST) GetSingularName() string { return "placementreview" }

// Create answers a review.
func (r *REST) Create(ctx context.Context, obj runtime.Object, validate rest.ValidateObjectFunc, _ *metav1.CreateOptions) (runtime.Object, error) {
	review, ok := obj.(*v1alpha1.PlacementReview)
	if !ok {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("expected a PlacementReview, got %T", obj))
	}
	if validate != nil {
		if err := validate(ctx, obj.DeepCopyObject()); err != nil {
			return nil, err
		}
	}
	namespace := request.NamespaceValue(ctx)
	review.Namespace = namespace
	spec := field.NewPath("spec")
	var d appsv1.Deployment
	errs := r.decode(review.Spec.Workload, &d, namespace, spec.Child("workload"))
	policies := make([]*v1alpha1.PlacementPolicy, len(review.Spec.Policies))
	for i := range policies {
		policies[i] = &v1alpha1.PlacementPolicy{}
		errs = append(errs, r.decode(review.Spec.Policies[i], policies[i], namespace, spec.Child("policies").Index(i))...)
	}
	if len(errs) > 0 {
		return nil, apierrors.NewInvalid(v1alpha1.SchemeGroupVersion.WithKind("PlacementReview").GroupKind(), review.Name, errs)
	}
	federation := NewFederation(ctx, r.Stores, policies...)
	stored, err := federation.Deployment(namespace, d.Name)
	if err != nil {
		return nil, err
	}
	d.UID, d.Generation = "", 1
	if stored != nil {
		d.UID, d.Generation = stored.UID, stored.Generation
		if !apiequality.Semantic.DeepEqual(d.Spec, stored.Spec) {
			d.Generation++
		}
	}
	answer, now, err := Answer(federation, &d)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	review.Status = v1alpha1.PlacementReviewStatus{Placement: answer, Changes: decision.Changes(now, &answer)}
	return review, nil
}

// Answer decides where a Deployment goes, and finds what is in force now; nil if nothing is.
func Answer(f decision.Federation, d *appsv1.Deployment) (then v1alpha1.PlacementSpec, now *v1alpha1.PlacementSpec, err error) {
	placement, err := f.Placement(d.Namespace, v1alpha1.PlacementName("Deployment", d.Name))
	if err != nil {
		return then, nil, err
	}
	now = decision.CurrentOf(placement, string(d.UID))
	then, _, err = decision.Deployment(f, d, time.Now())
	then.Workload = v1alpha1.WorkloadReference{APIVersion: "apps/v1", Kind: "Deployment", Name: d.Name, UID: string(d.UID)}
	return then, now, err
}

// decode reads an object out of a review as if it were created: strictly, with its defaults, and checked.
func (r *REST) decode(value v1alpha1.JSON, into runtime.Object, namespace string, path *field.Path) field.ErrorList {
	decoded, _, err := r.Decoder.Decode(value.Raw, nil, into)
	if err != nil {
		return field.ErrorList{field.Invalid(path, string(value.Raw), err.Error())}
	}
	if decoded != into {
		return field.ErrorList{field.Invalid(path, fmt.Sprintf("%T", decoded), fmt.Sprintf("must be a %T", into))}
	}
	m := into.(metav1.Object)
	switch {
	case m.GetName() == "":
		return field.ErrorList{field.Required(path.Child("metadata", "name"), "")}
	case m.GetNamespace() != "" && m.GetNamespace() != namespace:
		return field.ErrorList{field.Invalid(path.Child("metadata", "namespace"), m.GetNamespace(), "must be the namespace of the review, "+namespace)}
	}
	m.SetNamespace(namespace)
	r.Scheme.Default(into)
	for _, k := range r.Kinds {
		if fmt.Sprintf("%T", k.New()) != fmt.Sprintf("%T", into) || k.Validate == nil {
			continue
		}
		errs := k.Validate(into, nil)
		for _, e := range errs {
			e.Field = path.Child(e.Field).String()
		}
		return errs
	}
	return nil
}
