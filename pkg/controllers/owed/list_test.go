// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package owed

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
)

func deletions(from, to int, policy metav1.DeletionPropagation) (out []v1alpha1.OwedDeletion) {
	for i := from; i < to; i++ {
		out = append(out, v1alpha1.OwedDeletion{
			Group: "apps", Resource: "deployments", Namespace: "default", Name: "web-" + strconv.Itoa(i),
			UID: types.UID(string(policy) + strconv.Itoa(i)), PropagationPolicy: policy,
		})
	}
	return out
}

func TestAdd(t *testing.T) {
	const background, orphan = metav1.DeletePropagationBackground, metav1.DeletePropagationOrphan
	for name, test := range map[string]struct {
		was  v1alpha1.ClusterStatus
		more []v1alpha1.OwedDeletion
		// listed, orphans and hasMore are what the status says then; remembered are the first so many of those added.
		listed, orphans, remembered int
		hasMore                     bool
	}{
		"the first": {more: deletions(0, 3, background), listed: 3, remembered: 3},
		"again": {
			was:  v1alpha1.ClusterStatus{Owed: deletions(0, 3, background)},
			more: deletions(1, 4, background), listed: 4, remembered: 3,
		},
		"as many as there is room for": {more: deletions(0, listed, background), listed: listed, remembered: listed},
		"more than there is room for":  {more: deletions(0, listed+1, background), listed: listed, remembered: listed + 1, hasMore: true},
		"there were more already": {
			was:  v1alpha1.ClusterStatus{Owed: deletions(0, 3, background), OwedMore: true},
			more: deletions(3, 4, background), listed: 3, remembered: 1, hasMore: true,
		},
		"orphans come first": {
			more:   append(deletions(0, listed, background), deletions(0, 2, orphan)...),
			listed: listed, orphans: 2, remembered: listed + 2, hasMore: true,
		},
		"orphans that there is no room for": {
			was:  v1alpha1.ClusterStatus{Owed: deletions(0, listed, background)},
			more: deletions(0, 2, orphan), listed: listed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			status := test.was.DeepCopy()
			add(status, test.more)
			orphans, remembered := 0, 0
			for _, d := range status.Owed {
				if isOrphan(d) {
					orphans++
				}
			}
			for _, d := range test.more {
				if remembers(status, d) {
					remembered++
				}
			}
			got := []any{len(status.Owed), orphans, status.OwedMore, remembered}
			if diff := cmp.Diff([]any{test.listed, test.orphans, test.hasMore, test.remembered}, got); diff != "" {
				t.Errorf("listed, orphans, more, remembered (-want +got):\n%s", diff)
			}
		})
	}
}

// What a Cluster lists fits into etcd, with names as long as they may be.
func TestListedFits(t *testing.T) {
	status := &v1alpha1.ClusterStatus{}
	more := deletions(0, listed, metav1.DeletePropagationForeground)
	for i := range more {
		more[i].Namespace, more[i].Name = strings.Repeat("n", 63), strings.Repeat("w", 250)+strconv.Itoa(i)[:1]+strconv.Itoa(i%10)
		more[i].Group, more[i].Resource, more[i].UID = "autoscaling", "horizontalpodautoscalers", types.UID(strings.Repeat("u", 32)+strconv.Itoa(1000+i))
	}
	add(status, more)
	const quarter = 1536 << 10 / 4
	if size := len(mustMarshal(t, status)); len(status.Owed) != listed || size > quarter {
		t.Errorf("%d deletions are %d bytes, want %d in at most %d", len(status.Owed), size, listed, quarter)
	}
}

func mustMarshal(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
