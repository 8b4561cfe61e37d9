// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"

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

// RevisionName names the revision of a workload that has a hash: web-7c5ddbdf54.
func RevisionName(workload, hash string) string {
	longest := validation.DNS1123SubdomainMaxLength - len("-") - len(hash)
	return strings.TrimRight(workload[:min(len(workload), longest)], "-.") + "-" + hash
}
