// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Resources that Drover writes to members or reads from them.
var (
	Namespaces      = corev1.SchemeGroupVersion.WithResource("namespaces")
	ConfigMaps      = corev1.SchemeGroupVersion.WithResource("configmaps")
	Secrets         = corev1.SchemeGroupVersion.WithResource("secrets")
	ServiceAccounts = corev1.SchemeGroupVersion.WithResource("serviceaccounts")
	Services        = corev1.SchemeGroupVersion.WithResource("services")
	Deployments     = appsv1.SchemeGroupVersion.WithResource("deployments")
	Ingresses       = networkingv1.SchemeGroupVersion.WithResource("ingresses")
	Pods            = corev1.SchemeGroupVersion.WithResource("pods")
	EndpointSlices  = discoveryv1.SchemeGroupVersion.WithResource("endpointslices")
)

// Synced are the resources that Drover writes to members. A namespace comes before what is in it.
var Synced = []schema.GroupVersionResource{Namespaces, ServiceAccounts, ConfigMaps, Secrets, Deployments, Services, Ingresses}
