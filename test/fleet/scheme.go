// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"

	"drover.dev/drover/pkg/apis/kind"
	"drover.dev/drover/pkg/apis/native"
)

var (
	// scheme holds each type under its version and, as the same Go type, under its internal version.
	scheme = runtime.NewScheme()
	codecs = serializer.NewCodecFactory(scheme)
	// openAPIScheme names the types in OpenAPI. It must not know of internal versions.
	openAPIScheme = runtime.NewScheme()
	// kinds are those that are stored.
	kinds = memberKinds()
)

func init() {
	for _, s := range []*runtime.Scheme{scheme, openAPIScheme} {
		utilruntime.Must(native.AddToScheme(s))
		utilruntime.Must(discoveryv1.AddToScheme(s))
	}
	native.AddDefaults(scheme)
	metav1.AddToGroupVersion(scheme, schema.GroupVersion{Version: "v1"})
	for _, k := range kinds {
		addInternal(k.Group, k.New(), k.NewList())
		if k.Fields != nil {
			utilruntime.Must(scheme.AddFieldLabelConversionFunc(k.GroupVersionKind, selectable(k)))
		}
	}
	addInternal(autoscalingv1.GroupName, &autoscalingv1.Scale{})
	addInternal(authenticationv1.GroupName, &authenticationv1.TokenRequest{})
	addInternal(authorizationv1.GroupName, &authorizationv1.SelfSubjectAccessReview{})
}

func addInternal(group string, objects ...runtime.Object) {
	scheme.AddKnownTypes(schema.GroupVersion{Group: group, Version: runtime.APIVersionInternal}, objects...)
}

// selectable lets a kind's own fields be used in field selectors.
func selectable(k kind.Kind) runtime.FieldLabelConversionFunc {
	own := k.Fields(k.New())
	return func(label, value string) (string, string, error) {
		if own.Has(label) || label == "metadata.name" || label == "metadata.namespace" {
			return label, value, nil
		}
		return "", "", fmt.Errorf("field label not supported: %s", label)
	}
}
