// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package placement

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func BenchmarkPlan(b *testing.B) {
	weights := []struct {
		name string
		of   func(r *rand.Rand, i int) int64
	}{
		{"equal", func(*rand.Rand, int) int64 { return 1 }},
		{"1to10", func(_ *rand.Rand, i int) int64 { return int64(i%10 + 1) }},
		{"1to100", func(r *rand.Rand, _ int) int64 { return r.Int64N(100) + 1 }},
		{"any", func(r *rand.Rand, _ int) int64 { return r.Int64N(math.MaxInt32) + 1 }},
		{"largest", func(r *rand.Rand, _ int) int64 { return r.Int64N(MaxWeight) + 1 }},
		{"dominant", func(r *rand.Rand, i int) int64 {
			if i == 0 {
				return math.MaxInt32
			}
			return r.Int64N(1000) + 1
		}},
		{"powers", func(_ *rand.Rand, i int) int64 { return 1 << (i % 31) }},
	}
	for _, size := range []struct{ replicas, clusters int }{{100, 10}, {1000, 10}, {10_000, 10}, {1, 1000}, {10_000, 1000}, {100_000, 1000}} {
		for _, w := range weights {
			r := rand.New(rand.NewPCG(1, 2))
			req := Request{Key: "deployment/default/web", Replicas: int64(size.replicas), Rebalance: true}
			for i := range size.clusters {
				req.Clusters = append(req.Clusters, Cluster{Name: fmt.Sprintf("cluster-%03d", i), Weight: w.of(r, i)})
			}
			b.Run(fmt.Sprintf("replicas=%d/clusters=%d/weights=%s", size.replicas, size.clusters, w.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := Plan(req); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
