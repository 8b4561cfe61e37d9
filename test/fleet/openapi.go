// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	openapicommon "k8s.io/kube-openapi/pkg/common"
	"k8s.io/kube-openapi/pkg/validation/spec"

	generatedopenapi "drover.dev/drover/pkg/generated/openapi"
)

// undescribed are kinds that there are no definitions of in Drover. Their metadata merges as everywhere; of the rest,
// lists are atomic, which they mostly are in Kubernetes.
var undescribed = []interface{ OpenAPIModelName() string }{
	discoveryv1.EndpointSlice{},
	discoveryv1.EndpointSliceList{},
}

// openAPIDefinitions tell server-side apply how objects merge.
func openAPIDefinitions(ref openapicommon.ReferenceCallback) map[string]openapicommon.OpenAPIDefinition {
	definitions := generatedopenapi.GetOpenAPIDefinitions(ref)
	metadata := metav1.ObjectMeta{}.OpenAPIModelName()
	for _, object := range undescribed {
		if _, ok := definitions[object.OpenAPIModelName()]; ok {
			continue
		}
		definitions[object.OpenAPIModelName()] = openapicommon.OpenAPIDefinition{
			Schema: spec.Schema{
				SchemaProps: spec.SchemaProps{
					Type:       []string{"object"},
					Properties: map[string]spec.Schema{"metadata": {SchemaProps: spec.SchemaProps{Ref: ref(metadata)}}},
				},
				VendorExtensible: spec.VendorExtensible{Extensions: spec.Extensions{"x-kubernetes-preserve-unknown-fields": true}},
			},
			Dependencies: []string{metadata},
		}
	}
	return definitions
}
