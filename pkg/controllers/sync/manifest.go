// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/utils/ptr"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

// manifest is what a member is to hold of an object: the JSON of an apply request, and what tells it from others.
type manifest struct {
	json []byte
	// digest of the request but for its replicas.
	digest string
	// replicas in the request; nil if there are none.
	replicas *int32
}

// same says whether two requests are the same.
func (m manifest) same(digest string, replicas *int32) bool {
	return m.digest == digest && ptr.Equal(m.replicas, replicas)
}

// newManifest makes a federated object into one for a member: without what the federation's server and controllers wrote,
// with Drover's marks.
func newManifest(kind schema.GroupVersionKind, obj runtime.Object, identity string) (manifest, error) {
	source, err := meta.Accessor(obj)
	if err != nil {
		return manifest{}, err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		return manifest{}, fmt.Errorf("manifest of %s %s: %w", kind.Kind, source.GetName(), err)
	}
	delete(content, "status")
	content["apiVersion"], content["kind"] = kind.GroupVersion().String(), kind.Kind
	content["metadata"] = metadataOf(source, identity)
	dropNulls(content)
	return seal(content)
}

// seal makes the request, and puts its digest on the object: what the member holds then tells what was written last,
// also after the member was set back to an older state. It leaves out the replicas, which can be seen on the object, and
// are also written by themselves.
func seal(content map[string]any) (manifest, error) {
	m := manifest{}
	replicas, counted, _ := unstructured.NestedFieldNoCopy(content, "spec", "replicas")
	if counted {
		m.replicas = ptr.To(toInt32(replicas))
		unstructured.RemoveNestedField(content, "spec", "replicas")
	}
	data, err := json.Marshal(content)
	if err != nil {
		return manifest{}, err
	}
	h := fnv.New64a()
	h.Write(data)
	m.digest = strconv.FormatUint(h.Sum64(), 36)
	if counted {
		if err := unstructured.SetNestedField(content, replicas, "spec", "replicas"); err != nil {
			return manifest{}, err
		}
	}
	if err := unstructured.SetNestedField(content, m.digest, "metadata", "annotations", v1alpha1.AnnotationDigest); err != nil {
		return manifest{}, err
	}
	m.json, err = json.Marshal(content)
	return m, err
}

// toInt32 is a number as it is in JSON that was read, or will be written.
func toInt32(number any) int32 {
	switch n := number.(type) {
	case int64:
		return int32(n)
	case float64:
		return int32(n)
	}
	return 0
}

// addition is a value that a request has besides what is in the manifest.
type addition struct {
	value any
	path  []string
}

// with is the request with additions.
func (m manifest) with(additions ...addition) ([]byte, error) {
	if len(additions) == 0 {
		return m.json, nil
	}
	var content map[string]any
	if err := json.Unmarshal(m.json, &content); err != nil {
		return nil, err
	}
	for _, a := range additions {
		if err := unstructured.SetNestedField(content, a.value, a.path...); err != nil {
			return nil, err
		}
	}
	return json.Marshal(content)
}

// remark puts Drover's marks back onto a manifest that was changed, so that no change can lose track of an object.
func remark(data []byte, source metav1.Object, identity string) (manifest, error) {
	var content map[string]any
	if err := json.Unmarshal(data, &content); err != nil {
		return manifest{}, err
	}
	if err := unstructured.SetNestedField(content, "true", "metadata", "labels", v1alpha1.LabelManaged); err != nil {
		return manifest{}, err
	}
	unstructured.RemoveNestedField(content, "metadata", "annotations", v1alpha1.AnnotationDigest)
	for key, value := range marks(source, identity) {
		if err := unstructured.SetNestedField(content, value, "metadata", "annotations", key); err != nil {
			return manifest{}, err
		}
	}
	return seal(content)
}

func metadataOf(source metav1.Object, identity string) map[string]any {
	labels := map[string]any{v1alpha1.LabelManaged: "true"}
	for key, value := range source.GetLabels() {
		if !own(key) {
			labels[key] = value
		}
	}
	annotations := map[string]any{}
	for key, value := range source.GetAnnotations() {
		if !own(key) && !recordedHere.Has(key) {
			annotations[key] = value
		}
	}
	maps.Copy(annotations, marks(source, identity))
	out := map[string]any{"name": source.GetName(), "labels": labels, "annotations": annotations}
	if source.GetNamespace() != "" {
		out["namespace"] = source.GetNamespace()
	}
	return out
}

// marks say whose an object in a member is, and what of.
func marks(source metav1.Object, identity string) map[string]any {
	marks := map[string]any{
		v1alpha1.AnnotationFederation:       identity,
		v1alpha1.AnnotationSourceUID:        string(source.GetUID()),
		v1alpha1.AnnotationSourceGeneration: strconv.FormatInt(source.GetGeneration(), 10),
	}
	if hash := source.GetAnnotations()[v1alpha1.AnnotationTemplateHash]; hash != "" {
		marks[v1alpha1.AnnotationTemplateHash] = hash
	}
	return marks
}

// recordedHere are annotations that the federation's server and clients keep for themselves. A cluster's controllers keep
// their own of the same names.
var recordedHere = sets.New(corev1.LastAppliedConfigAnnotation, v1alpha1.AnnotationRevision, appsv1.DeprecatedTemplateGeneration)

// own says whether a label or annotation belongs to Drover.
func own(key string) bool { return strings.HasPrefix(key, v1alpha1.GroupName+"/") }

// dropNulls removes null fields: an apply request would own them.
func dropNulls(value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, child := range v {
			if child == nil {
				delete(v, key)
				continue
			}
			dropNulls(child)
		}
	case []any:
		for _, child := range v {
			dropNulls(child)
		}
	}
}
