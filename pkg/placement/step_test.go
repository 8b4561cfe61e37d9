// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"slices"
	"testing"
)

func TestStep(t *testing.T) {
	ready := func(replicas, target int64) Share {
		return Share{Replicas: replicas, Target: target, Pods: replicas, Available: replicas}
	}
	for _, tt := range []struct {
		name string
		move Move
		want []int64
	}{
		{"nothing to do", Move{Desired: 4, MaxSurge: 1, Shares: []Share{ready(2, 2), ready(2, 2)}}, []int64{2, 2}},
		{"made before anything is broken", Move{Desired: 4, MaxSurge: 1, Shares: []Share{ready(4, 0), ready(0, 4)}}, []int64{4, 1}},
		{"not available yet", Move{Desired: 4, MaxSurge: 1, Shares: []Share{ready(4, 0), {Replicas: 1, Target: 4, Pods: 1}}}, []int64{4, 1}},
		{"available", Move{Desired: 4, MaxSurge: 1, Shares: []Share{ready(4, 0), ready(1, 4)}}, []int64{3, 1}},
		{"given up, and still there", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 3, Pods: 4, Available: 4}, ready(1, 4)}}, []int64{3, 1}},
		{"gone", Move{Desired: 4, MaxSurge: 1, Shares: []Share{ready(3, 0), ready(1, 4)}}, []int64{3, 2}},
		{"some may be missing", Move{Desired: 4, MaxUnavailable: 2, Shares: []Share{ready(4, 0), ready(0, 4)}}, []int64{2, 0}},
		{"neither more nor less: one more", Move{Desired: 4, Shares: []Share{ready(4, 0), ready(0, 4)}}, []int64{4, 1}},
		{"what is not available is not missed", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 4, Pods: 4, Available: 1}, ready(0, 4)}}, []int64{1, 1}},
		{"while pods are replaced, any may go", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 4, Pods: 5, Available: 3, Rolling: true}, ready(0, 4)}}, []int64{4, 1}},
		{"a lost cluster is not counted on", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 2, Target: 2, Pods: 2, Available: 2, Unknown: true}, ready(2, 0), ready(0, 2)}}, []int64{2, 2, 1}},
		{"nor given up before the others are enough", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 2, Pods: 2, Unknown: true}, ready(2, 4)}}, []int64{2, 3}},
		{"then it is", Move{Desired: 4, MaxSurge: 1, Shares: []Share{{Replicas: 2, Pods: 2, Unknown: true}, ready(4, 4)}}, []int64{0, 4}},
		{"scaling up waits for nobody", Move{Desired: 9, MaxSurge: 1, Shares: []Share{{Replicas: 2, Target: 5, Pods: 2}, {Replicas: 2, Target: 4}}}, []int64{5, 4}},
		{"scaling down waits for nobody", Move{Desired: 2, MaxSurge: 1, Shares: []Share{ready(5, 1), ready(4, 1)}}, []int64{1, 1}},
		{"scaling to nothing", Move{Shares: []Share{ready(5, 0), ready(4, 0)}}, []int64{0, 0}},
		{"by priority", Move{Desired: 6, MaxSurge: 2, Shares: []Share{{Target: 3, Priority: 1}, {Target: 3, Priority: 2}, ready(6, 0)}}, []int64{0, 2, 6}},
	} {
		if got := replicasOf(Step(tt.move)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func replicasOf(next []Next) (replicas []int64) {
	for _, n := range next {
		replicas = append(replicas, n.Replicas)
	}
	return replicas
}
