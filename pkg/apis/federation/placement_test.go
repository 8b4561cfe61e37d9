// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package federation

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func TestOwnersOfAPlacement(t *testing.T) {
	updated := metav1.ManagedFieldsEntry{Manager: "drover-controllers", Operation: metav1.ManagedFieldsOperationUpdate}
	applied := metav1.ManagedFieldsEntry{Manager: "alice", Operation: metav1.ManagedFieldsOperationApply}
	for _, tt := range []struct {
		name    string
		entries []metav1.ManagedFieldsEntry
		kept    int
	}{
		{"nobody", nil, 0},
		{"the controllers", []metav1.ManagedFieldsEntry{updated}, 0},
		{"somebody who has applied it", []metav1.ManagedFieldsEntry{applied}, 1},
		{"both", []metav1.ManagedFieldsEntry{updated, applied}, 2},
	} {
		p := &v1alpha1.Placement{ObjectMeta: metav1.ObjectMeta{ManagedFields: tt.entries}}
		if placements.Prepare(p, nil); len(p.ManagedFields) != tt.kept {
			t.Errorf("%s: %v", tt.name, p.ManagedFields)
		}
	}
}
