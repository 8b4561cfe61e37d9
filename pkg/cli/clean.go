// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// writtenByControllers are annotations that the cluster's controllers keep for themselves. What kubectl apply wrote is not
// among them: it is what lets the next apply, to the federation, remove a field.
var writtenByControllers = []string{
	"deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation",
	"autoscaling.alpha.kubernetes.io/conditions", "autoscaling.alpha.kubernetes.io/current-metrics",
}

// cleaned is an object for the federation: without what the cluster's API server and controllers have set. What is made of
// it is written back to it in place, so it must not differ in anything from what is there.
func cleaned(o object) *unstructured.Unstructured {
	out := o.DeepCopy()
	labels, annotations := out.GetLabels(), out.GetAnnotations()
	delete(labels, corev1.LabelMetadataName)
	for _, key := range writtenByControllers {
		delete(annotations, key)
	}
	metadata := map[string]any{"name": out.GetName()}
	if out.GetNamespace() != "" {
		metadata["namespace"] = out.GetNamespace()
	}
	for key, value := range map[string]map[string]string{"labels": labels, "annotations": annotations} {
		if kept := othersOf(value); len(kept) > 0 {
			metadata[key] = kept
		}
	}
	out.Object["metadata"] = metadata
	delete(out.Object, "status")
	switch o.resource {
	case members.Services:
		cleanService(out.Object)
	case members.ServiceAccounts:
		delete(out.Object, "secrets") // tokens of this cluster
	case members.Namespaces:
		delete(out.Object, "spec") // finalizers
	case members.StatefulSets:
		cleanClaims(out.Object)
	}
	return out
}

// othersOf are the labels or annotations that are not Drover's own.
func othersOf(all map[string]string) map[string]any {
	out := map[string]any{}
	for key, value := range all {
		if !strings.HasPrefix(key, v1alpha1.GroupName+"/") {
			out[key] = value
		}
	}
	return out
}

// cleanService drops what a cluster allocates for a Service. One without a cluster IP by intent keeps that.
func cleanService(obj map[string]any) {
	spec, ok := obj["spec"].(map[string]any)
	if !ok {
		return
	}
	if spec["clusterIP"] != corev1.ClusterIPNone {
		delete(spec, "clusterIP")
		delete(spec, "clusterIPs")
	}
	for _, key := range []string{"healthCheckNodePort", "ipFamilies", "ipFamilyPolicy"} {
		delete(spec, key)
	}
	ports, _ := spec["ports"].([]any)
	for _, port := range ports {
		if p, ok := port.(map[string]any); ok {
			delete(p, "nodePort")
		}
	}
}

func cleanClaims(obj map[string]any) {
	claims, _, _ := unstructured.NestedFieldNoCopy(obj, "spec", "volumeClaimTemplates")
	list, _ := claims.([]any)
	for _, claim := range list {
		if c, ok := claim.(map[string]any); ok {
			delete(c, "status")
		}
	}
}
