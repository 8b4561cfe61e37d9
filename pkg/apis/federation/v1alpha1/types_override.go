// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Override changes workloads in some clusters: another image registry, another size, another environment.
type Override struct {
	// Names of the clusters it applies to.
	// +optional
	// +listType=set
	Clusters []string `json:"clusters,omitempty"`
	// Labels of the clusters it applies to. With neither names nor labels it applies to all; with both, to those that
	// either selects.
	// +optional
	ClusterSelector *metav1.LabelSelector `json:"clusterSelector,omitempty"`
	// Operations of a JSON Patch (RFC 6902) on the workload, in order.
	// +optional
	// +listType=atomic
	JSONPatch []JSONPatchOperation `json:"jsonPatch,omitempty"`
	// A strategic merge patch on the workload, applied after jsonPatch, as kubectl patch would.
	// +optional
	StrategicMerge *JSON `json:"strategicMerge,omitempty"`
}

// JSONPatchOperation is one step of a JSON Patch (RFC 6902).
type JSONPatchOperation struct {
	// add, remove, replace, move, copy or test.
	Op string `json:"op"`
	// Where, as a JSON Pointer (RFC 6901), e.g. /spec/template/spec/containers/0/image.
	Path string `json:"path"`
	// Where from, for move and copy.
	// +optional
	From string `json:"from,omitempty"`
	// The value, for add, replace and test.
	// +optional
	Value *JSON `json:"value,omitempty"`
}

// JSON is any JSON value.
type JSON struct {
	Raw []byte `json:"-"`
}

// OpenAPISchemaType says that a JSON may be of any type.
func (JSON) OpenAPISchemaType() []string { return nil }

// OpenAPISchemaFormat says that a JSON has no format.
func (JSON) OpenAPISchemaFormat() string { return "" }

// MarshalJSON writes the value as it is.
func (j JSON) MarshalJSON() ([]byte, error) {
	if len(j.Raw) == 0 {
		return []byte("null"), nil
	}
	return j.Raw, nil
}

// UnmarshalJSON keeps the value as it is, without its white space.
func (j *JSON) UnmarshalJSON(data []byte) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return err
	}
	j.Raw = compact.Bytes()
	return nil
}
