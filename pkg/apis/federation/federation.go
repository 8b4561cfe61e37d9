// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package federation is the table of Drover's own kinds: how each is named, checked and printed.
package federation

import (
	"k8s.io/apimachinery/pkg/runtime"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/apis/kind"
)

// Kinds returns the table.
func Kinds() []kind.Kind {
	return []kind.Kind{clusters, placementPolicies, placements, trafficPolicies, migrations}
}

// AddToScheme registers the types and their defaults.
func AddToScheme(scheme *runtime.Scheme) error {
	return v1alpha1.AddToScheme(scheme)
}

func ident(name, resource, singular string, short ...string) kind.Kind {
	return kind.Kind{
		GroupVersionKind: v1alpha1.SchemeGroupVersion.WithKind(name), Resource: resource, Singular: singular,
		ShortNames: short, Categories: []string{"drover"}, Namespaced: true,
	}
}
