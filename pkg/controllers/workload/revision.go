// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/validation"
)

// RevisionHash tells a template from others. Another salt makes another hash, for when two are found to have the same.
func RevisionHash(template *corev1.PodTemplateSpec, salt int) string {
	h := fnv.New32a()
	_ = json.NewEncoder(h).Encode(template) // to a hash
	if salt > 0 {
		_, _ = h.Write([]byte(strconv.Itoa(salt)))
	}
	return rand.SafeEncodeString(strconv.FormatUint(uint64(h.Sum32()), 10))
}

// RevisionTemplate is the pod template that a revision keeps, a ReplicaSet or a ControllerRevision; nil if it keeps none.
func RevisionTemplate(revision any) *corev1.PodTemplateSpec {
	switch r := revision.(type) {
	case *appsv1.ReplicaSet:
		template := r.Spec.Template.DeepCopy()
		delete(template.Labels, appsv1.DefaultDeploymentUniqueLabelKey) // which tells its pods from those of other revisions
		return template
	case *appsv1.ControllerRevision:
		var data struct {
			Spec struct {
				Template *corev1.PodTemplateSpec `json:"template"`
			} `json:"spec"`
		}
		if json.Unmarshal(r.Data.Raw, &data) == nil {
			return data.Spec.Template
		}
	}
	return nil
}

// RevisionName names the revision of a workload that has a hash: web-7c5ddbdf54.
func RevisionName(workload, hash string) string {
	longest := validation.DNS1123SubdomainMaxLength - len("-") - len(hash)
	return strings.TrimRight(workload[:min(len(workload), longest)], "-.") + "-" + hash
}
