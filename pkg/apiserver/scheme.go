// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"drover.dev/drover/pkg/apis/federation"
	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/apis/native"
)

var (
	// Scheme holds every type served, each under its version and, as the same Go type, under its internal version:
	// there is one version of everything, so nothing is ever converted.
	Scheme = runtime.NewScheme()
	// Codecs decode and encode the types of Scheme.
	Codecs = serializer.NewCodecFactory(Scheme)
	// openAPIScheme names the types in OpenAPI. It must not know of internal versions.
	openAPIScheme = runtime.NewScheme()
)

// kinds are all the kinds stored here.
var kinds = append(native.Kinds(), federation.Kinds()...)

// groupVersions are all API groups served, in the order they are listed.
var groupVersions = append(native.GroupVersions[:len(native.GroupVersions):len(native.GroupVersions)], v1alpha1.SchemeGroupVersion)

func init() {
	for _, scheme := range []*runtime.Scheme{Scheme, openAPIScheme} {
		utilruntime.Must(native.AddToScheme(scheme))
		utilruntime.Must(federation.AddToScheme(scheme))
	}
	native.AddDefaults(Scheme)
	metav1.AddToGroupVersion(Scheme, schema.GroupVersion{Version: "v1"})
	for _, gv := range groupVersions {
		utilruntime.Must(Scheme.SetVersionPriority(gv))
	}
	for _, k := range kinds {
		addInternal(k.Group, k.New(), k.NewList())
		if k.Fields != nil {
			utilruntime.Must(Scheme.AddFieldLabelConversionFunc(k.GroupVersionKind, selectableFields(k)))
		}
	}
	addInternal(v1alpha1.GroupName, &v1alpha1.PlacementReview{})
	addInternal(autoscalingv1.GroupName, &autoscalingv1.Scale{})
	addInternal(authorizationv1.GroupName, &authorizationv1.SelfSubjectAccessReview{}, &authorizationv1.SelfSubjectRulesReview{})
	addInternal(authenticationv1.GroupName, &authenticationv1.SelfSubjectReview{})
}

func addInternal(group string, objects ...runtime.Object) {
	Scheme.AddKnownTypes(schema.GroupVersion{Group: group, Version: runtime.APIVersionInternal}, objects...)
}

// selectableFields lets a kind's own fields be used in field selectors.
func selectableFields(k kind.Kind) runtime.FieldLabelConversionFunc {
	own := k.Fields(k.New())
	return func(label, value string) (string, string, error) {
		if _, ok := own[label]; ok || label == "metadata.name" || label == "metadata.namespace" {
			return label, value, nil
		}
		return "", "", fmt.Errorf("field label not supported: %s", label)
	}
}
