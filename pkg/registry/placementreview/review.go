// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package placementreview answers where a workload would be placed, by the decision that the controllers make.
package placementreview

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/controllers/schedule/decision"
	"drover.dev/drover/pkg/controllers/workload"
	"drover.dev/drover/pkg/registry"
)

const (
	// maxPolicies is how many policies one review may bring: all are read for each answer.
	maxPolicies = 1000
	// excerptLength is how many bytes of a bad object are shown beside what is wrong with it.
	excerptLength = 1000
)

// Stores are where the review reads the federation. Each reads as of the namespace in the context.
type Stores struct {
	Clusters, Policies, Autoscalers, Migrations rest.Lister
	Placements                                  rest.Getter
	// Workloads are those of each kind that policies place.
	Workloads map[*workload.Kind]Store
}

// Store is what is read of one.
type Store interface {
	rest.Getter
	rest.Lister
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
	asked, errs := r.workload(ctx, review.Spec.Workload, namespace, spec.Child("workload"))
	if given := len(review.Spec.Policies); given > maxPolicies {
		errs, review.Spec.Policies = append(errs, field.TooMany(spec.Child("policies"), given, maxPolicies)), nil
	}
	policies := make([]*v1alpha1.PlacementPolicy, len(review.Spec.Policies))
	for i := range policies {
		policies[i] = &v1alpha1.PlacementPolicy{}
		errs = append(errs, r.decode(review.Spec.Policies[i], policies[i], namespace, spec.Child("policies").Index(i))...)
	}
	if len(errs) > 0 {
		return nil, apierrors.NewInvalid(v1alpha1.SchemeGroupVersion.WithKind("PlacementReview").GroupKind(), review.Name, registry.FirstErrors(errs))
	}
	federation := without{NewFederation(ctx, r.Stores, policies...), review.Spec.Without}
	placed := workload.KindOf(asked)
	stored, err := federation.Workload(workload.KeyFor(placed, asked))
	if err != nil {
		return nil, err
	}
	asked.SetUID("")
	asked.SetGeneration(1)
	if stored != nil {
		asked.SetUID(stored.GetUID())
		asked.SetGeneration(stored.GetGeneration())
		if k := r.row(asked); k != nil && k.SpecChanged(asked, stored) {
			asked.SetGeneration(stored.GetGeneration() + 1)
		}
	}
	answer, now, err := Answer(federation, placed, asked)
	if err != nil {
		return nil, apierrors.NewInternalError(err)
	}
	review.Status = v1alpha1.PlacementReviewStatus{Placement: answer, Changes: decision.Changes(now, &answer)}
	return review, nil
}

// Answer decides where a workload of a kind goes, and finds what is in force now; nil if nothing is.
func Answer(f decision.Federation, placed *workload.Kind, obj workload.Object) (then v1alpha1.PlacementSpec, now *v1alpha1.PlacementSpec, err error) {
	key := workload.KeyFor(placed, obj)
	placement, err := f.Placement(key.Namespace, key.PlacementName())
	if err != nil {
		return then, nil, err
	}
	now = decision.CurrentOf(placement, string(obj.GetUID()))
	then, _, err = decision.Place(f, placed, obj, time.Now())
	then.Workload = key.Reference(string(obj.GetUID()))
	return then, now, err
}

// workload reads the object of a review, of any kind that policies place.
func (r *REST) workload(ctx context.Context, value v1alpha1.JSON, namespace string, path *field.Path) (workload.Object, field.ErrorList) {
	var names []string
	var what struct {
		metav1.PartialObjectMetadata
		Spec json.RawMessage `json:"spec"`
	}
	_ = json.Unmarshal(value.Raw, &what) // what is none says no kind
	for _, gvk := range v1alpha1.PlacedKinds {
		if gvk != what.GroupVersionKind() {
			names = append(names, gvk.Kind)
			continue
		}
		if what.Spec == nil {
			return r.stored(ctx, gvk, namespace, what.Name, path)
		}
		obj, err := r.Scheme.New(gvk)
		if err != nil {
			return nil, field.ErrorList{field.InternalError(path, err)}
		}
		return obj.(workload.Object), r.decode(value, obj, namespace, path)
	}
	return nil, field.ErrorList{field.Invalid(path, excerpt(value), "must be a whole object, with apiVersion and kind, of one of "+strings.Join(names, ", "))}
}

// stored reads the workload of that name.
func (r *REST) stored(ctx context.Context, gvk schema.GroupVersionKind, namespace, name string, path *field.Path) (workload.Object, field.ErrorList) {
	if name == "" {
		return nil, field.ErrorList{field.Required(path.Child("metadata", "name"), "")}
	}
	obj, err := get[workload.Object](ctx, r.Workloads[workload.KindFor(gvk)], namespace, name)
	switch {
	case err != nil:
		return nil, field.ErrorList{field.InternalError(path, err)}
	case obj == nil:
		return nil, field.ErrorList{field.NotFound(path.Child("metadata", "name"), name)}
	}
	return obj.DeepCopyObject().(workload.Object), nil
}

// decode reads an object out of a review as if it were created: strictly, with its defaults, and checked.
func (r *REST) decode(value v1alpha1.JSON, into runtime.Object, namespace string, path *field.Path) field.ErrorList {
	decoded, _, err := r.Decoder.Decode(value.Raw, nil, into)
	if err != nil {
		return field.ErrorList{field.Invalid(path, excerpt(value), err.Error())}
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
	if k := r.row(into); k != nil && k.Validate != nil {
		errs := k.Validate(into, nil)
		for _, e := range errs {
			e.Field = path.Child(e.Field).String()
		}
		return errs
	}
	return nil
}

// excerpt is how an object begins.
func excerpt(value v1alpha1.JSON) string {
	if len(value.Raw) <= excerptLength {
		return string(value.Raw)
	}
	return string(value.Raw[:excerptLength]) + "..."
}

// row finds what is known of the kind of an object; nil if it is not served.
func (r *REST) row(obj runtime.Object) *kind.Kind {
	for i := range r.Kinds {
		if reflect.TypeOf(r.Kinds[i].New()) == reflect.TypeOf(obj) {
			return &r.Kinds[i]
		}
	}
	return nil
}
