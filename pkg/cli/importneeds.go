// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"
)

// builtIn are the priority classes that every cluster has.
var builtIn = []string{"system-cluster-critical", "system-node-critical"}

// needs are what of a cluster itself objects name: "storageclass/fast". Drover does not carry it to other clusters.
func needs(objects []object) []string {
	all := sets.New[string]()
	add := func(kind, name string) {
		if name != "" && !slices.Contains(builtIn, name) {
			all.Insert(kind + "/" + name)
		}
	}
	for _, o := range objects {
		s := look(o, "")
		if s.typed == nil {
			continue
		}
		if s.kind != nil && s.kind.Template != nil {
			spec := s.kind.Template(s.typed).Spec
			add("priorityclass", spec.PriorityClassName)
			add("runtimeclass", ptr.Deref(spec.RuntimeClassName, ""))
		}
		switch typed := s.typed.(type) {
		case *appsv1.StatefulSet:
			for _, claim := range typed.Spec.VolumeClaimTemplates {
				add("storageclass", ptr.Deref(claim.Spec.StorageClassName, ""))
			}
		case *networkingv1.Ingress:
			add("ingressclass", ptr.Deref(typed.Spec.IngressClassName, ""))
		}
	}
	return sets.List(all)
}
