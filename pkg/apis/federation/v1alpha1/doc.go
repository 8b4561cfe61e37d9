// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds Drover's own API types: Cluster, PlacementPolicy, Placement and
// TrafficPolicy, and PlacementReview, which is only asked.
//
// +k8s:deepcopy-gen=package
// +k8s:defaulter-gen=TypeMeta
// +k8s:openapi-gen=true
// +k8s:openapi-model-package=dev.drover.federation.v1alpha1
// +groupName=federation.drover.dev
package v1alpha1
