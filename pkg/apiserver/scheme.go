// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package apiserver

import (
	"fmt"
	"slices"

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
	// Scheme holds every type served, each under its version and, as the same Go type, under its internal version: what
	// is served as one version is never converted.
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
	utilruntime.Must(native.AddConversions(Scheme))
	metav1.AddToGroupVersion(Scheme, schema.GroupVersion{Version: "v1"})
	for _, group := range groups() {
		utilruntime.Must(Scheme.SetVersionPriority(versionsOf(group)...))
	}
	for _, k := range kinds {
		addInternal(k.Group, k.New(), k.NewList())
		addFieldLabels(k.GroupVersionKind, k.Namespaced, ownFields(k))
		for _, door := range k.Doors {
			addInternal(door.Group, k.New(), k.NewList())
			names := door.Fields
			if names == nil {
				names = ownFields(k)
			}
			addFieldLabels(door.WithKind(k.Kind), k.Namespaced, names)
		}
	}
	addInternal(v1alpha1.GroupName, &v1alpha1.PlacementReview{})
	addInternal(autoscalingv1.GroupName, &autoscalingv1.Scale{})
	addInternal(authorizationv1.GroupName, &authorizationv1.SelfSubjectAccessReview{}, &authorizationv1.SelfSubjectRulesReview{},
		&authorizationv1.SubjectAccessReview{}, &authorizationv1.LocalSubjectAccessReview{})
	addInternal(authenticationv1.GroupName, &authenticationv1.SelfSubjectReview{}, &authenticationv1.TokenReview{}, &authenticationv1.TokenRequest{})
}

func addInternal(group string, objects ...runtime.Object) {
	Scheme.AddKnownTypes(schema.GroupVersion{Group: group, Version: runtime.APIVersionInternal}, objects...)
}

// addFieldLabels lets objects be selected by fields at a door.
func addFieldLabels(gvk schema.GroupVersionKind, namespaced bool, names map[string]string) {
	utilruntime.Must(Scheme.AddFieldLabelConversionFunc(gvk, selectableFields(namespaced, names)))
}

// groups are the names of all API groups served, in the order they are listed.
func groups() []string {
	var names []string
	for _, gv := range groupVersions {
		if !slices.Contains(names, gv.Group) {
			names = append(names, gv.Group)
		}
	}
	return names
}

// versionsOf are the versions of a group, the preferred one first.
func versionsOf(group string) []schema.GroupVersion {
	return slices.DeleteFunc(slices.Clone(groupVersions), func(gv schema.GroupVersion) bool { return gv.Group != group })
}

// ownFields are the names of a kind's fields at its own door.
func ownFields(k kind.Kind) map[string]string {
	names := map[string]string{}
	if k.Fields == nil {
		return names
	}
	for name := range k.Fields(k.New()) {
		names[name] = name
	}
	return names
}

// selectableFields lets fields be used in field selectors, by what they are called in kind.Kind.
func selectableFields(namespaced bool, names map[string]string) runtime.FieldLabelConversionFunc {
	if len(names) == 0 {
		return runtime.DefaultMetaV1FieldSelectorConversion
	}
	return func(label, value string) (string, string, error) {
		if label == "metadata.name" || label == "metadata.namespace" && namespaced {
			return label, value, nil
		}
		if own, ok := names[label]; ok {
			return own, value, nil
		}
		return "", "", fmt.Errorf("field label not supported: %s", label)
	}
}
