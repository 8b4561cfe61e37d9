// Copyright The Drover Authors.
// SPDX-License-Identifier: Apache-2.0

package schedule

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"

	"drover.dev/drover/pkg/apis/federation/v1alpha1"
	"drover.dev/drover/pkg/controllers/schedule/decision"
)

var (
	movesStarted = metrics.NewCounter(&metrics.CounterOpts{
		Namespace: "drover", Name: "workload_moves_started_total", StabilityLevel: metrics.ALPHA,
		Help: "Moves of a workload's replicas, or clients, between clusters that have begun.",
	})
	movesFinished = metrics.NewCounter(&metrics.CounterOpts{
		Namespace: "drover", Name: "workload_moves_finished_total", StabilityLevel: metrics.ALPHA,
		Help: "Moves of a workload's replicas, or clients, between clusters that have come to their end.",
	})
	moveDuration = metrics.NewHistogram(&metrics.HistogramOpts{
		Namespace: "drover", Name: "workload_move_duration_seconds", StabilityLevel: metrics.ALPHA,
		Help:    "How long moves took that have come to their end.",
		Buckets: []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600},
	})
	belowFloor = metrics.NewGauge(&metrics.GaugeOpts{
		Namespace: "drover", Name: "workload_move_replicas_below_floor", StabilityLevel: metrics.ALPHA,
		Help: "Replicas that workloads which are moved have fewer available than their policies and PodDisruptionBudgets ask for.",
	})
)

func init() { legacyregistry.MustRegister(movesStarted, movesFinished, moveDuration, belowFloor) }

// moves counts the moves of workloads.
type moves struct {
	mu    sync.Mutex
	below map[string]int32 // by workload, what of those that are moved is missing
	sum   int32
}

func newMoves() *moves { return &moves{below: map[string]int32{}} }

// decided notes a decision that was written, and the one before; nil if there was none. Status is what clusters reported,
// floor how many replicas are to be available.
func (m *moves) decided(workload string, was, is *v1alpha1.PlacementSpec, status *v1alpha1.PlacementStatus, floor int32, now time.Time) {
	moved, moves := was != nil && decision.Moves(was), decision.Moves(is)
	switch {
	case !moved && moves:
		movesStarted.Inc()
	case moved && !moves:
		movesFinished.Inc()
		if c := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionProgressing); c != nil && c.Reason != v1alpha1.ReasonSettled {
			moveDuration.Observe(now.Sub(c.LastTransitionTime.Time).Seconds())
		}
	}
	missing := int32(0)
	if moves {
		missing = max(0, floor-available(status))
	}
	m.set(workload, missing)
}

// forget forgets a workload that is not there any more.
func (m *moves) forget(workload string) { m.set(workload, 0) }

func (m *moves) set(workload string, missing int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum += missing - m.below[workload]
	if m.below[workload] = missing; missing == 0 {
		delete(m.below, workload)
	}
	belowFloor.Set(float64(m.sum))
}

func available(status *v1alpha1.PlacementStatus) (sum int32) {
	for i := range status.Clusters {
		sum += status.Clusters[i].AvailableReplicas
	}
	return sum
}
