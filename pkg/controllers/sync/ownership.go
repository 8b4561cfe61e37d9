// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package sync

import (
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/members"
)

// schemas know which lists and maps of the native kinds merge, and by which keys.
var schemas = applyconfigurations.NewTypeConverter(scheme.Scheme)

// unowned are the fields of a request that nobody owns.
var unowned = fieldpath.NewSet(
	fieldpath.MakePathOrDie("apiVersion"), fieldpath.MakePathOrDie("kind"), fieldpath.MakePathOrDie("metadata"),
	fieldpath.MakePathOrDie("metadata", "name"), fieldpath.MakePathOrDie("metadata", "namespace"),
)

// hasAlready says whether an object has all that would be written, and Drover owns all of it: it was written before these
// controllers ran, or before the cluster was connected.
func (q *queue) hasAlready(it item, want desired, live metav1.Object) bool {
	if !want.manifest.same(live.GetAnnotations()[v1alpha1.AnnotationDigest], replicasIn(it, live, want.manifest)) {
		return false
	}
	owned := q.controller.manifests.ownership(it, want.manifest.digest, func() string {
		request, err := want.request(false, false)
		if err != nil {
			return ""
		}
		return ownership(request)
	})
	return owned != "" && owned == members.OwnedFields(live)
}

func (q *queue) noteFound(it item, want desired, live metav1.Object) applied {
	found := applied{digest: want.manifest.digest, replicas: want.manifest.replicas, owned: members.OwnedFields(live), at: q.controller.now(), seen: true}
	q.remember(it, found)
	return found
}

// ownership is the digest of the fields that Drover owns after a request, as members.OwnedFields has it of the object
// that came of it. A member of another version of Kubernetes may see it otherwise: then they differ. It is empty if the
// request has fields that are not known here.
func ownership(request []byte) string {
	content := &unstructured.Unstructured{}
	if err := json.Unmarshal(request, &content.Object); err != nil {
		return ""
	}
	typed, err := schemas.ObjectToTyped(content)
	if err != nil {
		return ""
	}
	set, err := typed.ToFieldSet()
	if err != nil {
		return ""
	}
	fields, err := set.Difference(unowned).ToJSON()
	if err != nil {
		return ""
	}
	return members.DigestFields(metav1.NewFieldsV1(string(fields)))
}
