// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

// Package override changes a workload for a cluster, and says beforehand whether a change can work at all.
package override

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// Apply makes the manifest of a workload of some kind, as JSON, into that for a cluster. The overrides name clusters, as
// in a Placement.
func Apply(kind schema.GroupVersionKind, manifest []byte, cluster string, overrides []v1alpha1.Override) ([]byte, error) {
	touched, err := scheme.Scheme.New(kind)
	if err != nil {
		return nil, err
	}
	for i := range overrides {
		o := &overrides[i]
		if len(o.Clusters) > 0 && !slices.Contains(o.Clusters, cluster) {
			continue
		}
		if manifest, err = apply(touched, manifest, o); err != nil {
			where := "all clusters"
			if len(o.Clusters) > 0 {
				where = strings.Join(o.Clusters, ", ")
			}
			return nil, fmt.Errorf("the policy's override for %s: %w", where, err)
		}
	}
	return manifest, nil
}

func apply(touched runtime.Object, manifest []byte, o *v1alpha1.Override) ([]byte, error) {
	if len(o.JSONPatch) > 0 {
		data, err := json.Marshal(o.JSONPatch)
		if err != nil {
			return nil, err
		}
		patch, err := jsonpatch.DecodePatch(data)
		if err != nil {
			return nil, fmt.Errorf("jsonPatch: %w", err)
		}
		if manifest, err = patch.Apply(manifest); err != nil {
			return nil, fmt.Errorf("jsonPatch: %w", err)
		}
	}
	if o.StrategicMerge == nil {
		return manifest, nil
	}
	manifest, err := strategicpatch.StrategicMergePatch(manifest, o.StrategicMerge.Raw, touched)
	if err != nil {
		return nil, fmt.Errorf("strategicMerge: %w", err)
	}
	return manifest, nil
}
